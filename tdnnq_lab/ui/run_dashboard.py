"""A run to watch: how far it is, its losses, the time left; buttons to stop it and to go on.

Everything is read from the run directory, so a dashboard can be closed with its kernel and opened again over
`attach(run_dir)`.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from .figures import COLOURS, FAINT, running_mean
from .live import Live, image, plain, tell, told
from .report import duration, finite, number
from .svg import svg_line, svg_text

if TYPE_CHECKING:
    from ..experiments import Run, RunStatus

ENDED = ("stopped", "failed", "finished", "died")
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 260, 72, 44  # pixels of the curve
POINTS = 400
WORDS = {
    "starting": "is starting",
    "running": "is running",
    "stopped": "was stopped: resume it and it goes on from its last checkpoint",
    "failed": "ended with an error",
    "finished": "has finished",
    "died": "died without a word: resume it and it goes on from its last checkpoint",
}


def dashboard(run: Run, *, every: float = 1.0) -> Live:
    """Watch a run: state, stage, progress, losses, time left, the end of its log; stop it, resume it.

    Args:
        run: from `launch` or `attach`.
        every: seconds between two looks at the run directory.

    Returns:
        A widget with `.refresh()` (a look now), `.close()` (no more looks; the run goes on), `.stop`, `.go_on` (the
        buttons), `.bar`, `.text`, `.curve` and `.status` (the last `RunStatus`). It looks again every second until
        the run has ended, and from a resumption on.
    """
    stop = ipywidgets.Button(description="Stop", tooltip="Finish the update, write a checkpoint, end", icon="stop")
    go_on = ipywidgets.Button(description="Resume", tooltip="Go on from the last checkpoint", icon="play")
    bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout={"width": "min(100%, 560px)"})
    text, curve, log = told(), ipywidgets.HTML(), ipywidgets.HTML()
    controls = ipywidgets.HBox([stop, go_on, bar], layout={"flex_flow": "row wrap"})

    def still() -> str:
        drawn = curve.value.startswith("<svg")
        return text.value + (image(curve.value, f"Losses. {plain(text)}") if drawn else curve.value)

    box = _Dashboard([controls, text, curve, log], still)
    box.run, box.every, box.stop, box.go_on, box.bar = run, every, stop, go_on, bar
    box.text, box.curve, box.tail = text, curve, log
    stop.on_click(lambda _: box.do(run.stop, "stopping: the run finishes its update and writes a checkpoint …"))
    go_on.on_click(lambda _: box.do(run.resume, "starting again …"))
    box.refresh()
    box.watch()
    return box


class _Dashboard(Live):
    """The widget of `dashboard`: a thread that looks at the run until it has ended."""

    run: Run
    every: float
    stop: ipywidgets.Button
    go_on: ipywidgets.Button
    bar: ipywidgets.FloatProgress
    text: ipywidgets.HTML
    curve: ipywidgets.HTML
    tail: ipywidgets.HTML
    status: RunStatus

    def __init__(self, children: list[ipywidgets.Widget], still: Any) -> None:
        super().__init__(children, still)
        self._closed = threading.Event()
        self._looking = threading.Lock()
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Look at the run directory once."""
        with self._looking:
            try:
                self.status = self.run.status()
                points = self.run.metrics()
                ending = self.run.log(4)
            except (OSError, ValueError) as error:
                tell(self.text, str(error), wrong=True)
                return
            ended = self.status.state in ENDED
            self.stop.disabled, self.go_on.disabled = ended, not ended or self.status.state == "finished"
            self.bar.value = progress(self.status)
            tell(self.text, status_text(self.status), wrong=self.status.state == "failed")
            self.curve.value = loss_curve(points)
            self.tail.value = f'<pre style="white-space:pre-wrap;opacity:.75;margin:0">{html.escape(ending)}</pre>'

    def watch(self) -> None:
        """Look again and again, in the background, until the run has ended or the dashboard is closed."""
        if self._thread and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._watch, name="dashboard", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._closed.wait(self.every):
            self.refresh()
            if self.status.state in ENDED:
                return

    def do(self, act: Any, words: str) -> None:
        """Stop or resume in the background, so that the page stays awake, then look again."""
        self.stop.disabled = self.go_on.disabled = True
        tell(self.text, f"{self.run.run_dir.name} is {words}")

        def work() -> None:
            try:
                act()
            except (OSError, ValueError, TimeoutError) as error:
                tell(self.text, str(error), wrong=True)
                self.stop.disabled = self.go_on.disabled = False
                return
            self.refresh()
            self.watch()

        threading.Thread(target=work, name="dashboard button", daemon=True).start()

    def close(self) -> None:
        """Look no more; the run goes on."""
        self._closed.set()
        super().close()


