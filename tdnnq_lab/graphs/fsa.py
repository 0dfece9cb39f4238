"""The one data structure every room shares: a weighted acceptor over pdfs, as four tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .files import atomic

FORMAT = "tdnnq-lab fsa 1"
_FIELDS = ("arcs", "scores", "initial", "final")


@dataclass(eq=False)
class Fsa:
    """A weighted finite-state acceptor without epsilons; each arc emits one pdf and takes one frame.

    Args:
      arcs: int32 Tensor of shape (A, 3): source state, destination state, pdf. Any order; parallel arcs and
        self-loops are allowed. Other integer types are converted.
      scores: float32 Tensor of shape (A,): natural-log weight of each arc; -inf makes an arc useless.
      initial: float32 Tensor of shape (S,): log weight of starting in a state; -inf: not initial.
      final: float32 Tensor of shape (S,): log weight of ending in a state; -inf: not final.

    Raises:
      ValueError: a wrong shape or type, an index out of range, or a weight that is NaN or +infinity.
    """

    arcs: Tensor
    scores: Tensor
    initial: Tensor
    final: Tensor

    def __post_init__(self) -> None:
        _check_shapes(self)
        self.arcs = self.arcs.to(torch.int32)
        for name in ("scores", "initial", "final"):
            setattr(self, name, getattr(self, name).detach().to(torch.float32))
        _check_indices(self)
        _check_weights(self)

    @property
    def num_states(self) -> int:
        """S."""
        return int(self.initial.shape[0])

    @property
    def num_arcs(self) -> int:
        """A."""
        return int(self.arcs.shape[0])

    @property
    def num_pdfs(self) -> int:
        """One more than the largest pdf on an arc; 0 without arcs."""
        return int(self.arcs[:, 2].max()) + 1 if self.num_arcs else 0

    def to(self, device: torch.device | str) -> Fsa:
        """The same automaton with its tensors on `device`."""
        return Fsa.trusted(*(getattr(self, name).to(device) for name in _FIELDS))

    @classmethod
    def trusted(cls, arcs: Tensor, scores: Tensor, initial: Tensor, final: Tensor) -> Fsa:
        """An Fsa of tensors known to be right, types included: skips the checks, which cost more than a numerator."""
        made = object.__new__(cls)
        made.arcs, made.scores, made.initial, made.final = arcs, scores, initial, final
        return made

    def save(self, path: str | Path) -> None:
        """Write the four tensors as safetensors, under a temporary name first.

        Raises:
          OSError: the folder is missing, read-only or full; an older file at `path` is then untouched.
        """
        tensors = {name: getattr(self, name).cpu().contiguous() for name in _FIELDS}
        with atomic(path) as temporary:
            save_file(tensors, temporary, metadata={"format": FORMAT})

    @classmethod
    def load(cls, path: str | Path) -> Fsa:
        """Read what `save` wrote.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is truncated, foreign, or holds no valid automaton.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; make it with Fsa.save")
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("format") != FORMAT:
                    raise ValueError(f"{path}: not an Fsa file (its header does not say '{FORMAT}')")
                tensors = {name: file.get_tensor(name) for name in _FIELDS}
        except SafetensorError as error:
            raise ValueError(f"{path}: truncated or not an Fsa file ({error}); make it again") from error
        try:
            return cls(**tensors)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def _check_shapes(fsa: Fsa) -> None:
    for name in _FIELDS:
        value = getattr(fsa, name)
        if not isinstance(value, Tensor):
            raise ValueError(f"Fsa.{name} is a {type(value).__name__}; give a torch Tensor")
    arcs, scores, initial, final = (getattr(fsa, name) for name in _FIELDS)
    if arcs.ndim != 2 or arcs.shape[1] != 3:
        raise ValueError(f"Fsa.arcs has shape {tuple(arcs.shape)}; (A, 3): source, destination, pdf is needed")
    if arcs.is_floating_point() or arcs.is_complex() or arcs.dtype == torch.bool:
        raise ValueError(f"Fsa.arcs is {arcs.dtype}; int32 is needed")
    if scores.shape != arcs.shape[:1]:
        raise ValueError(f"Fsa.scores has shape {tuple(scores.shape)}; one for each of {arcs.shape[0]} arcs is needed")
    if initial.ndim != 1 or initial.shape[0] == 0 or final.shape != initial.shape:
        raise ValueError(
            f"Fsa.initial has shape {tuple(initial.shape)} and Fsa.final {tuple(final.shape)}; "
            "both must be (S,) with at least one state"
        )


def _check_indices(fsa: Fsa) -> None:
    if not fsa.num_arcs:
        return
    low, high = fsa.arcs.amin(0).tolist(), fsa.arcs.amax(0).tolist()
    for column, name in enumerate(("source", "destination")):
        if low[column] < 0 or high[column] >= fsa.num_states:
            wrong = low[column] if low[column] < 0 else high[column]
            raise ValueError(f"Fsa.arcs: {name} state {wrong} is not among the states 0 … {fsa.num_states - 1}")
    if low[2] < 0:
        raise ValueError(f"Fsa.arcs: pdf {low[2]} is negative; every arc emits a pdf (there are no epsilons)")


def _check_weights(fsa: Fsa) -> None:
    for name in ("scores", "initial", "final"):
        value = getattr(fsa, name)
        bad = torch.isnan(value) | (value == float("inf"))
        if bool(bad.any()):
            index = int(bad.nonzero()[0, 0])
            raise ValueError(f"Fsa.{name}[{index}] is {float(value[index])}; a log weight is finite or -inf")
