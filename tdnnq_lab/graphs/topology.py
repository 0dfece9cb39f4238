"""The chain topology: one HMM state a phone, with one pdf to enter it and another to stay in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

LOOP = math.log(0.5)
"""Log probability of staying in a phone for one more frame (the 0.5 of Kaldi's chain topology)."""
LEAVE = math.log(0.5)
"""Log probability of leaving a phone. Every frame is one such choice, so T frames cost T log 0.5 on any path."""


@dataclass(frozen=True)
class Topology:
    """Phone i emits its forward pdf 2i once, then its self-loop pdf 2i + 1 for any further frames: F S*.

    Kaldi's chain topology (`steps/nnet3/chain/gen_topo.py`) with context-independent pdfs.

    Args:
      phones: names of the phones in the order of their indices, usually `lexicon.phones`.

    Raises:
      ValueError: no phones, or a phone twice.
    """

    phones: Sequence[str]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        phones = tuple(self.phones)
        if not phones:
            raise ValueError("Topology needs at least one phone")
        index = {phone: i for i, phone in enumerate(phones)}
        if len(index) < len(phones):
            twice = next(p for i, p in enumerate(phones) if index[p] != i)
            raise ValueError(f"Topology: phone {twice!r} is listed twice")
        object.__setattr__(self, "phones", phones)
        object.__setattr__(self, "_index", index)

    @property
    def num_phones(self) -> int:
        """Number of phones, silence included."""
        return len(self.phones)

    @property
    def num_pdfs(self) -> int:
        """P, twice the number of phones."""
        return 2 * len(self.phones)

    def forward_pdf(self, phone: int) -> int:
        """The pdf of the first frame of phone number `phone`."""
        return 2 * phone

    def loop_pdf(self, phone: int) -> int:
        """The pdf of every further frame of phone number `phone`."""
        return 2 * phone + 1

    def index(self, phone: str) -> int:
        """The number of the phone of that name.

        Raises:
          ValueError: the topology has no such phone.
        """
        try:
            return self._index[phone]
        except KeyError:
            raise ValueError(f"phone {phone!r} is not one of the topology's {len(self.phones)} phones") from None
