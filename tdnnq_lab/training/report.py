"""What a training run tells: while it runs (Progress, a bar or plain lines) and at its end (TrainReport)."""

import dataclasses
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from .files import write_json
from .metrics import STEP_PARTS

PLAIN_LINE_SECONDS = 5.0  # a log file needs no more lines than this


@dataclass(frozen=True)
class Progress:
    """How far training is; what the callback `on_progress` gets.

    Attributes:
        update: updates done (skipped ones included), of `updates`.
        epoch: passes over the data begun before this one.
        loss: mean since the last report; None before the first batch.
        seconds: spent on training, earlier calls of a resumed run included.
        remaining_seconds: at the present pace; None when there is no pace yet.
        skipped: batches skipped so far.
    """

    update: int
    updates: int
    epoch: int
    loss: float | None
    learning_rate: float
    seconds: float
    remaining_seconds: float | None
    skipped: int


@dataclass
class TrainReport:
    """What `train` did.

    Attributes:
        state: "finished" or "stopped".
        reason: why it stopped; empty when finished.
        losses: what the loss reported, averaged since the log line before the last.
        skipped: batches of which something was not finite.
        skips: the first 100 of them: update, reason and ids.
        left_out: utterances that the loss left out of their batch (its output's `skipped`), and how often.
        seconds: spent on training, earlier calls of a resumed run included.
        seconds_by_part: of data, forward, criterion, backward, optimiser, checkpoint, evaluation, finalise.
        weights: the final weights' file, relative to the run directory; None unless finished.
    """

    state: str
    reason: str
    update: int
    updates: int
    epoch: int
    losses: dict[str, float]
    skipped: int
    skips: list[dict[str, Any]]
    left_out: dict[str, int]
    seconds: float
    seconds_by_part: dict[str, float] = field(default_factory=dict)
    weights: str | None = None

    @property
    def loss(self) -> float | None:
        """The last mean loss."""
        return self.losses.get("loss")

    @property
    def criterion_share(self) -> float:
        """Share of the criterion in the time of all training steps, data included (0-1)."""
        total = sum(self.seconds_by_part.get(part, 0.0) for part in STEP_PARTS)
        return self.seconds_by_part.get("criterion", 0.0) / total if total else 0.0

    def save(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "TrainReport":
        """Read what `save` wrote; ValueError names a file that is something else."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not the report of a training run ({error}); remove it to resume.") from error


class Display:
    """Shows progress on stderr: a bar on a terminal, elsewhere a plain line every few seconds.

    Args:
        show: False: nothing at all.
    """

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._last_line = float("-inf")

    def __enter__(self) -> "Display":
        console = Console(stderr=True)
        if self.show and sys.stderr.isatty():  # rich also counts a notebook and FORCE_COLOR as terminals
            columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
            rest = (TextColumn("{task.fields[note]}"), TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, *rest, console=console)
            self._task = self._bar.add_task("training", total=None, note="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def progress(self, progress: Progress) -> None:
        """Show how far training is."""
        loss = "" if progress.loss is None else f"loss {progress.loss:.4f}"
        if self._bar:
            self._bar.update(self._task, completed=progress.update, total=progress.updates, note=loss)
        elif self.show and (
            time.monotonic() - self._last_line >= PLAIN_LINE_SECONDS or progress.update == progress.updates
        ):
            self._last_line = time.monotonic()
            left = progress.remaining_seconds
            self._print(
                f"update {progress.update}/{progress.updates}  epoch {progress.epoch}  {loss}  "
                f"{progress.seconds:.0f} s" + ("" if left is None else f", about {left:.0f} s left")
            )

    def say(self, text: str) -> None:
        """Show one line of text."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        elif self.show:
            self._print(text)

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
