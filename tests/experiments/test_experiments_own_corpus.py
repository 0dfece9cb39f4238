"""A stranger's corpus: a Kaldi directory without segments, words and phones in other scripts; nothing is assumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from tdnnq_lab.cli import app
from tdnnq_lab.corpora import cuts, find_data_small
from tdnnq_lab.experiments.acoustic import Recipe
from tdnnq_lab.experiments.prepare import PrepareSettings, prepare
from tdnnq_lab.experiments.train import run_train
from tdnnq_lab.scoring import read_trn

LETTERS = str.maketrans("abcdefghijklmnopqrstuvwxyz'", "абцдефгхийклмнопqрстувwхйзь")


def script(word: str) -> str:
    """Another spelling of every word: Cyrillic, with a letter that has two forms, and marks that shells would eat."""
    return f"«{word.lower().translate(LETTERS)}$é»"


def kaldi_directory(folder: Path, split: str, count: int) -> dict[str, str]:
    folder.mkdir(parents=True)
    lines: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    spoken = {}
    for cut in cuts("data_small", split).subset(first=count):
        speaker, id = cut.supervisions[0].speaker, f"{cut.supervisions[0].speaker}-{cut.id}-ö"
        spoken[id] = " ".join(map(script, cut.supervisions[0].text.split()))
        soundfile.write(folder / f"{cut.id}.wav", cut.load_audio()[0], 8000)
        lines["wav.scp"].append(f"{id} {folder.name}/{cut.id}.wav")
        lines["text"].append(f"{id} {spoken[id]}")
        lines["utt2spk"].append(f"{id} {speaker}")
    for name, rows in lines.items():
        (folder / name).write_text("\n".join(sorted(rows)) + "\n", encoding="utf-8")
    return spoken


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    root = tmp_path_factory.mktemp("корпус")
    trained = kaldi_directory(root / "train", "train", 16)
    spoken = kaldi_directory(root / "test", "dev", 4)
    entries = (find_data_small() / "lexicon.txt").read_text(encoding="utf-8").splitlines()
    used = {word for text in (*trained.values(), *spoken.values()) for word in text.split()}
    rows = [line.split() for line in entries if line.strip()]
    table = [
        " ".join([script(word), *(f"/{phone}ʰ/" for phone in phones)]) for word, *phones in rows if script(word) in used
    ]
    (root / "lexicon.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
    return root, spoken


def test_a_model_of_other_phones_is_refused(corpus: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, _ = corpus
    settings = PrepareSettings(corpus=f"kaldi:{root}", lexicon=str(root / "lexicon.txt"), tests=("test",))
    prepare(settings, tmp_path / "data", say=lambda _: None)
    with pytest.raises(ValueError, match=r"data_small cannot be begun with: it was trained on other phones"):
        run_train(tmp_path / "data", Recipe(passes=1), tmp_path / "run", start="data_small")


def test_prepared_trained_tied_decoded_scored(corpus: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, spoken = corpus
    data, run, tied, second = (str(tmp_path / name) for name in ("data", "run", "tied", "second"))
    start = ["--corpus", f"kaldi:{root}", "--lexicon", str(root / "lexicon.txt"), "--tests", "test", "--out", data]
    brief = ["--passes", "1", "--batch-size", "4"]
    steps = [
        ["prepare", *start],
        ["train", "--prepared", data, "--run-dir", run, *brief, "--shifts"],
        ["decode", "--prepared", data, "--run-dir", run, "--acoustic-scale", "1"],
        ["tie", "--prepared", data, "--run-dir", run, "--out", tied, "--leaves", "100", "--minimum", "2"],
        ["train", "--prepared", tied, "--run-dir", second, *brief, "--start", run, "--average-from", "1"],
        ["decode", "--prepared", tied, "--run-dir", second, "--acoustic-scale", "1"],
        ["score", f"{second}/ref/test.trn.gz", f"{second}/hyp/test.trn.gz"],
    ]
    for step in steps:
        done = CliRunner().invoke(app, step)
        assert done.exit_code == 0, (step, done.output, done.exception)
    assert "%" in done.output
    for folder in (run, second):
        truth, words = (read_trn(Path(folder) / kind / "test.trn.gz") for kind in ("ref", "hyp"))
        assert {id: " ".join(said) for id, said in truth.items()} == spoken
        assert set(words) == set(spoken)
        entries = (root / "lexicon.txt").read_text(encoding="utf-8").splitlines()
        vocabulary = {line.split()[0] for line in entries}
        assert {word for said in words.values() for word in said} <= vocabulary
    facts = json.loads((Path(tied) / "prepared.json").read_text(encoding="utf-8"))
    assert facts["tying"]["pdfs"] == 100
    record = json.loads((Path(second) / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["recipe"]["average_from"] == 1
