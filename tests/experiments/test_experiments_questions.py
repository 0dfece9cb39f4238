"""Runs collected into a table: what is not usual is named, what is missing is said."""

import json

import pytest

from tdnnq_lab.experiments.acoustic import Recipe
from tdnnq_lab.experiments.questions import main
from tdnnq_lab.experiments.record import RunRecord
from tdnnq_lab.scoring import write_trn


def made(folder, recipe, wer, **settings):
    record = RunRecord.begin(folder, "train", "kaldi:x", 0, settings={"recipe": recipe.to_json(), **settings})
    record.finish(updates=30)
    if wer is not None:
        found = {"name": "dev", "wer": wer, "wer_interval": [1, 90], "per": 44.04, "words": 100}
        (folder / "results.json").write_text(json.dumps({"acoustic_scale": 1.0, "sets": [found]}))
        write_trn(folder / "ref" / "dev.trn.gz", {f"u{i}": list("abcde") for i in range(9)})
        write_trn(
            folder / "hyp" / "dev.trn.gz", {f"u{i}": list("abcxx" if i < wer - 45 else "abcde") for i in range(9)}
        )
    return str(folder)


def test_a_table_of_what_was_asked(tmp_path):
    plain = made(tmp_path / "plain", Recipe(), 50.04)
    tied = made(tmp_path / "tied", Recipe(warp=0.2), 47.5, start="plain", tying={"pdfs": 300})
    main(["--out", str(tmp_path / "all"), "--about", "Ten minutes each.", plain, tied])
    table = (tmp_path / "all.md").read_text(encoding="utf-8").splitlines()
    assert table[0] == "Ten minutes each."
    assert table[4].startswith("| plain | – |  | 30 |")
    assert table[4].endswith("| 50.0, 44.0 | – |")
    assert table[5].endswith("| 47.5, 44.0 | 0.025 to plain |")  # six segments, three of them better by 2: z = √5
    assert table[5].startswith("| tied | plain | warp 0.2, 300 biphone pdfs | 30 |")
    runs = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["runs"]
    assert [run["recipe"] for run in runs] == [{}, {"warp": 0.2}]
    assert all(run["command"] and run["versions"]["torch"] and "data" in run for run in runs)


def test_another_graph_a_gpu_and_two_sets(tmp_path):
    plain, better = made(tmp_path / "plain", Recipe(), 50.04), made(tmp_path / "better", Recipe(), 47.5)
    mixed = made(tmp_path / "better" / "mixed", Recipe(), 46.0)
    (tmp_path / "better" / "mixed" / "run.json").unlink()  # a graph's folder has none: its run's counts
    record = json.loads((tmp_path / "better" / "run.json").read_text())
    record["machine"]["gpu"] = "NVIDIA X"
    (tmp_path / "better" / "run.json").write_text(json.dumps(record))
    for folder in (plain, better, mixed):
        for kind in ("ref", "hyp"):
            text = (tmp_path / folder / kind / "dev.trn.gz").read_bytes()
            (tmp_path / folder / kind / "test.trn.gz").write_bytes(text)
    main(["--out", str(tmp_path / "all"), plain, better, f"{mixed}={better}"])
    rows = (tmp_path / "all.md").read_text(encoding="utf-8").splitlines()[-3:]
    assert "(GPU)" in rows[1]
    assert "(GPU)" not in rows[0]
    assert rows[1].endswith("| dev 0.025; test 0.025 to plain |")
    assert rows[2].startswith("| better, mixed | – |  | 30 |")
    assert rows[2].endswith(" to better |")
    main(["--out", str(tmp_path / "one"), "--sets", "dev", plain, better])
    assert (tmp_path / "one.md").read_text(encoding="utf-8").endswith(" | 0.025 to plain |\n")
    told = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["runs"]
    assert [run.get("gpu") for run in told] == [None, "NVIDIA X", "NVIDIA X"]


def test_words_come_before_phones(tmp_path):
    plain, tied = made(tmp_path / "plain", Recipe(), 50.04), made(tmp_path / "tied", Recipe(), 47.5, bf16=True)
    for folder in (plain, tied):  # phones: the same in both
        for kind in ("ref", "hyp"):
            write_trn(tmp_path / folder / kind / "dev.phones.trn.gz", {f"u{i}": list("xyz") for i in range(9)})
    main(["--out", str(tmp_path / "all"), plain, tied])
    row = (tmp_path / "all.md").read_text(encoding="utf-8").splitlines()[-1]
    assert row.endswith("| 0.025, 1.0 to plain |")
    assert "in bfloat16" in row


def test_a_run_that_was_not_decoded_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"decode` on .*plain"):
        main(["--out", str(tmp_path / "all"), made(tmp_path / "plain", Recipe(), None)])
