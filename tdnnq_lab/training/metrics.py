"""`metrics.jsonl`, the means between its lines, and the time that each part of a step takes."""

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

STEP_PARTS = ("data", "forward", "criterion", "backward", "optimiser")


class MetricsLog:
    """An append-only file of JSON objects, one a line, each written out at once.

    Args:
        path: the file; made if missing.
        keep_bytes: length to cut it to first: what a resumed run had written when its checkpoint was made.
    """

    def __init__(self, path: Path, keep_bytes: int = 0) -> None:
        self.path = path
        self.bytes = keep_bytes
        with self._named_errors():
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (kept open for the run)
            self.bytes = min(keep_bytes, self._file.tell())
            self._file.truncate(self.bytes)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line; OSError names the file, which then ends with the line before."""
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        with self._named_errors():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        self.bytes += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if hasattr(self, "_file"):
                self._file.truncate(self.bytes)  # no half of a line
            raise type(error)(
                f"Cannot write {self.path}: {error.strerror}. Its lines so far are whole; make room or choose "
                "a writable folder, then resume."
            ) from error


class Means:
    """Means of what the loss reports, between two lines of the log.

    Floats are averaged, weighted by `frames` where a loss reports them (it then reports values per frame);
    whole numbers (`frames` among them) are counts and are added up.
    """

    def __init__(self, state: Mapping[str, list[float]] | None = None) -> None:
        self.state: dict[str, list[float]] = dict(state or {})  # name -> [sum, weight]; weight 0: a count

    def add(self, parts: Mapping[str, float | int]) -> None:
        """Take in the parts of one batch."""
        weight = float(parts.get("frames", 1)) or 1.0
        for name, value in parts.items():
            count = isinstance(value, int) or name == "frames"
            total = self.state.setdefault(name, [0.0, 0.0])
            total[0] += value if count else value * weight
            total[1] += 0.0 if count else weight

    def values(self) -> dict[str, float]:
        """Return the means (and counts) so far."""
        return {name: total / weight if weight else total for name, (total, weight) in self.state.items()}


class PartTimer:
    """Seconds spent in each part of training: `with timer("forward"): …`.

    The backward pass of a criterion that returns occupancies only hands them over, so "criterion" (the call
    of the loss) holds all of its work and "backward" is the network's. On a GPU each part is waited for.
    """

    def __init__(self, device: torch.device, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds = {**dict.fromkeys(STEP_PARTS, 0.0), **(seconds or {})}
        self._wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._wait()
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - start

    def rounded(self) -> dict[str, float]:
        """Return the seconds of each part, to the millisecond."""
        return {part: round(seconds, 3) for part, seconds in self.seconds.items()}


def read_loss(output: Any) -> tuple[Tensor, dict[str, float | int]]:
    """Return the scalar to minimise and every number of a loss's output, `loss` first.

    Args:
        output: a scalar tensor, or an object (dataclass, named tuple, …) with `.loss` and further numbers;
            fields that are not single numbers are left out.

    Raises:
        ValueError: the loss is not a single number.
    """
    loss = output if isinstance(output, Tensor) else getattr(output, "loss", None)
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"The loss has to be a scalar tensor or have one as `.loss`, not {shape}.")
    parts: dict[str, float | int] = {"loss": float(loss.detach())}
    for name, value in _fields(output).items():
        if isinstance(value, Tensor) and value.numel() == 1:
            parts.setdefault(name, value.detach().item())
        elif isinstance(value, int | float):
            parts.setdefault(name, value)
    return loss.reshape(()), parts


def _fields(output: Any) -> dict[str, Any]:
    if isinstance(output, Tensor):
        return {}
    if dataclasses.is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    return output._asdict() if hasattr(output, "_asdict") else dict(vars(output))
