"""Runs in the background that outlive the kernel or shell which started them."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .jsonfiles import last_lines, read_json, read_lines, write_json
from .status import live_process, process_id, refuse_if_live

# What `launch` can start: job -> its words after `python -m tdnnq_lab.cli`.
JOBS: dict[str, tuple[str, ...]] = {"demo": ("demo",), "train": ("train",)}
FINAL = ("stopped", "failed", "finished", "died")
LAST_BREATH = 60.0  # seconds that a run which says it has ended gets to end its process
# A Jupyter kernel sets these for itself; in a log file colours and inline figures are out of place.
NOT_INHERITED = ("MPLBACKEND", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "JPY_PARENT_PID", "JPY_SESSION_NAME")


@dataclass(frozen=True)
class RunStatus:
    """How a run is doing.

    Attributes:
        state: "starting", "running", "stopped" (resume it), "failed" (by an error), "finished", or "died"
            (its process ended without a word; resume it).
        stage: what it is at.
        update, updates: progress in this stage; None where it has none.
        loss: the last one reported.
        seconds: since it was started (the last time), to now or to its end.
        remaining_seconds: of this stage, as the run estimates it.
        message: the run's last words.
    """

    state: str
    stage: str = ""
    update: int | None = None
    updates: int | None = None
    loss: float | None = None
    seconds: float = 0.0
    remaining_seconds: float | None = None
    message: str = ""


def launch(
    job: str,
    run_dir: str | Path,
    *,
    corpus: str | None = None,
    devices: Sequence[int] | None = None,
    where: str = "local",
    command: Sequence[str] | None = None,
    **arguments: Any,
) -> "Run":
    """Start a job in the background and return at once; `attach(run_dir)` finds it again from anywhere.

    The process gets a session of its own, so that an interrupt, restart or shutdown of the Jupyter kernel
    that launched it does not reach it. Its output goes to `run_dir/log.txt`.

    Args:
        job: "demo" or "train" (any name with `command`).
        run_dir: made if missing; a run there that is not alive is resumed.
        corpus: as `tdnnq-lab` takes it.
        devices: GPUs the run may see; (): none; None: all.
        where: "local".
        command: a whole command line in place of the job's.
        arguments: options of the command: `seed=1` is `--seed 1`, `fast=True` is `--fast`, `fast=False` is
            `--no-fast`, a list repeats the option, None leaves it out.

    Raises:
        ValueError: an unknown job or place; the directory holds a run of another job.
        FileExistsError: the directory has a live run.
        OSError: the directory cannot be written, or the command not started.
    """
    if where != "local":
        raise ValueError(f"Cannot launch on {where!r}: only where='local' is there.")
    if command is None and job not in JOBS:
        raise ValueError(f"Unknown job {job!r}: there are {', '.join(JOBS)}.")
    folder = Path(run_dir).resolve()
    earlier = (read_json(folder / "process.json") or {}).get("job", job)
    if earlier != job:
        raise ValueError(f"{run_dir} holds a run of job {earlier!r}, not {job!r}: choose another directory.")
    facts: dict[str, Any] = {"job": job, "corpus": corpus, "arguments": _plain(arguments), "cwd": os.getcwd()}
    facts["devices"] = None if devices is None else list(devices)
    facts["command"] = None if command is None else list(command)
    return Run(folder, _start(folder, facts))


def attach(run_dir: str | Path) -> "Run":
    """Return the run of a directory, alive or not.

    Raises:
        FileNotFoundError: there is no such directory.
        ValueError: it is not the directory of a run, or its files are damaged (names the file).
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no run directory {run_dir}; launch(…) makes one.")
    if not any((folder / name).exists() for name in ("process.json", "status.json")):
        raise ValueError(f"{run_dir} is not a run directory: it has neither process.json nor status.json.")
    run = Run(folder.resolve())
    run.status()
    return run


