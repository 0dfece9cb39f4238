"""`status.json`: what a run says about itself while it lives, and whether the process that said it still does."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol

import psutil

from .jsonfiles import read_json, write_json

STOPPED_EXIT_CODE = 143  # 128 + SIGTERM, as shells say it


class Stopped(SystemExit):
    """Ends a run that was asked to stop; what it has done is on disk."""

    def __init__(self, message: str = "asked to stop") -> None:
        super().__init__(STOPPED_EXIT_CODE)
        self.message = message


class TrainingProgress(Protocol):
    """What `StatusWriter.progress` reads of the training loop's `Progress`."""

    @property
    def update(self) -> int: ...
    @property
    def updates(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def remaining_seconds(self) -> float | None: ...


class StatusWriter:
    """Keeps `status.json` of a run directory: `with StatusWriter(run_dir, "train") as status: …`.

    Leaving the block writes the last state: "finished"; "stopped" after SIGTERM, an interrupt or `Stopped`;
    "failed" after any other error. `close` inside the block has the last word. Inside the block SIGTERM
    raises `Stopped`; the training loop catches signals itself and returns, so after it
    `if report.state == "stopped": status.close("stopped", report.reason)`.
    A writer inside another one for the same directory adds its stages and leaves the last word to that one.

    Args:
        run_dir: made if missing.
        stage: the first stage.
        min_seconds: progress is written at most this often.

    Raises:
        FileExistsError: another process that is alive runs in this directory.
        OSError: the directory cannot be written.
    """

    _open: dict[Path, "StatusWriter"] = {}  # noqa: RUF012 (shared on purpose: writers of this process)

    def __init__(self, run_dir: str | Path, stage: str = "", *, min_seconds: float = 1.0) -> None:
        self.run_dir, self.min_seconds = Path(run_dir), min_seconds
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.path = self.run_dir.resolve() / "status.json"
        refuse_if_live(self.run_dir)
        now = time.time()
        self.status: dict[str, Any] = {"state": "running", "stage": stage, "update": None, "updates": None}
        self.status |= {"loss": None, "remaining_seconds": None, "message": "", "started": now, "heartbeat": now}
        self.status["process"] = process_id(os.getpid())
        self._written = float("-inf")
        self._before: Any = None
        self.outer = StatusWriter._open.get(self.path)
        if self.outer:
            self.status["started"] = self.outer.status["started"]
        self.write()

    def stage(self, name: str, updates: int | None = None, message: str = "") -> None:
        """Begin a stage of so many updates (None: unknown)."""
        self.status |= {"stage": name, "update": None, "updates": updates, "loss": None, "message": message}
        self.status["remaining_seconds"] = None
        self.write()

    def progress(self, progress: TrainingProgress) -> None:
        """Take note of progress in training: pass it to `train` as `on_progress`."""
        self.status |= {"loss": progress.loss, "remaining_seconds": progress.remaining_seconds}
        self.advance(progress.update, progress.updates)

    def advance(self, update: int, updates: int | None = None) -> None:
        """Take note of progress of any kind (utterances decoded, files read)."""
        self.status |= {"update": update, "updates": self.status["updates"] if updates is None else updates}
        if time.monotonic() - self._written >= self.min_seconds or update == self.status["updates"]:
            self.write()

    def message(self, text: str) -> None:
        """Put a line of text into the status."""
        self.status["message"] = text
        self.write()

    def close(self, state: str, message: str = "") -> None:
        """Write the last state: "finished", "stopped" or "failed"."""
        self.status |= {"state": state, "message": message or self.status["message"], "remaining_seconds": None}
        self.write()

    def write(self) -> None:
        """Write `status.json`, atomically."""
        self.status["heartbeat"] = time.time()
        self._written = time.monotonic()
        write_json(self.path, {**self.status, "state": "running"} if self.outer else self.status)

    def __enter__(self) -> "StatusWriter":
        if not self.outer:
            StatusWriter._open[self.path] = self
            if _in_main_thread():
                self._before = signal.signal(signal.SIGTERM, _raise_stopped)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.outer:
            return
        if _in_main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing may cut the last words short
        try:
            if isinstance(error, Stopped | KeyboardInterrupt):
                self.close("stopped", getattr(error, "message", "interrupted"))
            elif error is not None and not (isinstance(error, SystemExit) and error.code in (0, None)):
                self.close("failed", f"{type(error).__name__}: {error}")
            elif self.status["state"] == "running":
                self.close("finished")
        finally:
            StatusWriter._open.pop(self.path, None)
            if _in_main_thread():
                signal.signal(signal.SIGTERM, self._before)


class StageTimes:
    """Tells the status which stage is running, and keeps what each took: `with stage("train"): …`."""

    def __init__(self, status: StatusWriter) -> None:
        self.status, self.seconds = status, dict[str, float]()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One stage; its seconds add up where it comes again."""
        self.status.stage(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 1)


def process_id(pid: int) -> dict[str, float]:
    """Return the pid with the process's start time (seconds since 1970), which no later process shares."""
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:  # ended already
        return {"pid": pid, "created": 0.0}


def live_process(process: Mapping[str, float] | None) -> psutil.Process | None:
    """Return the process of `process_id` if it still runs; None for an ended one, a zombie or a reused pid."""
    if not process:
        return None
    try:
        found = psutil.Process(int(process["pid"]))
        same = abs(found.create_time() - process["created"]) < 2.0
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def refuse_if_live(run_dir: Path) -> None:
    """Raise FileExistsError if another live process runs in this directory."""
    launched = read_json(run_dir / "process.json") or {}
    status = read_json(run_dir / "status.json") or {}
    told = status.get("process") if status.get("state") == "running" else None
    for process in (launched.get("process"), told):
        found = live_process(process)
        if found and found.pid != os.getpid():
            raise FileExistsError(
                f"{run_dir} has a live run (process {found.pid}): attach to it, stop it, or choose another directory."
            )


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
