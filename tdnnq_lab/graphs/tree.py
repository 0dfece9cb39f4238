"""A phonetic decision tree for left biphones: which left contexts of a phone sound alike enough to share a pdf.

Kaldi's idea (`build-tree`, `cluster-phones`): frames of a context are summed up as a Gaussian; a question about the
left phone is worth what the likelihood of the frames gains when each answer has a Gaussian of its own; the question
that gains most is asked next, whichever phone it concerns. The questions come from the data too: phones are merged,
the most alike first, and every cluster on the way to one is a question. A context that was never seen answers the
same questions, and so finds a leaf.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tying import Tying

Floats = NDArray[np.float64]
FLOOR = 1e-2  # of a variance; features are scaled to a variance of one


@dataclass(frozen=True)
class Statistics:
    """Sums over the frames of each left context, phone and kind of pdf (0: entering the phone, 1: staying in it).

    Args:
      counts: float64 array of shape (n + 1, n, 2), frames; left context 0 is the start of the utterance.
      sums, squares: float64 arrays of shape (n + 1, n, 2, D): of the features, and of their squares.

    Raises:
      ValueError: shapes that do not fit, or no frame at all.
    """

    counts: Floats
    sums: Floats
    squares: Floats

    def __post_init__(self) -> None:
        n = self.counts.shape[1] if self.counts.ndim == 3 else -1
        if self.counts.shape != (n + 1, n, 2) or not self.sums.shape == self.squares.shape == (
            *self.counts.shape,
            self.sums.shape[-1],
        ):
            raise ValueError(
                f"statistics of shapes {self.counts.shape}, {self.sums.shape}, {self.squares.shape}; "
                "(n + 1, n, 2) and twice (n + 1, n, 2, D) are needed"
            )
        if not self.counts.sum() > 0:
            raise ValueError("statistics without a frame: no utterance could be aligned")


def likelihood(counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """Log likelihood of frames under their own diagonal Gaussian; counts (...), sums and squares (..., D).

    -N/2 (D log 2 pi + sum over d of log variance + D); without frames 0.
    """
    n = np.maximum(counts, 1e-12)[..., None]
    variance = np.maximum(squares / n - (sums / n) ** 2, FLOOR)
    return -0.5 * counts * (np.log(2 * np.pi) + np.log(variance) + 1).sum(-1)


def questions(statistics: Statistics) -> list[frozenset[int]]:
    """Sets of left contexts worth asking for: the clusters met while merging phones, the most alike first.

    A left context is described by the frames of that phone, in all its contexts; the start of the utterance, which has
    none, is a question of its own.
    """
    counts, sums, squares = (
        part.sum((0, 2)) for part in (statistics.counts, statistics.sums, statistics.squares)
    )  # by phone
    clusters: dict[frozenset[int], tuple[Floats, Floats, Floats]] = {
        frozenset([phone + 1]): (counts[phone], sums[phone], squares[phone]) for phone in range(len(counts))
    }
    found = [frozenset([0]), *clusters]
    while len(clusters) > 2:
        names = list(clusters)
        c, s, q = (np.stack([clusters[name][k] for name in names]) for k in range(3))
        apart = likelihood(c, s, q)
        loss = (
            apart[:, None] + apart[None] - likelihood(c[:, None] + c[None], s[:, None] + s[None], q[:, None] + q[None])
        )
        loss[np.tril_indices(len(names))] = np.inf
        first, second = (names[i] for i in np.unravel_index(int(loss.argmin()), loss.shape))
        one, other = clusters.pop(first), clusters.pop(second)
        clusters[first | second] = one[0] + other[0], one[1] + other[1], one[2] + other[2]
        found.append(first | second)
    return found


def grow_tree(statistics: Statistics, leaves: int, minimum: float = 100.0, *, whole: Collection[int] = ()) -> Tying:
    """Split the left contexts of every phone until there are so many pdfs.

    Args:
      statistics: of aligned speech.
      leaves: pdfs in all, at least the 2n of the monophones; fewer come out where no split is left.
      minimum: frames that each side of a split must have.
      whole: phones not to split (silence, which Kaldi does not split either).

    Raises:
      ValueError: fewer leaves than 2n.
    """
    n = statistics.counts.shape[1]
    if leaves < 2 * n:
        raise ValueError(f"a tree of {leaves} leaves for {n} phones: each has at least two pdfs, {2 * n} in all")
    asked = [sorted(question) for question in questions(statistics)]
    tree: list[list[list[list[int]]]] = [[[list(range(n + 1))] for _ in range(n)] for _ in range(2)]  # [kind][phone]
    waiting: list[tuple[float, int, int, list[int], list[int]]] = []

    def offer(phone: int, kind: int, lefts: list[int]) -> None:
        gain, yes = best_split(statistics, phone, kind, lefts, asked, minimum)
        if yes:
            heapq.heappush(waiting, (-gain, phone, kind, lefts, yes))

    for kind in range(2):
        for phone in range(n):
            if phone not in whole:
                offer(phone, kind, tree[kind][phone][0])
    for _ in range(leaves - 2 * n):
        if not waiting:
            break
        _, phone, kind, lefts, yes = heapq.heappop(waiting)
        no = [left for left in lefts if left not in yes]
        tree[kind][phone].remove(lefts)
        tree[kind][phone] += [yes, no]
        offer(phone, kind, yes)
        offer(phone, kind, no)
    return Tying.from_leaves(tree[0], tree[1])


def best_split(
    statistics: Statistics,
    phone: int,
    kind: int,
    lefts: Sequence[int],
    asked: Sequence[Sequence[int]],
    minimum: float,
) -> tuple[float, list[int]]:
    """The question that gains most likelihood among these left contexts: the gain, and who answers yes (none: [])."""
    here = np.zeros(len(statistics.counts), bool)
    here[list(lefts)] = True
    member = np.zeros((len(asked), len(here)), bool)
    for row, question in zip(member, asked, strict=True):
        row[list(question)] = True
    member &= here
    parts = [part[:, phone, kind] for part in (statistics.counts, statistics.sums, statistics.squares)]
    whole = [part[here].sum(0) for part in parts]
    yes = [member.astype(float) @ part for part in parts]
    no = [total - part for total, part in zip(whole, yes, strict=True)]
    gain = likelihood(*yes) + likelihood(*no) - likelihood(*whole)
    gain[(yes[0] < minimum) | (no[0] < minimum)] = 0.0
    # Of questions that differ only in contexts never seen, the widest: it keeps together what sounds alike.
    best = int(np.flatnonzero(gain >= gain.max() - 1e-6)[-1])
    return (float(gain[best]), np.flatnonzero(member[best]).tolist()) if gain[best] > 0 else (0.0, [])