class Run:
    """A run, known by its directory; every answer is read from there."""

    def __init__(self, run_dir: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.run_dir = run_dir
        self._process = process  # only in the process that launched it, to collect its exit

    def status(self) -> RunStatus:
        """Return how the run is doing; ValueError names a file of it that is damaged."""
        now = self._read_status()
        # it may have ended between our reading and our look at the process: its last words count
        return self._read_status() if now.state == "died" else now

    def stop(self, timeout: float = 120.0) -> RunStatus:
        """Ask the run to stop, and wait until it has: it finishes its update and writes a checkpoint.

        Args:
            timeout: seconds.

        Raises:
            TimeoutError: it is still at it.
        """
        process = self._live()
        if process is None:
            return self.status()
        facts = read_json(self.run_dir / "process.json")
        if facts is not None:
            write_json(self.run_dir / "process.json", {**facts, "stop_requested": time.time()})
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            return self.status()
        return self._wait_for(lambda: self._live() is None, timeout, "stop")

    def resume(self) -> "Run":
        """Start a run again that was stopped, failed or died; it goes on from its last checkpoint.

        A finished run is left as it is.

        Raises:
            FileExistsError: it is alive.
            ValueError: it was not started by `launch`.
        """
        facts = read_json(self.run_dir / "process.json")
        if facts is None:
            raise ValueError(f"{self.run_dir} was not started by launch(…): give its command again to resume it.")
        state = self.status().state
        if state == "finished":
            return self
        if state in FINAL:  # it says so before its process has ended, which takes a busy machine a while
            with contextlib.suppress(TimeoutError):
                self.wait(LAST_BREATH)
        self._process = _start(self.run_dir, facts)
        return self

    def wait(self, timeout: float | None = None) -> RunStatus:
        """Wait until the run has ended, in whatever state; TimeoutError after `timeout` seconds."""
        return self._wait_for(lambda: self.status().state in FINAL and self._live() is None, timeout, "end")

    def metrics(self, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
        """Return the lines of metrics written so far; `name` is relative to the run directory."""
        return read_lines(self.run_dir / name)

    def log(self, lines: int = 20) -> str:
        """Return the last lines of the run's output."""
        return "\n".join(last_lines(self.run_dir / "log.txt", lines))

    def __repr__(self) -> str:
        return f"Run({str(self.run_dir)!r}: {self.status().state})"

    def _read_status(self) -> RunStatus:
        launched = read_json(self.run_dir / "process.json")
        told = read_json(self.run_dir / "status.json")
        alive = self._live() is not None
        if launched and (told is None or told.get("started", 0.0) < launched.get("launched", 0.0)):
            told = {"state": "starting", "started": launched.get("launched")}  # what stands there is of an earlier call
        told = told or {}
        state = told.get("state", "starting")
        message = told.get("message", "")
        if state not in FINAL and not alive:
            state = "stopped" if (launched or {}).get("stop_requested") else "died"
            message = "\n".join(last_lines(self.run_dir / "log.txt", 1)) or message
        now = time.time()
        began = told.get("started") or now
        end = now if state not in FINAL else told.get("heartbeat") or began
        names = ("stage", "update", "updates", "loss", "remaining_seconds")
        known = {name: told[name] for name in names if name in told}
        return RunStatus(state=state, seconds=round(end - began, 1), message=message, **known)

    def _live(self) -> psutil.Process | None:
        """Return the live process of this run, as launched or as it named itself."""
        if self._process is not None:
            self._process.poll()  # no zombie of ours
        launched = read_json(self.run_dir / "process.json") or {}
        told = read_json(self.run_dir / "status.json") or {}
        running = told.get("process") if told.get("state") == "running" else None
        return live_process(launched.get("process")) or live_process(running)

    def _wait_for(self, done: Any, timeout: float | None, what: str) -> RunStatus:
        end = None if timeout is None else time.monotonic() + timeout
        while not done():
            if end is not None and time.monotonic() > end:
                raise TimeoutError(
                    f"The run in {self.run_dir} did not {what} within {timeout:g} seconds; it is still alive."
                )
            time.sleep(0.1)
        return self.status()


def _start(folder: Path, facts: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start the command of `process.json`'s facts in the background and write that file."""
    folder.mkdir(parents=True, exist_ok=True)
    refuse_if_live(folder)
    environment = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED} | {"PYTHONUNBUFFERED": "1"}
    if facts["devices"] is not None:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, facts["devices"]))
    facts = {k: v for k, v in facts.items() if k != "stop_requested"} | {"launched": time.time()}
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            facts["command"] or _command(facts, folder),
            cwd=facts["cwd"] if os.path.isdir(facts["cwd"]) else None,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a kernel signals its whole process group
        )
    write_json(folder / "process.json", {**facts, "process": process_id(process.pid)})
    return process


def _command(facts: dict[str, Any], folder: Path) -> list[str]:
    """Return the command line of a job; the folder is given anew, so that a moved run can be resumed."""
    command = [sys.executable, "-m", "tdnnq_lab.cli", *JOBS[facts["job"]], "--run-dir", str(folder)]
    if facts["corpus"] is not None:
        command += ["--corpus", facts["corpus"]]
    for name, value in facts["arguments"].items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            command.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            for one in value if isinstance(value, list) else [value]:
                command += [f"--{option}", str(one)]
    return command


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as JSON values: what is no number, text, truth value or list of these becomes text."""
    kinds = (bool, int, float, str, type(None))
    plain: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, list | tuple):
            plain[name] = [v if isinstance(v, kinds) else str(v) for v in value]
        else:
            plain[name] = value if isinstance(value, kinds) else str(value)
    return plain