def progress(status: RunStatus) -> float:
    """The share of the stage that is done, 0 to 1; 1 for a finished run."""
    if status.state == "finished":
        return 1.0
    return min(1.0, (status.update or 0) / status.updates) if status.updates else 0.0


def status_text(status: RunStatus) -> str:
    """How a run is doing, in a sentence."""
    parts = [f"The run {WORDS.get(status.state, status.state)}"]
    if status.message and status.state in ("failed", "died"):
        parts.append(f"({status.message})")
    where = [f"stage {status.stage}"] if status.stage else []
    if status.update is not None and status.updates:
        where.append(f"update {number(status.update)} of {number(status.updates)}")
    if finite(status.loss):
        where.append(f"loss {status.loss:.3f} nats a frame")
    if finite(status.remaining_seconds) and status.state == "running":
        where.append(f"{duration(status.remaining_seconds)} left in this stage")
    where.append(f"{duration(status.seconds)} since its start")
    return " ".join(parts) + ". " + ", ".join(where).capitalize() + "."


def loss_curve(points: Sequence[Mapping[str, Any]]) -> str:
    """The loss over the updates as SVG: each record thin, its running mean thick; words if there are fewer than two."""
    found = [(p["update"], p["loss"]) for p in points if finite(p.get("update")) and finite(p.get("loss"))]
    if len(found) < 2:
        return "<p>No curve yet: it begins with the second loss.</p>"
    step = max(1, len(found) // POINTS)
    updates = [update for update, _ in found][::step]
    losses = [loss for _, loss in found]
    smooth = running_mean(losses, max(1, len(losses) // 40))[::step]
    losses = losses[::step]
    low, high = min(losses), max(losses)
    places = _Places(updates[0], updates[-1], low, high)
    title = f"Loss over updates {updates[0]} to {updates[-1]}, now {smooth[-1]:.3f} nats a frame"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" xmlns="http://www.w3.org/2000/svg" '
        'font-family="system-ui, sans-serif" font-size="13" color="#1d2126" '
        'style="max-width:100%;height:auto;background:#fff;color:#1d2126">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f"{places.axes()}{places.path(updates, losses, FAINT, 1)}{places.path(updates, smooth, COLOURS[0], 3)}</svg>"
    )


class _Places:
    """Where updates and losses lie in the picture."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.across = first, max(1.0, last - first)
        self.low, self.up = low, max(1e-6, high - low)

    def at(self, update: float, loss: float) -> tuple[float, float]:
        """Data to pixels."""
        x = LEFT + (update - self.first) / self.across * (WIDTH - LEFT - 16)
        return x, HEIGHT - BOTTOM - (loss - self.low) / self.up * (HEIGHT - BOTTOM - 14)

    def path(self, updates: Sequence[float], losses: Sequence[float], colour: str, width: float) -> str:
        """A line through points."""
        points = " ".join("{:.1f},{:.1f}".format(*self.at(u, loss)) for u, loss in zip(updates, losses, strict=True))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def axes(self) -> str:
        """Both axes with five ticks and their units."""
        bottom = HEIGHT - BOTTOM
        parts = [
            svg_line(LEFT, 10, LEFT, bottom, "#1d2126", 1),
            svg_line(LEFT, bottom, WIDTH - 12, bottom, "#1d2126", 1),
        ]
        for k in range(5):
            update, loss = self.first + k / 4 * self.across, self.low + k / 4 * self.up
            x, y = self.at(update, loss)
            parts += [
                svg_text(x, bottom + 17, f"{update:.0f}", "middle"),
                svg_text(LEFT - 6, y + 4, f"{loss:.2f}", "end"),
            ]
            parts += [svg_line(LEFT, y, WIDTH - 12, y, "#1d2126", 1, 0.12)]
        parts += [svg_text((LEFT + WIDTH) / 2, HEIGHT - 6, "update (batches seen)", "middle")]
        parts += [svg_text(16, bottom / 2, "loss (nats a frame)", "middle", turn=True)]
        return "".join(parts)
