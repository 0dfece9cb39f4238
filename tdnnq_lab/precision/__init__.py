"""Precision: how sensitive each layer is to rounding (Eq 7), and the bits that a budget buys best."""

from .budget import allocate, closest_to_average, frontier
from .naive import sensitivity_naive
from .sensitivity import METHODS, kl_sensitivities, sensitivity
from .table import SensitivityTable

__all__ = [
    "METHODS",
    "SensitivityTable",
    "allocate",
    "closest_to_average",
    "frontier",
    "kl_sensitivities",
    "sensitivity",
    "sensitivity_naive",
]
