"""The dropout schedule of the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

SCHEDULE_7Q = ((0.0, 0.0), (0.2, 0.0), (0.5, 0.5), (1.0, 0.0))  # Kaldi writes it 0,0@0.20,0.5@0.50,0


def dropout_at(fraction: float, points: Sequence[tuple[float, float]] = SCHEDULE_7Q) -> float:
    """Dropout proportion when this fraction (0 to 1) of the training is done: linear between the points.

    Args:
        points: (fraction, proportion), rising, from 0 to 1.

    Raises:
        ValueError: a fraction outside 0 to 1.
    """
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"the fraction of training done must lie between 0 and 1, not {fraction}")
    for (start, before), (end, after) in pairwise(points):
        if fraction <= end:
            return before + (after - before) * (fraction - start) / (end - start)
    return points[-1][1]
