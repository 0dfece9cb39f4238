"""Batch-norm statistics computed anew, exactly, as the network in evaluation sees its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .batchnorm import BatchNorm, PooledMoments
from .tdnnf import Tdnnf


def batchnorm_recalibrate(model: nn.Module, batches: Iterable[Any]) -> None:
    """Set every batch norm's statistics to those of the given data, in place.

    Layer by layer over all batches at once: a layer's inputs are those that it gets in evaluation, normalised by
    the final statistics of the layers before it. So the result does not depend on how the data are cut into
    batches, padded, or ordered, for full-precision and quantised weights alike. Two forward passes of work; one
    activation of every batch is held in memory (about 0.1 MB a second of speech at width 256).

    Args:
        model: a `Tdnnf` (both heads are set); a model without batch norm of ours is left as it is.
        batches: inputs as `model(*inputs)` takes them, (features, lengths, …); or (inputs, targets) pairs.

    Raises:
        ValueError: no batch, or a model that has our batch norm but is not a `Tdnnf`.
    """
    if not any(isinstance(module, BatchNorm) for module in model.modules()):
        return
    if not isinstance(model, Tdnnf):
        raise ValueError(f"batch norm can be recalibrated in a Tdnnf, not in a {type(model).__name__}")
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            _recalibrate(model, batches)
    finally:
        for module, training in modes.items():
            module.training = training


def _recalibrate(model: Tdnnf, batches: Iterable[Any]) -> None:
    states = [model.begin(*_inputs(batch)) for batch in batches]
    if not states:
        raise ValueError("no batch to compute batch-norm statistics from")
    for i, layer in enumerate(model.hidden_layers.values()):
        _gather(layer.norm, lambda: [model.layer(i, state) for state in states])  # noqa: B023
        for state in states:
            state.x = model.layer(i, state)
    for state in states:
        state.x = model.prefinal_l(state.x)
    for head in (model.chain, model.xent):
        if head is not None:
            for norm in (head.wide.norm, head.norm):
                _gather(norm, lambda: [head(state.x, state.frames[-1]) for state in states])  # noqa: B023


def _gather(norm: BatchNorm, run: Callable[[], list[Tensor]]) -> None:
    """Pool the moments that `norm` meets while `run` runs, and make them its statistics."""
    norm.gathering = PooledMoments(norm.dim)
    try:
        run()
        mean, var = norm.gathering.result()
    finally:
        norm.gathering = None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(var)
    norm.batches.clamp_min_(1.0)


def _inputs(batch: Any) -> tuple:
    """The model's inputs: of (inputs, targets) the first, of a tensor itself."""
    if isinstance(batch, Tensor):
        return (batch,)
    if isinstance(batch[0], (tuple, list)):
        return tuple(batch[0])
    return tuple(batch)
