"""The same sensitivities by obvious code: copy the model, round one layer, recalibrate, run everything.

Slow, and what `sensitivity` is tested against. A whole pass for every layer and number of bits: L·K + 1.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..graphs import Fsa
from ..lfmmi import forward_backward
from ..models import Tdnnf, batchnorm_recalibrate, layers
from ..quantize import round_layer
from ..training.metrics import Means, read_loss
from .table import SensitivityTable


@torch.no_grad()
def sensitivity_naive(
    model: Tdnnf,
    batches: Sequence[tuple[Any, ...]],
    *,
    bits: Sequence[int] = (1, 2, 4, 8, 16),
    method: str = "kl",
    loss: Callable[..., Any] | None = None,
    denominator: Fsa | None = None,
    only: Iterable[str] | None = None,
) -> SensitivityTable:
    """`sensitivity` for a `Tdnnf`, with the same arguments, by L·K + 1 copies of the model."""
    inputs = [batch[0] for batch in batches]
    names = [name for name in layers(model) if only is None or name in only]
    full = _recalibrated(model, inputs)
    values = np.zeros((len(names), len(bits)))
    for i, name in enumerate(names):
        for k, n in enumerate(bits):
            other = _recalibrated(_with_rounded_layer(model, name, n), inputs)
            if method == "loss":
                assert loss is not None
                values[i, k] = mean_loss(other, batches, loss) - mean_loss(full, batches, loss)
            elif method == "output_kl":
                assert denominator is not None
                values[i, k] = _path_divergence(full, other, inputs, denominator)
            else:
                p, q = (torch.cat(activations(m, inputs, name)).double().sigmoid() for m in (full, other))
                terms = p * (p / q).log()
                if method == "kl_bernoulli":
                    terms += (1 - p) * ((1 - p) / (1 - q)).log()
                values[i, k] = terms.sum() / len(p)
    sizes = [layers(model)[name].parameters for name in names]
    return SensitivityTable(names, sizes, tuple(bits), values, {"method": method})


def of_any_module(
    model: nn.Module,
    batches: Sequence[tuple[Any, ...]],
    bits: Sequence[int],
    loss: Callable[..., Any],
    names: list[str],
) -> SensitivityTable:
    """The increase of the loss for a module that need not be a `Tdnnf`; its batch norm, if any, stays as it is."""
    with torch.no_grad():
        full = copy.deepcopy(model).eval()
        with FlopCounterMode(display=False) as counter:
            base = mean_loss(full, batches, loss)
        values = [[mean_loss(_with_rounded_layer(full, name, n), batches, loss) - base for n in bits] for name in names]
    operations = (len(names) * len(bits) + 1) * counter.get_total_flops() // 2
    made_by = {"method": "loss", "unit": "as the loss", "batches": len(batches)}
    made_by |= {"operations": operations, "naive_operations": operations}
    sizes = [layers(model)[name].parameters for name in names]
    return SensitivityTable(names, sizes, tuple(bits), np.array(values), made_by)


def activations(model: Tdnnf, inputs: Sequence[tuple[Any, ...]], name: str) -> list[Tensor]:
    """Outputs of a layer at every real frame of every utterance of all batches: tensors [n, C]."""
    heads = {"prefinal-l": model.prefinal_l, "prefinal-chain": model.chain.norm, "output": model.chain.output}
    hidden = list(model.hidden_layers)
    module = model.hidden_layers[name] if name in hidden else heads[name]
    at = hidden.index(name) if name in hidden else len(hidden)
    seen: list[Tensor] = []
    hook = module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    found: list[Tensor] = []
    for batch in inputs:
        model(*batch[:4])
        for output, weights in zip(seen.pop(), model.begin(*batch[:4]).frames[at].weights, strict=True):
            found.append(output[weights.bool()])
    hook.remove()
    return found


def mean_loss(model: nn.Module, batches: Sequence[tuple[Any, ...]], loss: Callable[..., Any]) -> float:
    """Mean of the loss over batches, weighted by the frames that it reports, if it does."""
    means = Means()
    for inputs, targets, *_ in batches:
        _, parts = read_loss(loss(model(*inputs), *targets))
        means.add(parts)
    return means.values()["loss"]


def _path_divergence(full: Tdnnf, other: Tdnnf, inputs: Sequence[tuple[Any, ...]], graph: Fsa) -> float:
    """Σ γ (x - y) - (log Z_x - log Z_y) an output frame, utterance by utterance."""
    nats, frames = 0.0, 0
    for batch in inputs:
        x, y = (m(*batch[:4]) for m in (full, other))
        lengths = batch[1] if len(batch) > 1 and batch[1] is not None else torch.tensor([batch[0].shape[1]] * len(x))
        for b in range(len(x)):
            n = full.output_lengths(lengths[b : b + 1])
            (z_x, gamma), (z_y, _) = (forward_backward(graph, out[b : b + 1], n) for out in (x, y))
            nats += float((gamma[0, : int(n)] * (x[b] - y[b])[: int(n)]).sum() - (z_x - z_y))
            frames += int(n)
    return nats / frames


def _recalibrated(model: Tdnnf, inputs: Sequence[tuple[Any, ...]]) -> Tdnnf:
    copied = copy.deepcopy(model).eval()
    batchnorm_recalibrate(copied, [batch[:4] for batch in inputs])
    return copied


def _with_rounded_layer(model: Any, name: str, bits: int) -> Any:
    copied = copy.deepcopy(model)
    round_layer(layers(copied)[name], bits)
    return copied
