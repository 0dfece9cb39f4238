"""lhotse cuts manifests, good and bad."""

import json
from pathlib import Path

import numpy as np
import pytest
from corpora_helpers import noise, small_kaldi, write_audio
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from tdnnq_lab.corpora import Report, cuts, features


def manifest(tmp_path: Path, name: str = "train.jsonl.gz") -> Path:
    found = cuts(f"kaldi:{small_kaldi(tmp_path)}")
    path = tmp_path / name
    found.to_file(path)
    return path


@pytest.mark.parametrize("name", ["train.jsonl.gz", "train.jsonl"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    path = manifest(tmp_path, name)
    expected = {c.id: (c.start, c.duration, c.supervisions[0].text) for c in cuts(f"kaldi:{tmp_path / 'data'}")}
    for source, split in ((f"lhotse:{path}", "anything"), (f"lhotse:{str(path).replace('train', '{split}')}", "train")):
        assert {c.id: (c.start, c.duration, c.supervisions[0].text) for c in cuts(source, split)} == expected
    with pytest.raises(FileNotFoundError, match=r"lhotse manifest .*dev.* does not exist"):
        cuts(f"lhotse:{str(path).replace('train', '{split}')}", "dev")


def test_relative_paths(tmp_path: Path) -> None:
    path = manifest(tmp_path, "train.jsonl")
    path.write_text(path.read_text().replace(f"{tmp_path}/data/", "data/"))
    assert all(cut.load_audio().size for cut in cuts(f"lhotse:{path}"))


def test_several_supervisions_become_several_utterances(tmp_path: Path) -> None:
    audio = write_audio(tmp_path / "a.wav", noise(3.0))
    recording = Recording.from_file(audio)
    supervisions = [
        SupervisionSegment("s1", "a", 0.0, 1.0, text="ONE  two", speaker="x"),
        SupervisionSegment("s2", "a", 1.5, 1.0, text="THREE"),
        SupervisionSegment("s3", "a", 2.6, 0.3, text=" "),
    ]
    cut = MonoCut("whole", 0.0, 3.0, 0, supervisions, recording=recording)
    CutSet.from_cuts([cut]).to_file(tmp_path / "m.jsonl")
    report = Report()
    found = list(cuts(f"lhotse:{tmp_path / 'm.jsonl'}", report=report))
    assert [(c.id, c.start, c.duration, c.supervisions[0].text) for c in found] == [
        ("s1", 0.0, 1.0, "ONE two"),
        ("s2", 1.5, 1.0, "THREE"),
    ]
    assert [c.supervisions[0].speaker for c in found] == ["x", "s2"]
    assert [(len(c.supervisions), c.supervisions[0].start) for c in found] == [(1, 0.0), (1, 0.0)]
    assert list(report.skipped) == ["empty transcript"]


def test_audio_in_memory_and_transformed_gives_features(tmp_path: Path) -> None:
    """What is no plain file is left to lhotse to assemble."""
    audio = write_audio(tmp_path / "a.wav", noise(2.0))
    supervision = SupervisionSegment("u", "a", 0.0, 2.0, text="ONE", speaker="x")
    plain = MonoCut("u", 0.0, 2.0, 0, [supervision], recording=Recording.from_file(audio))
    kept = MonoCut("m", 0.0, 2.0, 0, [supervision], recording=Recording.from_bytes(audio.read_bytes(), "a2"))
    faster = plain.perturb_speed(1.1)
    found = list(features(CutSet.from_cuts([plain, kept, faster]), tmp_path / "cache", progress=False))
    np.testing.assert_array_equal(found[0].load_features(), found[1].load_features())
    reference = features(CutSet.from_cuts([plain]), tmp_path / "cache", speeds=(1.1,), progress=False)
    np.testing.assert_allclose(found[2].load_features(), reference[0].load_features(), atol=1e-3)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_audio_of_commands_is_never_run(tmp_path: Path) -> None:
    path = manifest(tmp_path, "m.jsonl")
    items = lines(path)
    items[1]["recording"]["sources"][0] |= {"type": "command", "source": f"touch {tmp_path}/ruined"}
    path.write_text("\n".join(map(json.dumps, items)))
    with pytest.raises(ValueError, match=r"m\.jsonl:2: audio of 'u2' comes from a command .* never run"):
        cuts(f"lhotse:{path}")
    assert not (tmp_path / "ruined").exists()


def test_bad_manifests(tmp_path: Path) -> None:
    path = manifest(tmp_path, "m.jsonl")
    items = lines(path)

    def error(content: str, kind: type[Exception] = ValueError) -> str:
        path.write_text(content)
        with pytest.raises(kind) as caught:
            cuts(f"lhotse:{path}")
        return str(caught.value)

    first = json.dumps(items[0])
    assert "m.jsonl:2: id 'u1' appears again" in error(f"{first}\n{first}\n")
    assert "m.jsonl:2: not a JSON line" in error(f"{first}\n{first[:50]}\n")
    assert "m.jsonl:1: holds something else where a MonoCut" in error(json.dumps(items[0]["recording"]))
    assert "m.jsonl:1: holds list where a MonoCut" in error("[1, 2]")
    assert "m.jsonl:1: not a lhotse cut" in error(json.dumps({"type": "MonoCut", "id": "x"}))
    del items[1]["recording"]
    assert "m.jsonl:1: cut 'u2' has no recording" in error(json.dumps(items[1]))
    (tmp_path / "data" / "rec1.wav").unlink()
    assert "1 audio files" in error(first, FileNotFoundError)
    gone = tmp_path / "m.jsonl.gz"
    gone.write_bytes(manifest(tmp_path).read_bytes()[:-20])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        cuts(f"lhotse:{gone}")


def test_unknown_sources() -> None:
    with pytest.raises(ValueError, match="'switchboard:/data' cannot be read directly yet: prepare Switchboard with"):
        cuts("switchboard:/data", "train")
    for source in ("timit", "kaldi:", "lhotse", ""):
        with pytest.raises(ValueError, match=r"unknown source .* sources are data_small"):
            cuts(source, "train")
