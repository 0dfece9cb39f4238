"""Which pdf a phone has after which other phone: the tying of left biphones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .files import atomic

FORMAT = "tdnnq-lab tying 1"
FORWARD, LOOP_PDF = 0, 1
"""Last index of a tying's table: the pdf that enters a phone, the one that stays in it."""


@dataclass(frozen=True, eq=False)
class Tying:
    """Pdfs of left biphones; those of many left contexts are usually one.

    Args:
      pdfs: int32 array of shape (n + 1, n, 2) for n phones: [left, phone, 0] is the pdf that enters `phone` after
        the phone left - 1, [left, phone, 1] the pdf that stays in it; left 0 stands for the start of the utterance.

    Raises:
      ValueError: another shape; pdfs that are not 0 … P - 1, all in use; or a pdf that two phones share, or a
        phone's beginning and its staying.
    """

    pdfs: NDArray[np.int32]

    def __post_init__(self) -> None:
        table = np.asarray(self.pdfs)
        if table.ndim != 3 or table.shape != (table.shape[1] + 1, table.shape[1], 2) or not table.size:
            raise ValueError(f"a tying has the shape (n + 1, n, 2) for n phones, not {table.shape}")
        used = np.unique(table)
        if not np.array_equal(used, np.arange(len(used))):
            raise ValueError(f"a tying uses pdfs 0 … P - 1, every one of them; this one has {len(used)}, {_gap(used)}")
        table = table.astype(np.int32)
        table.setflags(write=False)
        object.__setattr__(self, "pdfs", table)
        object.__setattr__(self, "_owners", _owners(table))
        object.__setattr__(self, "_key", (table.shape, table.tobytes()))

    _owners: NDArray[np.int32] = None  # type: ignore[assignment]
    _key: tuple[tuple[int, ...], bytes] = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tying) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @classmethod
    def monophone(cls, phones: int) -> Tying:
        """Pdfs 2i and 2i + 1 for phone i whatever stands before it."""
        own = np.arange(2 * phones, dtype=np.int32).reshape(1, phones, 2)
        return cls(np.broadcast_to(own, (phones + 1, phones, 2)))

    @classmethod
    def from_counts(cls, counts: ArrayLike, minimum: float) -> Tying:
        """Pdfs of their own for the pairs (left, phone) seen at least `minimum` times; the rest of a phone shares.

        Args:
          counts: (n + 1, n), how often each phone followed each left context.
        """
        table = np.asarray(counts, float)
        n = table.shape[1]
        leaves: list[list[list[int]]] = []
        for phone in range(n):
            own = [left for left in range(n + 1) if table[left, phone] >= minimum]
            rest = [left for left in range(n + 1) if left not in own]
            leaves.append([[left] for left in own] + ([rest] if rest else []))
        return cls.from_leaves(leaves, leaves)

    @classmethod
    def from_leaves(cls, forward: Sequence[Sequence[Sequence[int]]], loop: Sequence[Sequence[Sequence[int]]]) -> Tying:
        """Number the pdfs of sets of left contexts: forward[phone] and loop[phone] cut 0 … n into such sets."""
        n = len(forward)
        table, number = np.full((n + 1, n, 2), -1, np.int32), 0
        for phone in range(n):
            for which, leaves in ((FORWARD, forward[phone]), (LOOP_PDF, loop[phone])):
                for lefts in leaves:
                    table[list(lefts), phone, which] = number
                    number += 1
        return cls(table)

    @property
    def num_phones(self) -> int:
        """n."""
        return self.pdfs.shape[1]

    @property
    def num_pdfs(self) -> int:
        """P."""
        return len(self._owners)

    @property
    def is_monophone(self) -> bool:
        """No phone's pdfs depend on the phone before it."""
        return bool((self.pdfs == self.pdfs[:1]).all())

    @property
    def owners(self) -> NDArray[np.int32]:
        """(P, 2): phone of each pdf, and 0 if it enters the phone, 1 if it stays in it."""
        return self._owners

    def save(self, path: str | Path, phones: Sequence[str]) -> None:
        """Write as JSON with the phones' names, under a temporary name first."""
        rows = {"format": FORMAT, "phones": list(phones), "pdfs": self.pdfs.tolist()}
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(rows, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, phones: Sequence[str]) -> Tying:
        """Read what `save` wrote.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: a damaged or foreign file, or one of other phones (the first that differs is named).
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; make it with `tdnnq-lab tie`")
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, Mapping) or found.get("format") != FORMAT:
            raise ValueError(f"{path}: not a tying ('{FORMAT}'); make it with `tdnnq-lab tie`")
        if list(found["phones"]) != list(phones):
            pairs = zip([*found["phones"], None], [*phones, None], strict=False)
            theirs, ours = next((a, b) for a, b in pairs if a != b)
            raise ValueError(f"{path} ties other phones: it has {theirs!r} where the lexicon has {ours!r}")
        try:
            return cls(np.array(found["pdfs"], np.int32))
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from error


def _gap(used: NDArray[np.integer]) -> str:
    if used[0] < 0:
        return f"and {used[0]} among them"
    return f"and none is {next(i for i, pdf in enumerate(used) if i != pdf)}"


def _owners(table: NDArray[np.int32]) -> NDArray[np.int32]:
    """Phone and kind of each pdf, (P, 2)."""
    _, phones, kinds = np.indices(table.shape)
    found = np.unique(np.stack([table, phones, kinds]).reshape(3, -1), axis=1)
    twice = np.flatnonzero(found[0, 1:] == found[0, :-1])
    if len(twice):
        first, second = found[1:, twice[0]], found[1:, twice[0] + 1]
        raise ValueError(
            f"pdf {found[0, twice[0]]} belongs to phone {first[0]} and to phone {second[0]}; "
            "a pdf either enters one phone or stays in it"
        )
    return found[1:].T.astype(np.int32)
