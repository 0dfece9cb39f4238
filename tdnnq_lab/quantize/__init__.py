"""Quantisation: tables of values (Eqs 4-6), plans of bits by layer, rounding of a model by a plan."""

from .plan import BitPlan, PlanBytes, quantize_layer, round_model, vectors
from .tables import BITS, Cluster, Quantized, dequantize, largest_code, quantize

__all__ = [
    "BITS",
    "BitPlan",
    "Cluster",
    "PlanBytes",
    "Quantized",
    "dequantize",
    "largest_code",
    "quantize",
    "quantize_layer",
    "round_model",
    "vectors",
]
