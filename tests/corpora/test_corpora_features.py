"""The feature pipeline: what is computed, and that it is computed once and never lost."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from corpora_helpers import noise, small_data_small, small_kaldi, write_audio, write_lists
from golden_mfcc import reference
from lhotse import CutSet
from scipy.signal import resample_poly

from tdnnq_lab.corpora import Report, audio, cuts, features, shards


@pytest.fixture
def found(tmp_path: Path) -> CutSet:
    return cuts(f"kaldi:{small_kaldi(tmp_path)}")


def quiet(cuts: CutSet, cache: Path, **options: object) -> CutSet:
    return features(cuts, cache, progress=False, report=Report(), **options)


def test_features_are_kaldis(found: CutSet, tmp_path: Path) -> None:
    for cut in quiet(found, tmp_path / "cache"):
        samples = np.round(cut.load_audio()[0] * 32768).astype(np.int16)
        matrix = cut.load_features()
        assert matrix.dtype == np.float32
        assert matrix.shape == (cut.features.num_frames, 40) == (cut.num_frames - 2, 40)
        np.testing.assert_allclose(matrix, reference(samples), atol=2e-3)


def test_what_comes_in_stays(found: CutSet, tmp_path: Path) -> None:
    attached = quiet(found, tmp_path / "cache")
    assert [cut.id for cut in attached] == ["u1", "u2", "u3"]
    assert [cut.supervisions[0].text for cut in attached] == ["HELLO WORLD", "YES", "HELLO AGAIN"]
    assert not any(cut.has_features for cut in found)  # the input is not changed
    path = tmp_path / "featured.jsonl.gz"
    attached.to_file(path)
    for cut, read in zip(attached, CutSet.from_file(path), strict=True):
        np.testing.assert_array_equal(read.load_features(), cut.load_features())


def test_speed_perturbation(found: CutSet, tmp_path: Path) -> None:
    attached = quiet(found, tmp_path / "cache", speeds=(0.9, 1, 1.1))
    assert [cut.id for cut in attached] == [f"u{i}{s}" for s in ("_sp0.9", "", "_sp1.1") for i in (1, 2, 3)]
    slow, plain, fast = (attached[f"u3{suffix}"] for suffix in ("_sp0.9", "", "_sp1.1"))
    assert [cut.supervisions[0].speaker for cut in (slow, plain, fast)] == ["ben_sp0.9", "ben", "ben_sp1.1"]
    assert [cut.duration for cut in (slow, plain, fast)] == pytest.approx([3.5 / 0.9, 3.5, 3.5 / 1.1], abs=1e-3)
    # Resampling by scipy's own filter and Kaldi's features of that must come close to ours.
    for cut, up, down in ((slow, 10, 9), (fast, 10, 11)):
        samples = resample_poly(plain.load_audio()[0].astype(np.float64), up, down)
        expected = reference(np.round(samples * 32768).astype(np.int16))
        matrix = cut.load_features()
        assert abs(len(matrix) - len(expected)) <= 1
        # below the upper edge of the slower signal's band both filters pass everything
        assert np.abs(matrix[5:-5, 0] - expected[5 : len(matrix) - 5, 0]).mean() < 6.0
        assert np.corrcoef(matrix[5:-5].ravel(), expected[5 : len(matrix) - 5].ravel())[0, 1] > 0.98
        np.testing.assert_allclose(cut.load_audio().shape[1], cut.num_samples)


def test_volume_perturbation(found: CutSet, tmp_path: Path) -> None:
    plain = quiet(found, tmp_path / "cache")
    options = {"volume": (0.125, 2.0), "seed": 5}
    scaled = quiet(found, tmp_path / "cache", **options)
    assert [cut.id for cut in scaled] == ["u1", "u2", "u3"]
    gains = []
    for cut in scaled:
        gain = np.abs(cut.load_audio()).max() / np.abs(plain[cut.id].load_audio()).max()
        difference = cut.load_features() - plain[cut.id].load_features()
        # log energies all move by 2 ln g, so only the first coefficient does: by sqrt(40) of that
        np.testing.assert_allclose(difference[:, 0], np.sqrt(40) * 2 * np.log(gain), atol=0.02)
        np.testing.assert_allclose(difference[:, 1:], 0, atol=0.02)
        gains.append(float(gain))
    assert len(set(gains)) == 3
    assert all(0.125 <= gain <= 2.0 for gain in gains)
    again = quiet(found.subset(first=1), tmp_path / "cache2", **options)  # whatever else is in the set
    np.testing.assert_array_equal(again["u1"].load_features(), scaled["u1"].load_features())
    other = quiet(found, tmp_path / "cache", volume=(0.125, 2.0), seed=6)
    assert not np.allclose(other["u1"].load_features(), scaled["u1"].load_features())


def test_other_rates_are_resampled_and_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    wide = noise(1.0, 3, 16000)
    for name, samples, rate in (("a", wide, 16000), ("b", wide, 16000), ("c", noise(1.0), 8000)):
        write_audio(folder / f"{name}.wav", samples, rate)
    write_lists(folder, wav_scp="a a.wav\nb b.wav\nc c.wav", text="a A\nb B\nc C", utt2spk="a x\nb x\nc x")
    found = cuts(f"kaldi:{folder}")
    report = Report()
    attached = features(found, tmp_path / "cache", report=report, progress=False)
    assert report.notes == {"recordings resampled from 16000 Hz to 8000 Hz": ["a", "b"]}
    assert attached["a"].sampling_rate == 8000
    matrix = attached["a"].load_features()
    expected = reference(np.round(resample_poly(wide.astype(np.float64), 1, 2) * 32768).astype(np.int16))
    assert matrix.shape == expected.shape
    assert np.corrcoef(matrix[5:-5].ravel(), expected[5:-5].ravel())[0, 1] > 0.99
    at_16k = quiet(found, tmp_path / "cache", sampling_rate=16000)["a"].load_features()
    expected = reference(np.round(found["a"].load_audio()[0] * 32768).astype(np.int16), 16000)
    np.testing.assert_allclose(at_16k, expected, atol=2e-3)


def test_each_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cuts(f"data_small:{small_data_small(tmp_path)}", "train")
    decoded: list[str] = []
    read = audio.read

    def counting(path: Path) -> tuple[np.ndarray, int]:
        decoded.append(path.name)
        return read(path)

    monkeypatch.setattr(audio, "read", counting)
    first = quiet(found, tmp_path / "cache", speeds=(0.9, 1.0, 1.1))
    assert sorted(decoded) == ["c1-A.opus", "c1-B.opus"]
    assert [cut.id for cut in first][:3] == ["c1-A-1_sp0.9", "c1-B-1_sp0.9", "c1-A-2_sp0.9"]  # order kept
    again = quiet(found, tmp_path / "cache", speeds=(1.0, 1.1))
    assert len(decoded) == 2  # a second call decodes nothing
    np.testing.assert_array_equal(again["c1-A-2"].load_features(), first["c1-A-2"].load_features())
    wav = small_data_small(tmp_path) / "audio" / "train" / "c1-A.opus"
    write_audio(wav, noise(3.0, 9))
    changed = quiet(found, tmp_path / "cache")
    assert decoded[2:].count("c1-A.opus") == 1  # another file under the old name is not taken from the cache
    assert not np.allclose(changed["c1-A-2"].load_features(), first["c1-A-2"].load_features())


@pytest.mark.parametrize("damage", ["matrix cut", "matrix gone", "index cut", "index foreign"])
def test_a_damaged_cache_is_computed_anew(found: CutSet, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    expected = quiet(found, cache)["u1"].load_features().copy()
    (matrix,), (index,) = cache.glob("*.npy"), cache.glob("*.json")
    # A new name for the folder: this process has the old matrix mapped.
    cache = cache.rename(tmp_path / "cache2")
    matrix, index = cache / matrix.name, cache / index.name
    if damage == "matrix cut":
        matrix.write_bytes(matrix.read_bytes()[:-1000])
    elif damage == "matrix gone":
        matrix.unlink()
    elif damage == "index cut":
        index.write_text(index.read_text()[:-5])
    else:
        index.write_text(json.dumps(["not", "ours"]))
    np.testing.assert_array_equal(quiet(found, cache)["u1"].load_features(), expected)


def test_a_killed_job_keeps_its_finished_shards(found: CutSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_SECONDS", 1.0)  # a shard a recording
    computed: list[str] = []
    add = shards._add

    def killed_at_u3(cut: object, *rest: object) -> None:
        computed.append(cut.id)  # type: ignore[attr-defined]
        if cut.id == "u3" and computed.count("u3") == 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        add(cut, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(shards, "_add", killed_at_u3)
    with pytest.raises(KeyboardInterrupt):
        quiet(found, tmp_path / "cache")
    assert len(quiet(found, tmp_path / "cache")) == 3
    assert computed == ["u1", "u2", "u3", "u3"]
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_leftovers_of_dead_processes_are_removed(found: CutSet, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    old, new = cache / "a.npy.1.tmp", cache / "b.npy.2.tmp"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    quiet(found, cache)
    assert not old.exists()
    assert new.exists()  # perhaps another process is writing it


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the operating system")
def test_full_disk(found: CutSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may not write files above 50 kB: u1 and u2 need 47 kB, u3 needs 56."""
    import resource

    monkeypatch.setattr(shards, "SHARD_SECONDS", 1.0)  # a shard a recording
    cache = tmp_path / "cache"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(
            OSError, match=r"the feature cache .* cannot be written \(File too large\): free some space"
        ):
            quiet(found, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.suffix for path in sorted(cache.iterdir())] == [".json", ".npy"]  # the finished shard, nothing else
    assert len(quiet(found, cache)) == 3  # with room again


