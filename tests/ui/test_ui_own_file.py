"""A file of one's own, chosen or named, with a stand-in for the recogniser."""

from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets", reason="ipywidgets comes with the extra lab")

from tdnnq_lab import ui
from tdnnq_lab.deploy.transcribe import Channel, Transcript
from tdnnq_lab.ui.live import plain
from tdnnq_lab.ui.own_file import transcript_html


class Listener:
    """Hears as many words as the file has bytes; files called `bad` are refused."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def transcribe(self, file, *, progress) -> Transcript:
        path = Path(file)
        if path.name.startswith("bad"):
            raise ValueError(f"no audio: {path}")
        data = path.read_bytes()
        self.heard.append(path.name)
        progress(1.0)
        words = ["<B>"] * len(data)
        times = [(2.0 * i, 0.3) for i in range(len(data))]
        channels = [Channel(words, times, 2.0 * len(data)), Channel(["YES"], [(1.0, 0.2)], 2.0)]
        return Transcript(str(path), 16000, channels, ["resampled from 16000 Hz to 8000 Hz"], 0.0213)


def upload(name: str, content: bytes) -> tuple[dict, ...]:
    return (
        {
            "name": name,
            "type": "audio/wav",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime.now(),
        },
    )


def test_a_named_file(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(b"abc")
    box = ui.transcribe_own(Listener(), tmp_path / "talk.wav")
    assert box.result is None
    box.button.click()
    assert plain(box.text) == (
        "talk.wav: 6.0 s, 2 channels; 4 words; real-time factor 0.021; resampled from 16000 Hz to 8000 Hz."
    )
    assert box.bar.value == 1.0
    assert not box.button.disabled
    assert box.transcript.value.count("<tr>") == 4
    assert "channel 2" in box.transcript.value
    assert "&lt;b&gt;" in box.transcript.value
    assert "talk.wav" in box._repr_mimebundle_()["text/html"]


def test_a_chosen_file_keeps_its_name() -> None:
    listener = Listener()
    box = ui.transcribe_own(listener)
    box.upload.value = upload("../call 1.opus", b"ab")
    assert box.press().channels[0].words == ["<B>", "<B>"]
    assert listener.heard == ["call 1.opus"]


@pytest.mark.parametrize(
    ("path", "chosen", "message"),
    [
        ("", (), "Not done: there is no file: choose one"),
        ("nowhere.wav", (), "Not done: [Errno 2]"),
        ("", upload("bad.wav", b"x"), "Not done: no audio: bad.wav"),
    ],
)
def test_what_is_wrong_is_told(path: str, chosen: tuple, message: str) -> None:
    box = ui.transcribe_own(Listener(), path)
    box.upload.value = chosen
    assert box.press() is None
    assert plain(box.text).startswith(message)
    assert not box.button.disabled
    assert "<tr>" not in box.transcript.value


def test_long_and_empty_transcripts() -> None:
    channel = Channel(["A"] * 700, [(2.0 * i, 0.1) for i in range(700)], 1400.0)
    shown = transcript_html(Transcript("a.wav", 8000, [channel]))
    assert shown.count("<tr>") == 500
    assert "200 more lines" in shown
    assert "channel" not in shown
    assert "No words" in transcript_html(Transcript("a.wav", 8000, [Channel([], [], 3.0)]))
