"""The shipped corpus's layout, on a small one of the tests' own."""

from pathlib import Path

import numpy as np
import pytest
from corpora_helpers import HEADER, noise, small_data_small, write_audio, write_table

from tdnnq_lab.corpora import Report, call_audio, cuts, features, find_data_small


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()[1:]]


def test_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TDNNQ_DATA_SMALL", str(small_data_small(tmp_path)))
    assert find_data_small() == tmp_path
    found = list(cuts("data_small", "train"))
    assert [(c.id, c.start, c.duration) for c in found] == [
        ("c1-A-1", 0.0, 1.0),
        ("c1-B-1", 0.2, 1.6),
        ("c1-A-2", 1.1, 1.8),
    ]
    supervision = found[1].supervisions[0]
    assert (supervision.text, supervision.speaker, supervision.gender) == ("OH WELL", "s2", "m")
    expected = {"gender": "m", "accent": "uk", "topic": "pets", "call": "c1", "side": "B", "conditions": ""}
    assert found[1].custom == supervision.custom == {**expected, "call_start": 1.6}


def test_shipped_folder_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TDNNQ_DATA_SMALL", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match=r"the shipped corpus is not at .*none; TDNNQ_DATA_SMALL names it"):
        cuts("data_small", "train")


def test_unknown_split(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no split 'test' \(test\.tsv\); it has: train"):
        cuts(f"data_small:{small_data_small(tmp_path)}", "test")


def test_call_audio_lays_out_both_sides(tmp_path: Path) -> None:
    found = cuts(f"data_small:{small_data_small(tmp_path)}", "train")
    both = features(found, tmp_path / "cache", speeds=(1.0, 1.1), progress=False)  # copies at 1.1 are passed over
    samples, rate = call_audio(both, "c1")
    assert (samples.shape, samples.dtype, rate) == ((2, round(4.8 * 8000)), np.float32, 8000)
    a, b = noise(3.0, 1), noise(2.0, 2)

    def alike(heard: np.ndarray, spoken: np.ndarray) -> float:
        return float(np.corrcoef(heard, spoken)[0, 1])

    assert alike(samples[0, 4000:12000], a[:8000]) > 0.9
    assert alike(samples[0, 24000:], a[8800:23200]) > 0.9
    assert alike(samples[1, 12800:25600], b[1600:14400]) > 0.9
    assert not samples[0, :4000].any()
    assert not samples[1, 25600:].any()


def test_unknown_call(tmp_path: Path) -> None:
    found = cuts(f"data_small:{small_data_small(tmp_path)}", "train")
    with pytest.raises(ValueError, match="no turn of call 'c2' in these cuts; calls: c1"):
        call_audio(found, "c2")


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (1, 0, "c1-A-1", r"train\.tsv:3: utterance 'c1-A-1' appears again \(first at .*train\.tsv:2\)"),
        (1, 1, "audio/none.opus", r"train\.tsv:3: .*none\.opus does not exist; restore the folder"),
        (2, 3, "4.5", r"train\.tsv:4: turn 'c1-A-2' ends at 4.5 s, after its audio \(3.00 s\)"),
        (2, 2, "2.9", r"train\.tsv:4: turn 'c1-A-2' does not start before its end"),
        (0, 6, "soon", r"train\.tsv:2: start, end and call_start of 'c1-A-1' are not seconds"),
        (0, 2, "nan", r"train\.tsv:2: start, end and call_start of 'c1-A-1' are not seconds"),
    ],
)
def test_bad_rows(tmp_path: Path, row: int, column: int, value: str, message: str) -> None:
    table = small_data_small(tmp_path) / "train.tsv"
    changed = rows(table)
    changed[row][column] = value
    write_table(table, changed)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        cuts(f"data_small:{tmp_path}", "train")


def test_columns(tmp_path: Path) -> None:
    table = small_data_small(tmp_path) / "train.tsv"
    content = rows(table)
    write_table(table, [content[0], content[1][:-2]])
    with pytest.raises(ValueError, match=r"train\.tsv:3: 11 columns where the header has 13"):
        cuts(f"data_small:{tmp_path}", "train")
    write_table(table, content, [*HEADER[:-1], "words"])
    with pytest.raises(ValueError, match=r"train\.tsv:1: columns are missing: text"):
        cuts(f"data_small:{tmp_path}", "train")
    table.write_text("")
    with pytest.raises(ValueError, match=r"train\.tsv:1: columns are missing"):
        cuts(f"data_small:{tmp_path}", "train")


def test_empty_transcript_is_counted(tmp_path: Path) -> None:
    table = small_data_small(tmp_path) / "train.tsv"
    changed = rows(table)
    changed[1][-1] = ""
    write_table(table, changed)
    report = Report()
    assert len(cuts(f"data_small:{tmp_path}", "train", report=report)) == 2
    assert report.skipped == {"empty transcript": [f"c1-B-1 ({table}:3)"]}


@pytest.mark.parametrize("damage", ["empty", "truncated", "stereo"])
def test_damaged_shipped_audio_is_an_error(tmp_path: Path, damage: str) -> None:
    path = small_data_small(tmp_path) / "audio" / "train" / "c1-B.opus"
    if damage == "stereo":
        write_audio(path, np.stack([noise(2.0), noise(2.0)], 1))
    else:
        path.write_bytes(path.read_bytes()[: -100 if damage == "truncated" else 0])
    with pytest.raises(ValueError, match=r"train\.tsv:3: .*c1-B\.opus.*restore the folder"):
        cuts(f"data_small:{tmp_path}", "train")
