"""Acoustic models: the TDNN-F with exact parameter counts, its batch norm, constraint, schedule and files."""

from .batchnorm import BatchNorm, Frames
from .checkpoint import load_model, save_model
from .clusters import Layer, layers
from .components import FactoredLayer, Head, ReluNormLayer
from .config import TdnnfConfig
from .files import read_json_file, write_atomically, write_json_file
from .folded import FoldedTdnnf, fold_batchnorm
from .memory import keep_freed_memory
from .orthonormal import constrained_weights, semi_orthogonal_error, semi_orthogonal_step
from .outputs import split_outputs
from .presets import (
    KALDI_7Q,
    MEDIUM,
    MEDIUM_CANDIDATES,
    PAPER_BOTTLENECKS,
    SMALL,
    STRIDES,
    kaldi_7q,
    medium,
    paper_row2,
    small,
)
from .recalibrate import batchnorm_recalibrate
from .schedule import SCHEDULE_7Q, dropout_at
from .streaming import Stream
from .tdnnf import ForwardState, Tdnnf

__all__ = [
    "KALDI_7Q",
    "MEDIUM",
    "MEDIUM_CANDIDATES",
    "PAPER_BOTTLENECKS",
    "SCHEDULE_7Q",
    "SMALL",
    "STRIDES",
    "BatchNorm",
    "FactoredLayer",
    "FoldedTdnnf",
    "ForwardState",
    "Frames",
    "Head",
    "Layer",
    "ReluNormLayer",
    "Stream",
    "Tdnnf",
    "TdnnfConfig",
    "batchnorm_recalibrate",
    "constrained_weights",
    "dropout_at",
    "fold_batchnorm",
    "kaldi_7q",
    "keep_freed_memory",
    "layers",
    "load_model",
    "medium",
    "paper_row2",
    "read_json_file",
    "save_model",
    "semi_orthogonal_error",
    "semi_orthogonal_step",
    "small",
    "split_outputs",
    "write_atomically",
    "write_json_file",
]
