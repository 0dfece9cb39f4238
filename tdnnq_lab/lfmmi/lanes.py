"""Rows of a few numbers as tuples, which the compiler keeps in vector registers: one set of operations a width.

A loop over the lanes of an array would do the same, but numba's loops go through memory at every step, which costs a
factor of two to four.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import config, njit

# Off by default in numba; it turns four plain sums into one vector instruction.
config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled: kept on disk, without the interpreter lock, dividing by zero as numpy does."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


class Lanes(NamedTuple):
    """Operations on a tuple of `width` numbers."""

    width: int
    zero: tuple[float, ...]
    load: Any  # (x (N, width), i) -> row i
    store: Any  # (x (N, width), i, row)
    add: Any  # (a, b) -> a + b
    mul: Any  # (a, b) -> a * b
    madd: Any  # (a, weight, b) -> a + weight * b


@compiled
def _load1(x, i):
    return (x[i, 0],)


@compiled
def _store1(x, i, v):
    x[i, 0] = v[0]


@compiled
def _add1(a, b):
    return (a[0] + b[0],)


@compiled
def _mul1(a, b):
    return (a[0] * b[0],)


@compiled
def _madd1(a, w, b):
    return (a[0] + w * b[0],)


@compiled
def _load2(x, i):
    return x[i, 0], x[i, 1]


@compiled
def _store2(x, i, v):
    x[i, 0], x[i, 1] = v


@compiled
def _add2(a, b):
    return a[0] + b[0], a[1] + b[1]


@compiled
def _mul2(a, b):
    return a[0] * b[0], a[1] * b[1]


@compiled
def _madd2(a, w, b):
    return a[0] + w * b[0], a[1] + w * b[1]


@compiled
def _load4(x, i):
    return x[i, 0], x[i, 1], x[i, 2], x[i, 3]


@compiled
def _store4(x, i, v):
    x[i, 0], x[i, 1], x[i, 2], x[i, 3] = v


@compiled
def _add4(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@compiled
def _mul4(a, b):
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@compiled
def _madd4(a, w, b):
    return a[0] + w * b[0], a[1] + w * b[1], a[2] + w * b[2], a[3] + w * b[3]


@compiled
def _load8(x, i):
    return x[i, 0], x[i, 1], x[i, 2], x[i, 3], x[i, 4], x[i, 5], x[i, 6], x[i, 7]


@compiled
def _store8(x, i, v):
    x[i, 0], x[i, 1], x[i, 2], x[i, 3], x[i, 4], x[i, 5], x[i, 6], x[i, 7] = v


@compiled
def _add8(a, b):
    low, high = (
        (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]),
        (a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7]),
    )
    return low + high


@compiled
def _mul8(a, b):
    low, high = (
        (a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]),
        (a[4] * b[4], a[5] * b[5], a[6] * b[6], a[7] * b[7]),
    )
    return low + high


@compiled
def _madd8(a, w, b):
    low = (a[0] + w * b[0], a[1] + w * b[1], a[2] + w * b[2], a[3] + w * b[3])
    return (*low, a[4] + w * b[4], a[5] + w * b[5], a[6] + w * b[6], a[7] + w * b[7])


ONE = Lanes(1, (0.0,), _load1, _store1, _add1, _mul1, _madd1)
TWO = Lanes(2, (0.0,) * 2, _load2, _store2, _add2, _mul2, _madd2)
FOUR = Lanes(4, (0.0,) * 4, _load4, _store4, _add4, _mul4, _madd4)
EIGHT = Lanes(8, (0.0,) * 8, _load8, _store8, _add8, _mul8, _madd8)
