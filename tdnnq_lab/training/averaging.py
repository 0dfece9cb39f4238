"""The mean of the weights over the last updates: a free ensemble along the path of the optimiser."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class WeightAverage:
    """A running mean of a model's parameters, equal-weighted or exponential.

    With equal weights the mean after n additions is that of the n models (Polyak and Juditsky's averaging;
    Kaldi's `nnet3-combine` looks for similar weights on a held-out set). Buffers are not averaged:
    statistics of batch norm belong to the weights they were taken with and have to be taken again.

    Args:
        model: its parameters that require a gradient are averaged.
        decay: None for equal weights, else mean = decay * mean + (1 - decay) * weights.
    """

    def __init__(self, model: nn.Module, decay: float | None = None) -> None:
        self.decay = decay
        self.count = 0
        self.weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.mean = {n: torch.zeros_like(p, requires_grad=False) for n, p in self.weights.items()}

    @torch.no_grad()
    def add(self) -> None:
        """Take the model's present weights into the mean."""
        self.count += 1
        share = 1.0 / self.count if self.decay is None or self.count == 1 else 1.0 - self.decay
        torch._foreach_lerp_(list(self.mean.values()), _detached(self.weights.values()), share)

    @torch.no_grad()
    def copy_to_model(self) -> None:
        """Write the mean into the model, if anything was added yet."""
        if self.count:
            torch._foreach_copy_(_detached(self.weights.values()), list(self.mean.values()))


def _detached(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [p.detach() for p in parameters]
