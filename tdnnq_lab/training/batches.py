"""What the loop takes as batches, and what it checks of them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor


class TrainingBatch(NamedTuple):
    """One batch: `outputs = model(*inputs)`, `loss(outputs, *targets)`; a plain tuple of two or three also serves."""

    inputs: tuple[Any, ...]
    targets: tuple[Any, ...]
    ids: Sequence[str] = ()  # utterances, to name a batch that had to be skipped


@runtime_checkable
class Batches(Protocol):
    """Batches of a training set, in an order that depends on the epoch (from 0) and the object's own seed only."""

    def epoch(self, epoch: int) -> Iterator[Any]:
        """Yield the batches of this epoch; the same ones, in the same order, at every call."""

    def __len__(self) -> int:
        """Return the (expected) number of batches an epoch."""


class SameEveryEpoch:
    """A list of batches, in its own order in every epoch."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self.batches = batches

    def epoch(self, epoch: int) -> Iterator[Any]:
        """Yield all batches."""
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def as_batches(batches: Any) -> Batches:
    """Return `batches` if it has `epoch`; wrap a plain sequence. ValueError if there is no batch in it."""
    if not hasattr(batches, "epoch"):
        batches = SameEveryEpoch(batches)
    if len(batches) == 0:
        raise ValueError("There is no batch to train on: check that the training set is not empty.")
    return batches


def unpack(batch: Any, device: torch.device) -> TrainingBatch:
    """Return a batch of two or three parts as a TrainingBatch whose tensors lie on `device`."""
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(
            f"A batch has to be (inputs, targets) or (inputs, targets, ids), not {type(batch).__name__}"
            f"{f' of {len(batch)}' if isinstance(batch, tuple | list) else ''}."
        )
    inputs, targets, *ids = batch
    return TrainingBatch(_as_tuple(inputs, device), _as_tuple(targets, device), ids[0] if ids else ())


def has_nan(values: Any) -> bool:
    """Return whether any floating-point tensor among `values` (nested tuples and lists) holds a NaN.

    Infinities pass: an additive attention mask is made of them.
    """
    return any(bool(torch.isnan(t).any()) for t in _floats(values))


def all_finite(values: Any) -> bool:
    """Return whether every floating-point tensor among `values` (nested tuples and lists) is finite."""
    return all(bool(torch.isfinite(t).all()) for t in _floats(values))


def _as_tuple(values: Any, device: torch.device) -> tuple[Any, ...]:
    values = values if isinstance(values, tuple | list) else (values,)
    return tuple(values) if device.type == "cpu" else tuple(_move(v, device) for v in values)


def _move(value: Any, device: torch.device) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_move(v, device) for v in value)
    return value.to(device) if isinstance(value, Tensor) else value  # graphs stay: the criterion keeps its own copies


def _floats(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        if values.is_floating_point():
            yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _floats(value)
