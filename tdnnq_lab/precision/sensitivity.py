"""What rounding one layer alone costs, for every layer and number of bits (section 4.1 of the paper).

What it takes is told in multiply-adds of products with weight matrices; the moments of batch norm, element-wise work
and forward-backward are not counted. Computed naively, L layers at K numbers of bits are L·K + 1 forward passes
(`naive.sensitivity_naive`). A divergence at the layer itself needs K + 1: each layer is rounded on its inputs in full
precision. A measure at the output runs from the rounded layer on, about half of the naive cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..graphs import Fsa
from ..models import Tdnnf, layers
from ..quantize import largest_code
from . import naive
from .divergences import PathPosteriors, pooled_loss, sigmoid_divergences
from .stages import Stages
from .table import SensitivityTable

METHODS = ("kl", "kl_bernoulli", "loss", "output_kl")
UNITS = {
    "kl": "nats a frame, summed over the units of the layer",
    "kl_bernoulli": "nats a frame, summed over the units of the layer",
    "loss": "as the loss: for LF-MMI, nats an output frame",
    "output_kl": "nats an output frame",
}
Say = Callable[[str], None] | None


def sensitivity(
    model: nn.Module,
    batches: Any,
    *,
    bits: Sequence[int] = (1, 2, 4, 8, 16),
    method: str = "kl",
    loss: Callable[..., Any] | None = None,
    denominator: Fsa | None = None,
    only: Iterable[str] | None = None,
    say: Say = None,
) -> SensitivityTable:
    """How much worse the model gets when one layer alone is rounded (one α a matrix, no fine-tuning).

    Both sides have their batch norm recalibrated on the same batches, padding not counted: a padded batch gives
    the table of its utterances alone. The measures:

    - "kl": Eq 7, Σ p ln(p/q) over the units of the layer itself, p and q being σ of its outputs in full precision
      and rounded. A layer's output h is what the next one reads: of tdnn1 and the factored layers the values after
      batch norm and bypass, of prefinal-l those of its product, of prefinal-chain those after its last batch norm,
      of the output layer the model's outputs. Eq 7's sum over frames is divided by their number, as the first
      layers compute every frame and the others one in three. It may be negative.
    - "kl_bernoulli": the same with the term of 1 - p and 1 - q, a proper divergence.
    - "loss": the increase of the criterion; `loss(model(*inputs), *targets)` is a scalar, or has `.loss` and, for
      the mean over batches, `.frames`.
    - "output_kl": Kullback-Leibler divergence between the posteriors of the denominator's paths that the outputs
      of the two models give (`PathPosteriors.divergence_to`); no transcripts are used.

    Args:
        model: a `Tdnnf`; for "loss" any module (then without recalibration, and every case is a whole pass). It is
            left as it is.
        batches: (inputs, targets) or (inputs, targets, ids), a list or an object with `epoch(n)`; some minutes of
            speech are enough. One or two activations of all batches are held (0.1 MB a second at width 256, three
            times that in the first layers).
        bits: K numbers of bits, 1 to 8 or 16.
        method: one of the above.
        loss: for "loss".
        denominator: the graph, for "output_kl".
        only: layers to measure; None: all of `layers(model)`.
        say: called with a line of text after each layer.

    Returns:
        Table of L layers; `made_by` holds method, unit, batches, frames (output frames), operations and
        naive_operations.

    Raises:
        ValueError: an unknown method, layer or number of bits; a method without its loss or denominator, or for a
            model that is no `Tdnnf`; no batch; a weight or result that is not finite (the layer is named).
    """
    request = _checked(model, batches, bits, method, loss, denominator, only)
    if not isinstance(model, Tdnnf):
        assert loss is not None
        return naive.of_any_module(model, request.batches, bits, loss, request.names)
    with torch.inference_mode():
        stages = Stages(model, request.inputs)
        if method in ("kl", "kl_bernoulli"):
            printed, bernoulli, full = _at_the_layer(stages, request, say)
            values = printed if method == "kl" else bernoulli
        else:
            values, full = _at_the_output(stages, request, say)
    return _table(stages, request, method, values, full)


def kl_sensitivities(
    model: Tdnnf,
    batches: Any,
    *,
    bits: Sequence[int] = (1, 2, 4, 8, 16),
    only: Iterable[str] | None = None,
    say: Say = None,
) -> dict[str, SensitivityTable]:
    """Both forms of Eq 7, "kl" and "kl_bernoulli", from one pass; arguments and errors as `sensitivity`."""
    request = _checked(model, batches, bits, "kl", None, None, only)
    with torch.inference_mode():
        stages = Stages(model, request.inputs)
        printed, bernoulli, full = _at_the_layer(stages, request, say)
    return {
        "kl": _table(stages, request, "kl", printed, full),
        "kl_bernoulli": _table(stages, request, "kl_bernoulli", bernoulli, full),
    }


@dataclass(frozen=True)
class _Request:
    """What is to be measured, checked."""

    names: list[str]
    bits: tuple[int, ...]
    batches: list[tuple[Any, ...]]
    loss: Callable[..., Any] | None
    denominator: Fsa | None

    @property
    def inputs(self) -> list[tuple[Any, ...]]:
        return [batch[0] for batch in self.batches]

    @property
    def targets(self) -> list[tuple[Any, ...]]:
        return [batch[1] for batch in self.batches]


def _at_the_layer(stages: Stages, request: _Request, say: Say) -> tuple[np.ndarray, np.ndarray, int]:
    """Eq 7 in both forms [L, K], and the multiply-adds of one full-precision pass."""
    printed, bernoulli = (np.zeros((len(request.names), len(request.bits))) for _ in range(2))
    xs, full = stages.inputs(), 0
    for at, name in enumerate(stages.names):
        before = stages.operations
        hs = stages.output(at, xs)
        full += stages.operations - before
        if name in request.names:
            i = request.names.index(name)
            for k, n in enumerate(request.bits):
                with stages.rounded(name, n):
                    rounded = stages.output(at, xs)
                printed[i, k], bernoulli[i, k] = _mean_divergences(stages, at, hs, rounded)
            _tell(say, name, request.bits, bernoulli[i])
        xs = stages.feed(at, hs)
    return printed, bernoulli, full


def _mean_divergences(stages: Stages, at: int, hs: list[Tensor], others: list[Tensor]) -> tuple[float, float]:
    """Both forms of Eq 7 a real frame."""
    sums, count = np.zeros(2), 0.0
    for h, other, frames in zip(hs, others, stages.frames(at), strict=True):
        weights = frames.weights.double()
        sums += [float((d.double() * weights).sum()) for d in sigmoid_divergences(h, other)]
        count += float(frames.total)
    return float(sums[0] / count), float(sums[1] / count)


def _at_the_output(stages: Stages, request: _Request, say: Say) -> tuple[np.ndarray, int]:
    """Increase of the criterion or divergence of path posteriors [L, K], and the operations of one pass."""
    outputs, cross = stages.finish(0, stages.inputs())
    full = stages.operations
    if not all(bool(torch.isfinite(_chain(x)).all()) for x in outputs):
        raise ValueError("outputs of the model in full precision are NaN or infinite: look at its weights and inputs")
    cost = _increase(request, outputs) if request.loss else _path_divergence(stages, request, outputs)
    values = np.zeros((len(request.names), len(request.bits)))
    xs, left = stages.inputs(), set(request.names)
    for at, name in enumerate(stages.names):
        if name in left:
            i = request.names.index(name)
            for k, n in enumerate(request.bits):
                with stages.rounded(name, n):
                    values[i, k] = cost(stages.finish(at, xs, cross)[0])
            _tell(say, name, request.bits, values[i])
            left.remove(name)
        if not left:
            break
        xs = stages.feed(at, stages.output(at, xs))
    return values, full


def _increase(request: _Request, outputs: list[Any]) -> Callable[[list[Any]], float]:
    """The cost of other outputs: the loss, less that of these."""
    assert request.loss is not None
    loss, targets = request.loss, request.targets
    base = pooled_loss(outputs, targets, loss)
    if not np.isfinite(base):
        raise ValueError(f"the loss of the model in full precision is {base}: there is nothing to compare with")
    return lambda others: pooled_loss(others, targets, loss) - base


def _path_divergence(stages: Stages, request: _Request, outputs: list[Any]) -> Callable[[list[Any]], float]:
    """The cost of other outputs: the divergence of their path posteriors from those of these, an output frame."""
    assert request.denominator is not None
    graph, lengths = request.denominator, stages.lengths()
    full = [PathPosteriors.of(_chain(x), n, graph) for x, n in zip(outputs, lengths, strict=True)]
    if not any(bool(torch.isfinite(p.total).any()) for p in full):
        raise ValueError("no utterance has a path through the denominator: model, graph or lengths do not fit")
    frames = sum(int(n.sum()) for n in lengths)
    return lambda others: sum(p.divergence_to(_chain(y), graph) for p, y in zip(full, others, strict=True)) / frames


def _chain(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def _tell(say: Say, name: str, bits: Sequence[int], values: np.ndarray) -> None:
    if say:
        say(f"{name}: " + ", ".join(f"{value:.3g} at {n}" for n, value in zip(bits, values, strict=True)) + " bits")


def _table(stages: Stages, request: _Request, method: str, values: np.ndarray, full: int) -> SensitivityTable:
    made_by = {
        "method": method,
        "unit": UNITS[method],
        "batches": len(request.batches),
        "frames": sum(int(n.sum()) for n in stages.lengths()),
        "operations": stages.operations,
        "naive_operations": (len(request.names) * len(request.bits) + 1) * full,
    }
    sizes = [stages.layers[name].parameters for name in request.names]
    return SensitivityTable(request.names, sizes, request.bits, values, made_by)


def _checked(
    model: nn.Module,
    batches: Any,
    bits: Sequence[int],
    method: str,
    loss: Callable[..., Any] | None,
    denominator: Fsa | None,
    only: Iterable[str] | None,
) -> _Request:
    """Raise ValueError for what cannot be measured."""
    if method not in METHODS:
        raise ValueError(f"method {method!r}: this version has {', '.join(METHODS)}")
    if method == "loss" and loss is None:
        raise ValueError('method "loss" measures the increase of a criterion: give it, loss=…')
    if method == "output_kl" and denominator is None:
        raise ValueError('method "output_kl" compares posteriors over a graph: give it, denominator=…')
    if method != "loss" and not isinstance(model, Tdnnf):
        raise ValueError(f'method {method!r} needs a Tdnnf, not a {type(model).__name__}; "loss" takes any module')
    for n in bits:
        largest_code(n)
    names = _selected(list(layers(model)), only)
    found = list(batches.epoch(0) if hasattr(batches, "epoch") else batches)
    if not found:
        raise ValueError("no batch to measure sensitivities on")
    found = [(_tuple(batch[0]), _tuple(batch[1]) if len(batch) > 1 else ()) for batch in found]
    wanted = (loss, None) if method == "loss" else (None, denominator)
    return _Request(names, tuple(bits), found, *wanted)


def _selected(names: list[str], only: Iterable[str] | None) -> list[str]:
    if only is None:
        return names
    chosen = [only] if isinstance(only, str) else list(only)
    if unknown := [name for name in chosen if name not in names]:
        raise ValueError(f"the model has no layer {unknown[0]!r}; it has {', '.join(names)}")
    return [name for name in names if name in chosen]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
