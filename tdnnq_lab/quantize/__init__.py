"""Quantisation: tables of values (Eqs 4-6), plans of bits by layer, rounding and fine-tuning by a plan."""

from .fit import FitReport, fit
from .plan import BitPlan, PlanBytes, quantize_layer, round_layer, round_model, vectors
from .straight_through import straight_through
from .tables import BITS, Cluster, Quantized, dequantize, largest_code, quantize

__all__ = [
    "BITS",
    "BitPlan",
    "Cluster",
    "FitReport",
    "PlanBytes",
    "Quantized",
    "dequantize",
    "fit",
    "largest_code",
    "quantize",
    "quantize_layer",
    "round_layer",
    "round_model",
    "straight_through",
    "vectors",
]
