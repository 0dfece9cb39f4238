"""Damaged audio files, one by one and inside a data directory."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpora_helpers import noise, small_kaldi, write_audio, write_lists

from tdnnq_lab.corpora import Report, audio, cuts, features


def cut_short(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("suffix", [".wav", ".sph", ".wv1", ".opus", ".ogg", ".flac"])
def test_whole_files_are_not_suspected(tmp_path: Path, suffix: str) -> None:
    info = audio.probe(write_audio(tmp_path / f"a{suffix}", noise(2.0)))
    assert (info.rate, info.channels, info.frames, info.damage) == (8000, 1, 16000, "")


@pytest.mark.parametrize("suffix", [".wav", ".sph", ".wv1", ".opus", ".ogg", ".flac"])
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_truncation_is_seen(tmp_path: Path, suffix: str, share: float) -> None:
    """By the header, or at the latest by the decoder (flac)."""
    path = cut_short(write_audio(tmp_path / f"a{suffix}", noise(6.0)), share)
    try:
        damage = audio.probe(path).damage
        samples, _ = audio.read(path)
        assert damage == audio.TRUNCATED or samples.shape[1] < 6 * 8000
    except audio.DamagedAudio as error:
        assert str(path) in str(error)  # noqa: PT017  (either is fine: a message or a remark)


def test_streamed_wav_headers_are_not_suspected(tmp_path: Path) -> None:
    """sox and ffmpeg leave the size open when they write into a pipe."""
    path = write_audio(tmp_path / "a.wav", noise(1.0))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert audio.probe(path).damage == ""


def test_missing_empty_foreign(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.wav does not exist"):
        audio.probe(tmp_path / "a.wav")
    (tmp_path / "a.wav").touch()
    with pytest.raises(audio.DamagedAudio, match=r"audio file is empty: .*a\.wav"):
        audio.probe(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"this is no audio at all" * 100)
    with pytest.raises(audio.DamagedAudio, match=r"audio file cannot be opened: .*a\.wav"):
        audio.probe(tmp_path / "a.wav")


def test_shortened_sphere_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.sph", noise(1.0))
    head = path.read_bytes().replace(b"sample_coding -s3 pcm", b"sample_coding -s26 pcm,embedded-shorten-v2.00")
    path.write_bytes(head)
    with pytest.raises(audio.DamagedAudio, match=r"shorten-compressed, which is not read: .*a\.sph; convert"):
        audio.probe(path)


def test_damaged_recordings_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    names = ("good", "empty", "short", "foreign")
    for i, name in enumerate(names):
        write_audio(tmp_path / "data" / f"{name}.wav", noise(2.0, i))
    (tmp_path / "data" / "empty.wav").write_bytes(b"")
    cut_short(tmp_path / "data" / "short.wav")
    (tmp_path / "data" / "foreign.wav").write_bytes(b"MZ" * 900)
    lines = {
        "wav_scp": "\n".join(f"{name} {name}.wav" for name in names),
        "text": "\n".join(f"{name} A B" for name in names),
        "utt2spk": "\n".join(f"{name} x" for name in names),
    }
    folder = write_lists(tmp_path / "data", **lines)
    report = Report()
    assert [cut.id for cut in cuts(f"kaldi:{folder}", report=report)] == ["good"]
    reasons = {reason: names[0].split()[0] for reason, names in report.skipped.items()}
    assert reasons == {
        "audio file is empty": "empty",
        "audio file cannot be opened": "foreign",
        "audio file is truncated": "short",
    }
    assert "wav.scp:3" in report.skipped["audio file is truncated"][0]


def test_segments_inside_a_truncated_recording_are_kept(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    cut_short(folder / "rec1.wav")  # 2 of 4 s are left; u1 ends at 1.5 s, u2 at 3 s
    report = Report()
    assert [cut.id for cut in cuts(f"kaldi:{folder}", report=report)] == ["u1", "u3"]
    assert list(report.skipped) == ["segment beyond the end of its audio (truncated)"]


def test_truncated_flac_is_found_when_decoded(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path, ".flac")
    cut_short(folder / "rec1.flac", 0.9)
    report = Report()
    found = features(cuts(f"kaldi:{folder}", report=report), tmp_path / "cache", report=report, progress=False)
    assert "u3" in [cut.id for cut in found]
    left_out = [name for names in report.skipped.values() for name in names]
    assert len(found) + len(left_out) == 3
    assert left_out


def test_silent_and_broken_audio_gives_no_features(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    bad = noise(2.0)
    bad[100] = np.nan
    tracks = {"good": noise(2.0), "zeros": np.zeros(16000, np.float32), "tiny": noise(0.02), "nan": bad}
    for name, samples in tracks.items():
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", samples, 8000, subtype="FLOAT")
    write_audio(folder / "opus.opus", np.zeros(16000, np.float32))
    names = [*tracks, "opus"]
    write_lists(
        folder,
        wav_scp="\n".join(f"{name} {name}.{'opus' if name == 'opus' else 'wav'}" for name in names),
        text="\n".join(f"{name} A" for name in names),
        utt2spk="\n".join(f"{name} x" for name in names),
    )
    report = Report()
    found = features(cuts(f"kaldi:{folder}", report=report), tmp_path / "cache", report=report, progress=False)
    expected = {
        "silent audio (all zeros)": ["zeros", "opus"],
        "audio shorter than one frame (25 ms)": ["tiny"],
        "NaN or infinity in the audio": ["nan"],
    }
    assert [cut.id for cut in found] == ["good"]
    assert report.skipped == expected
    again = Report()
    features(cuts(f"kaldi:{folder}", report=again), tmp_path / "cache", report=again, progress=False)
    assert again.skipped == expected  # the cache remembers why
