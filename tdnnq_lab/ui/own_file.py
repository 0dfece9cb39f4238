"""A file of one's own: chosen in the browser or named by its path, transcribed, shown with times."""

from __future__ import annotations

import html
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from .live import Live, tell, told
from .report import duration, number

if TYPE_CHECKING:
    from ..deploy import Recogniser, Transcript

AUDIO = "audio/*,.wav,.flac,.ogg,.opus,.mp3,.aiff,.sph"
LIMIT = 500  # lines of a transcript that are shown


def transcribe_own(recogniser: Recogniser, path: str | os.PathLike[str] = "") -> Live:
    """Transcribe a file of your own: choose one in the browser, or name it by its path (where the kernel runs).

    Args:
        recogniser: of a bundle.
        path: a file to begin with; it is not transcribed before the button is pressed.

    Returns:
        A widget with `.upload`, `.path`, `.button`, `.bar`, `.text`, `.transcript` (HTML), `.result` (the last
        `Transcript` or None) and `.press()`, which does what the button does. A path that is given counts before the
        chosen file. What is wrong with a file is told in the text.
    """
    upload = ipywidgets.FileUpload(accept=AUDIO, multiple=False, description="Choose a file", layout={"width": "170px"})
    place = ipywidgets.Text(
        value=os.fspath(path), placeholder="or its path, such as talk.wav", description="path",
        style={"description_width": "36px"}, layout={"width": "min(100%, 420px)"},
    )  # fmt: skip
    button = ipywidgets.Button(description="Transcribe", button_style="primary")
    bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout={"width": "180px"})
    text, shown = told("Choose a file (up to 10 MB) or name one, then press Transcribe."), ipywidgets.HTML()
    row = ipywidgets.HBox([upload, place, button, bar], layout={"flex_flow": "row wrap"})
    parts = {"upload": upload, "path": place, "button": button, "bar": bar, "text": text, "transcript": shown}
    box = Live([row, text, shown], lambda: f"{text.value}{shown.value}", result=None, **parts)

    def press(_: object = None) -> Transcript | None:
        button.disabled, box.result, shown.value, bar.value = True, None, "", 0.0
        try:
            box.result = _transcribe(box, recogniser)
        except (ValueError, OSError) as error:
            tell(text, str(error), wrong=True)
        else:
            shown.value = transcript_html(box.result)
            tell(text, transcript_text(box.result))
        button.disabled = False
        return box.result

    button.on_click(press)
    box.press = press
    return box


def _transcribe(box: Live, recogniser: Recogniser) -> Transcript:
    """The named file, or else the chosen one by way of a temporary copy that keeps its name."""

    def progress(share: float) -> None:
        box.bar.value = share

    if box.path.value.strip():
        path = Path(box.path.value.strip()).expanduser()
        tell(box.text, f"Transcribing {path.name} …")
        return recogniser.transcribe(path, progress=progress)
    if not box.upload.value:
        raise ValueError("there is no file: choose one, or write its path into the field")
    chosen = box.upload.value[0]
    name = Path(str(chosen["name"])).name or "audio"
    tell(box.text, f"Transcribing {name} …")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(bytes(chosen["content"]))
        try:
            found: Any = recogniser.transcribe(path, progress=progress)
        except (ValueError, OSError) as error:
            raise ValueError(str(error).replace(f"{folder}{os.sep}", "")) from error
    return found


def transcript_text(transcript: Transcript) -> str:
    """What was transcribed, in a sentence."""
    seconds = max((channel.seconds for channel in transcript.channels), default=0.0)
    words = sum(len(channel.words) for channel in transcript.channels)
    plural = "s" if len(transcript.channels) > 1 else ""
    parts = [f"{Path(transcript.file).name}: {duration(seconds)}, {len(transcript.channels)} channel{plural}"]
    parts += [f"{number(words)} words", f"real-time factor {transcript.real_time_factor:.3f}", *transcript.notes]
    return "; ".join(parts) + "."


def transcript_html(transcript: Transcript) -> str:
    """The lines of a transcript as a table: when, which channel, what."""
    several = len(transcript.channels) > 1
    lines = transcript.lines()
    cell = "padding:.15em .7em .15em 0;vertical-align:top;text-align:left"
    rows = "".join(
        f'<tr><td style="{cell};white-space:nowrap">{line.start:.1f} s</td>'
        + (f'<td style="{cell}">channel {line.channel}</td>' if several else "")
        + f'<td style="{cell}">{html.escape(line.text.lower())}</td></tr>'
        for line in lines[:LIMIT]
    )
    more = f"<p>{len(lines) - LIMIT} more lines are not shown.</p>" if len(lines) > LIMIT else ""
    return f"<table>{rows}</table>{more}" if rows else "<p>No words were recognised.</p>"