def test_cache_folder_that_cannot_be_made(found: CutSet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"the feature cache .*file/cache cannot be written .*: free some space or name"):
        quiet(found, tmp_path / "file" / "cache")


def test_read_only_cache(found: CutSet, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    quiet(found, cache)
    cache.chmod(0o555)
    if os.access(cache, os.W_OK):
        pytest.skip("this user writes everywhere")
    assert len(quiet(found, cache)) == 3  # reading needs no writing
    with pytest.raises(PermissionError, match=r"the feature cache .* cannot be written"):
        quiet(found, cache, speeds=(0.9,))


def test_errors(found: CutSet, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for speeds in ((), (1.0, 1.0), (0.0,), (-1.0,), (float("nan"),)):
        with pytest.raises(ValueError, match="speeds are distinct factors"):
            quiet(found, cache, speeds=speeds)
    for volume in ((2.0, 1.0), (0.0, 1.0)):
        with pytest.raises(ValueError, match="volume is a range"):
            quiet(found, cache, volume=volume)
    with pytest.raises(ValueError, match="no utterance gave features: there are no cuts"):
        quiet(CutSet.from_cuts([]), cache)
    with pytest.raises(ValueError, match="cut id 'u1' appears twice"):
        quiet(CutSet([found["u1"], found["u1"]]), cache)
    with pytest.raises(ValueError, match="'u1' is not a MonoCut with a recording and one supervision"):
        quiet(CutSet.from_cuts([found["u1"].drop_supervisions()]), cache)
    (tmp_path / "data" / "rec2.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"rec2\.wav of utterance 'u3' does not exist \(any more\)"):
        quiet(found, cache)


def test_manifest_that_does_not_fit_its_file(found: CutSet, tmp_path: Path) -> None:
    write_audio(tmp_path / "data" / "rec1.wav", noise(4.0, rate=16000), 16000)
    with pytest.raises(ValueError, match=r"rec1\.wav has 1 channels at 16000 Hz where the manifest of cut 'u1' says"):
        quiet(found, tmp_path / "cache")
