"""A table of sensitivities: what rounding each layer to each number of bits costs, by some measure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..models import read_json_file, write_json_file
from ..quantize import BITS, BitPlan

FORMAT = "tdnnq-lab sensitivity 1"
LARGEST = 2**53 // 16  # weights of all layers together: their bits are then exact in float64 too


@dataclass(frozen=True, eq=False)
class SensitivityTable:
    """The cost of every layer at every number of bits; the cost of a plan is the sum over its layers (Eqs 7, 8).

    Args:
        layers: L names.
        sizes: L numbers of weights, at least 1 each.
        bits: K different numbers of bits, each 1 to 8 or 16, in any order.
        values: [L, K] finite numbers, kept as float64 and read-only. They may be negative, and need not fall as
            bits rise.
        made_by: what made the table, as JSON types (method, batches, operations …).

    Raises:
        ValueError: shapes that do not fit, a layer named twice, bits without a table of values, NaN or infinity;
            the layer is named.
    """

    layers: list[str]
    sizes: list[int]
    bits: tuple[int, ...]
    values: np.ndarray
    made_by: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layers, bits = list(self.layers), tuple(self.bits)
        _check_names(layers)
        sizes = _checked_sizes(layers, self.sizes)
        _check_bits(bits)
        values = _checked_values(layers, bits, self.values)
        for name, value in (("layers", layers), ("sizes", sizes), ("bits", bits), ("values", values)):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SensitivityTable):
            return NotImplemented
        mine, theirs = ((t.layers, t.sizes, t.bits, t.values.tolist(), t.made_by) for t in (self, other))
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def cost(self, plan: BitPlan | Mapping[str, int]) -> float:
        """Sum of the table's values over its layers, in their order, at a plan's bits.

        Raises:
            ValueError: the plan lacks a layer of the table, or has bits that the table has not; both are named.
        """
        return sum((float(self.values[i, k]) for i, k in enumerate(self._columns(plan))), 0.0)

    def average_bits(self, plan: BitPlan | Mapping[str, int]) -> float:
        """Bits of a plan per weight, over the table's layers. Raises ValueError as `cost`."""
        columns = self._columns(plan)
        return sum(size * self.bits[k] for size, k in zip(self.sizes, columns, strict=True)) / sum(self.sizes)

    def _columns(self, plan: BitPlan | Mapping[str, int]) -> list[int]:
        chosen = plan.bits if isinstance(plan, BitPlan) else plan
        for name in self.layers:
            if chosen.get(name) not in self.bits:
                told = f"{chosen[name]!r} bits" if name in chosen else "no bits"
                raise ValueError(f"the plan gives layer {name!r} {told}; the table has {_listed(self.bits)}")
        return [self.bits.index(chosen[name]) for name in self.layers]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table as JSON, under a temporary name first. Raises OSError."""
        content = {"layers": self.layers, "sizes": self.sizes, "bits": self.bits}
        write_json_file(path, FORMAT, {**content, "values": self.values.tolist(), "made_by": self.made_by})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SensitivityTable:
        """Read what `save` wrote. Raises FileNotFoundError, or ValueError naming the file."""
        return read_json_file(path, FORMAT, cls, "a table of sensitivities")


def _check_names(layers: list[str]) -> None:
    if not layers:
        raise ValueError("a table of sensitivities needs at least one layer")
    seen: set[str] = set()
    for name in layers:
        if not isinstance(name, str):
            raise ValueError(f"layer {name!r}: a layer's name is a string")
        if name in seen:
            raise ValueError(f"layer {name!r} is in the table twice")
        seen.add(name)


def _checked_sizes(layers: list[str], sizes: Any) -> list[int]:
    sizes = list(sizes)
    if len(sizes) != len(layers):
        raise ValueError(f"{len(sizes)} sizes for {len(layers)} layers")
    for name, size in zip(layers, sizes, strict=True):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"layer {name!r}: its size is {size!r}, not a number of weights of at least 1")
    if sum(map(int, sizes)) > LARGEST:
        raise ValueError(f"{sum(map(int, sizes))} weights in all: a table takes at most {LARGEST}")
    return [int(size) for size in sizes]


def _check_bits(bits: tuple[int, ...]) -> None:
    if not bits or len(set(bits)) != len(bits):
        raise ValueError(f"bits {bits}: a table needs one or more, each once")
    for n in bits:
        if isinstance(n, bool) or n not in BITS:
            raise ValueError(f"{n!r} bits: a table of values has 1 to 8, or 16")


def _checked_values(layers: list[str], bits: tuple[int, ...], values: Any) -> np.ndarray:
    values = np.array(values, dtype=np.float64)  # a copy
    if values.shape != (len(layers), len(bits)):
        raise ValueError(
            f"values of shape {values.shape}: {len(layers)} layers at {len(bits)} numbers of bits need "
            f"{(len(layers), len(bits))}"
        )
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        i, k = wrong[0]
        told = "NaN" if math.isnan(values[i, k]) else "infinite"
        raise ValueError(
            f"layer {layers[i]!r}: its value at {bits[k]} bits is {told}; measure it again or leave it out"
        )
    values.setflags(write=False)
    return values


def _listed(bits: tuple[int, ...]) -> str:
    return ", ".join(map(str, bits))
