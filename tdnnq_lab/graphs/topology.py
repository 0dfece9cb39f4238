"""The chain topology: one HMM state a phone, with one pdf to enter it and another to stay in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .tying import Tying

LOOP = math.log(0.5)
"""Log probability of staying in a phone for one more frame (the 0.5 of Kaldi's chain topology)."""
LEAVE = math.log(0.5)
"""Log probability of leaving a phone. Every frame is one such choice, so T frames cost T log 0.5 on any path."""


@dataclass(frozen=True)
class Topology:
    """A phone emits its forward pdf once, then its self-loop pdf for any further frames: F S*.

    Kaldi's chain topology (`steps/nnet3/chain/gen_topo.py`). Without a tying, phone i has the pdfs 2i and 2i + 1;
    with one, its pdfs also depend on the phone before it (left biphones).

    Args:
      phones: names of the phones in the order of their indices, usually `lexicon.phones`.
      tying: pdfs by left context; None: monophones.

    Raises:
      ValueError: no phones, a phone twice, or a tying of another number of phones.
    """

    phones: Sequence[str]
    tying: Tying = None  # type: ignore[assignment]  # never None afterwards
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        phones = tuple(self.phones)
        if not phones:
            raise ValueError("Topology needs at least one phone")
        index = {phone: i for i, phone in enumerate(phones)}
        if len(index) < len(phones):
            twice = next(p for i, p in enumerate(phones) if index[p] != i)
            raise ValueError(f"Topology: phone {twice!r} is listed twice")
        tying = self.tying or Tying.monophone(len(phones))
        if tying.num_phones != len(phones):
            raise ValueError(f"Topology: a tying of {tying.num_phones} phones for {len(phones)}; make it again")
        object.__setattr__(self, "phones", phones)
        object.__setattr__(self, "tying", tying)
        object.__setattr__(self, "_index", index)

    @property
    def table(self) -> NDArray[np.int32]:
        """Pdfs, int32 (n + 1, n, 2): see `Tying`."""
        return self.tying.pdfs

    @property
    def owners(self) -> NDArray[np.int32]:
        """(P, 2): phone of each pdf, and 0 if it enters the phone, 1 if it stays in it."""
        return self.tying.owners

    @property
    def num_phones(self) -> int:
        """Number of phones, silence included."""
        return len(self.phones)

    @property
    def num_pdfs(self) -> int:
        """P; of monophones twice the number of phones."""
        return len(self.owners)

    def forward_pdf(self, phone: int, left: int = -1) -> int:
        """The pdf of the first frame of phone number `phone` after phone `left` (-1: at the start)."""
        return int(self.table[left + 1, phone, 0])

    def loop_pdf(self, phone: int, left: int = -1) -> int:
        """The pdf of every further frame of phone number `phone` after phone `left`."""
        return int(self.table[left + 1, phone, 1])

    def index(self, phone: str) -> int:
        """The number of the phone of that name.

        Raises:
          ValueError: the topology has no such phone.
        """
        try:
            return self._index[phone]
        except KeyError:
            raise ValueError(f"phone {phone!r} is not one of the topology's {len(self.phones)} phones") from None
