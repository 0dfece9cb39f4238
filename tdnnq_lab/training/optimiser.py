"""The optimiser of a run, in its fastest form, and parameter groups with factors of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from .muon import Muon
from .settings import TrainSettings


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters with a learning rate and weight decay of their own (Kaldi's learning-rate-factor, l2-regularize).

    Attributes:
        parameters: the group's.
        learning_rate_factor: times the schedule's learning rate.
        weight_decay: in place of the settings'; None: the settings'.
    """

    parameters: Sequence[nn.Parameter]
    learning_rate_factor: float = 1.0
    weight_decay: float | None = None


def make_optimiser(
    model: nn.Module, settings: TrainSettings, groups: Sequence[ParameterGroup] | None = None
) -> Optimizer:
    """Return the optimiser that the settings name, over `groups` or all parameters that require a gradient.

    The fused kernels are used where torch has them: a step over 105 small tensors takes 1.5 ms instead of
    5.9 (foreach) or 9.1 (one by one) on one thread of a CPU.

    Raises:
        ValueError: nothing to train; a parameter in two groups, or not of the model.
    """
    owned = {id(p) for p in model.parameters()}
    if any(id(p) not in owned for group in groups or () for p in group.parameters):
        raise ValueError("A parameter group holds a parameter that is not the model's: it would not be saved.")
    groups = groups or [ParameterGroup(list(model.parameters()))]
    described: list[dict[str, Any]] = []
    for group in groups:
        decay = settings.weight_decay if group.weight_decay is None else group.weight_decay
        trained = [p for p in group.parameters if p.requires_grad]
        described.append({"params": trained, "weight_decay": decay, "factor": group.learning_rate_factor})
    if not any(group["params"] for group in described):
        raise ValueError("The model has no parameter that requires a gradient: there is nothing to train.")
    if settings.optimiser == "muon":
        return _muon(model, described, settings)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    more = {"momentum": settings.momentum} if settings.optimiser == "sgd" else {}
    try:
        return kinds[settings.optimiser](described, lr=settings.learning_rate, fused=True, **more)
    except RuntimeError:  # no fused kernel for this device or type
        return kinds[settings.optimiser](described, lr=settings.learning_rate, **more)


def _muon(model: nn.Module, groups: list[dict[str, Any]], settings: TrainSettings) -> Optimizer:
    """Muon over the matrices of each group, Adam over its other parameters; an embedding's rows are no matrix."""
    rows = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}

    def is_matrix(parameter: nn.Parameter) -> bool:
        return parameter.ndim == 2 and id(parameter) not in rows

    halves = [
        group | {"params": [p for p in group["params"] if is_matrix(p) == matrices], "matrices": matrices}
        for group in groups
        for matrices in (True, False)
    ]
    return Muon([half for half in halves if half["params"]], lr=settings.learning_rate)


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate of every group to `rate` times the group's factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
