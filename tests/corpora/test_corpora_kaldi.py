"""Kaldi data directories, good and bad."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from corpora_helpers import noise, small_kaldi, write_audio, write_lists

from tdnnq_lab.corpora import Report, cuts


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".opus", ".sph", ".wv1", ".ogg"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    folder = small_kaldi(tmp_path, suffix)
    found = list(cuts(f"kaldi:{folder}", ""))
    assert [(c.id, c.start, c.duration) for c in found] == [("u1", 0.0, 1.5), ("u2", 1.5, 1.5), ("u3", 0.5, 3.5)]
    supervision = found[2].supervisions[0]
    assert (supervision.text, supervision.speaker, found[2].sampling_rate) == ("HELLO AGAIN", "ben", 8000)
    heard = found[2].load_audio()[0]
    assert np.corrcoef(heard, noise(4.0, 2)[4000:32000])[0, 1] > 0.9  # the right file, from the right sample on


def test_without_segments_as_speechocean762_is_published(tmp_path: Path) -> None:
    """Tabs, 16 kHz, upper-case suffixes, paths relative to the parent of train/."""
    for name in ("000010011", "000010035"):
        write_audio(tmp_path / "WAVE" / "SPEAKER0001" / f"{name}.WAV", noise(1.0, rate=16000), 16000)
    write_lists(
        tmp_path / "train",
        wav_scp="000010011\tWAVE/SPEAKER0001/000010011.WAV\n000010035\tWAVE/SPEAKER0001/000010035.WAV",
        text="000010011\tWE CALL IT BEAR\n000010035\tGO",
        utt2spk="000010011\t0001\n000010035\t0001",
        spk2gender="0001\tm",
        spk2age="0001\t6",
    )
    report = Report()
    found = list(cuts(f"kaldi:{tmp_path}", "train", report=report))
    assert [cut.id for cut in found] == ["000010011", "000010035"]
    assert found[0].supervisions[0].text == "WE CALL IT BEAR"
    assert found[0].custom == {"gender": "m", "age": "6"}
    assert (found[0].sampling_rate, found[0].duration) == (16000, 1.0)
    assert not report


def test_paths_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_kaldi(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    for name in ("rec1", "rec2"):
        (folder / f"{name}.wav").rename(tmp_path / "elsewhere" / f"{name}.wav")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(cuts(f"kaldi:{folder}")) == 3


def test_split_is_a_folder_or_the_directory_itself(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    assert len(cuts(f"kaldi:{tmp_path}", "data")) == len(cuts(f"kaldi:{folder}", "data")) == 3
    with pytest.raises(FileNotFoundError, match=r"no data directory 'dev'.*it has: data"):
        cuts(f"kaldi:{tmp_path}", "dev")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        cuts(f"kaldi:{tmp_path / 'nowhere'}", "dev")


def test_any_utf8_text(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    text = "\ufeffu1 grüße\u00a0dich   zoë\t你好\r\nu2 ẞ\u2028x\r\nu3 <unk> [noise] p-h'x\r\n"
    (folder / "text").write_bytes(text.encode())
    found = {cut.id: cut.supervisions[0].text for cut in cuts(f"kaldi:{folder}")}
    assert found == {"u1": "grüße\u00a0dich zoë 你好", "u2": "ẞ\u2028x", "u3": "<unk> [noise] p-h'x"}


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    (folder / "text").write_bytes("u1 OK\nu2 grüße\nu3 X\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"text:2: not UTF-8"):
        cuts(f"kaldi:{folder}")


@pytest.fixture
def _no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"a program was started: {args}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "system", refuse)


@pytest.mark.usefixtures("_no_programs")
@pytest.mark.parametrize("suffix", [".sph", ".wv1"])
def test_sph2pipe_is_read_without_a_shell(tmp_path: Path, suffix: str) -> None:
    left, right = noise(2.0, 1), noise(2.0, 2) * 0.5
    name = f"sw 2001{suffix}"
    write_audio(tmp_path / name, np.stack([left, right], 1))
    folder = write_lists(
        tmp_path / "data",
        wav_scp=f"sw-A /opt/sph2pipe -f wav -p -c 1 '{name}' |\nsw-B sph2pipe -p -c 2 '{name}' |",
        segments="a sw-A 0 1\nb sw-B 0.5 1.5",
        text="a YES\nb NO",
        utt2spk="a sw-A\nb sw-B",
    )
    a, b = cuts(f"kaldi:{folder}")
    np.testing.assert_allclose(a.load_audio()[0], left[:8000], atol=0.01)
    np.testing.assert_allclose(b.load_audio()[0], right[4000:12000], atol=0.01)


@pytest.mark.usefixtures("_no_programs")
@pytest.mark.parametrize(
    "command",
    [
        "cat rec1.wav |",
        "flac -c -d -s rec1.flac |",
        "sph2pipe -f wav rec1.sph | sox - -t wav - |",
        "sph2pipe -f wav -t 1:2 rec1.sph |",
        "sph2pipe -c 3 rec1.sph |",
        "sph2pipe |",
        "sph2pipe 'rec1.sph |",
        "touch ruined; sph2pipe rec1.sph |",
        "|",
    ],
)
def test_other_pipes_are_refused(tmp_path: Path, command: str) -> None:
    folder = small_kaldi(tmp_path)
    write_lists(folder, wav_scp=f"rec2 rec2.wav\nrec1 {command}")
    with pytest.raises(ValueError, match=r"wav\.scp:2: the command '.*' is refused: only `sph2pipe"):
        cuts(f"kaldi:{folder}")


def test_archive_offset_is_refused(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    write_lists(folder, wav_scp="rec1 wav.ark:1234\nrec2 rec2.wav")
    with pytest.raises(ValueError, match=r"wav\.scp:1: 'wav\.ark:1234' points into a Kaldi archive"):
        cuts(f"kaldi:{folder}")


def test_missing_audio_names_line_and_places(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    (folder / "rec2.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 audio files .* do not exist: rec2\.wav \(.*wav\.scp:2\); paths"):
        cuts(f"kaldi:{folder}")


def test_two_channels_where_one_was_meant(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    write_audio(folder / "rec1.wav", np.stack([noise(4.0), noise(4.0)], 1))
    with pytest.raises(ValueError, match=r"wav\.scp:1: .*rec1\.wav has 2 channels where one was meant; name the side"):
        cuts(f"kaldi:{folder}")
    write_lists(folder, wav_scp="rec1 sph2pipe -c 2 rec2.wav |\nrec2 rec2.wav")
    with pytest.raises(ValueError, match=r"wav\.scp:1: .* has 1 channel, so `-c 2` cannot be read"):
        cuts(f"kaldi:{folder}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text", "u1 A\nu2 B\nu1 C", r"text:3: 'u1' appears again \(first at .*text:1\)"),
        ("wav_scp", "rec1 rec1.wav\nrec1 rec2.wav", r"wav\.scp:2: 'rec1' appears again"),
        ("segments", "u1 rec1 0 1\nu1 rec1 1 2", r"segments:2: 'u1' appears again"),
        ("segments", "u1 rec1 0 1\nu2 rec9 0 1", r"segments:2: recording 'rec9' of utterance 'u2' has no line"),
        ("segments", "u1 rec1 0", r"segments:1: a line of segments is `utterance recording start end`"),
        ("segments", "u1 rec1 zero one", r"segments:1: a line of segments is"),
        ("segments", "u1 rec1 nan 1", r"segments:1: a line of segments is"),
        ("utt2spk", "u1 anna\nu2", r"utt2spk:2: utterance 'u2' has no speaker"),
        ("wav_scp", "rec1", r"wav\.scp:1: recording 'rec1' has no audio path"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = write_lists(small_kaldi(tmp_path), **{name: content})
    with pytest.raises(ValueError, match=message):
        cuts(f"kaldi:{folder}")


def test_text_is_missing(tmp_path: Path) -> None:
    folder = small_kaldi(tmp_path)
    (folder / "text").unlink()
    with pytest.raises(FileNotFoundError, match=r"text does not exist; a Kaldi data directory holds"):
        cuts(f"kaldi:{folder}")


@pytest.mark.parametrize(
    ("lists", "reason", "named", "left"),
    [
        ({"text": "u1 A\nu2\nu3 C"}, "empty transcript", r"u2 \(.*text:2\)", "u1 u3"),
        ({"text": "u1 A\nu2 B\nu3 C\nu4 D"}, "transcript without audio", r"u4 \(.*text:4\)", "u1 u2 u3"),
        ({"text": "u1 A\nu3 C"}, "audio without a transcript", r"u2 \(.*segments:2\)", "u1 u3"),
        (
            {"segments": "u1 rec1 2 1\nu2 rec1 1 1\nu3 rec2 0 4"},
            "segment does not start before its end",
            r"u1 \(.*segments:1\)",
            "u3",
        ),
        (
            {"segments": "u1 rec1 0 4.6\nu2 rec1 4.1 4.3\nu3 rec2 0 4"},
            "segment beyond the end of its audio",
            r"u1 \(.*segments:1\)",
            "u3",
        ),
    ],
)
def test_counted_skips(tmp_path: Path, lists: dict[str, str], reason: str, named: str, left: str) -> None:
    folder = write_lists(small_kaldi(tmp_path), **lists)
    report = Report()
    found = cuts(f"kaldi:{folder}", report=report)
    assert " ".join(cut.id for cut in found) == left
    assert list(report.skipped) == [reason]
    assert not report.notes
    assert re.search(named, report.skipped[reason][0])


def test_skips_are_shown_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_lists(small_kaldi(tmp_path), text="u1 A\nu2\nu3 C")
    cuts(f"kaldi:{folder}")
    assert "left out: empty transcript: 1 (u2 (" in capsys.readouterr().err


def test_empty_transcripts_can_be_kept(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), text="u1 A\nu2\nu3 C")
    found = cuts(f"kaldi:{folder}", keep_empty=True)
    assert [cut.supervisions[0].text for cut in found] == ["A", "", "C"]


def test_segment_a_little_too_long_is_clipped(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), segments="u1 rec1 3 4.5\nu2 rec1 0 -1\nu3 rec2 0 4")
    report = Report()
    found = cuts(f"kaldi:{folder}", report=report)
    assert [cut.duration for cut in found] == [1.0, 4.0, 4.0]
    assert list(report.notes) == ["segment ends at most 0.5 s after its audio, so clipped"]


def test_missing_speakers(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), utt2spk="u1 anna\nu2 anna")
    report = Report()
    found = cuts(f"kaldi:{folder}", report=report)
    assert [cut.supervisions[0].speaker for cut in found] == ["anna", "anna", "u3"]
    assert report.notes == {"no line in utt2spk, so taken as its own speaker": ["u3"]}
    (folder / "utt2spk").unlink()
    report = Report()
    found = cuts(f"kaldi:{folder}", report=report)
    assert [cut.supervisions[0].speaker for cut in found] == ["u1", "u2", "u3"]
    assert report.notes == {"no utt2spk, so every utterance is its own speaker": [str(folder)]}


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), text="u1\nu2\nu3")
    with pytest.raises(ValueError, match=r"no usable utterance in kaldi:.*empty transcript: 3 \(u1"):
        cuts(f"kaldi:{folder}")
