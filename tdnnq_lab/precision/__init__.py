"""Precision: how sensitive each layer is to rounding (Eq 7), and the bits that a budget buys best."""

from .budget import allocate, closest_to_average, frontier
from .table import SensitivityTable

__all__ = ["SensitivityTable", "allocate", "closest_to_average", "frontier"]
