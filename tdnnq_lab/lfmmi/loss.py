"""The LF-MMI loss: log weight of all denominator paths minus that of the transcript's, with its two companions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..graphs.fsa import Fsa
from .forward_backward import forward_backward


@dataclass(frozen=True)
class LfmmiOutput:
    """What one batch gave; all but `frames` and `skipped` are per output frame.

    loss = denominator - numerator + xent + l2, the terms as they enter it (coefficients applied).
    """

    loss: Tensor  # differentiable, no dimensions
    numerator: float
    denominator: float
    xent: float
    l2: float
    frames: int  # output frames that counted
    skipped: tuple[int, ...] = ()  # places in the batch of utterances left out: no path, or NaN among their logits

    @property
    def objective(self) -> float:
        """The LF-MMI objective, numerator - denominator: at most 0, and 0 when only the transcript is possible."""
        return self.numerator - self.denominator


class LfmmiLoss(nn.Module):
    """LF-MMI over whole utterances or chunks.

    Args:
      denominator: the graph of everything that could have been said (`graphs.denominator`).
      leaky: leaky-HMM coefficient of the denominator; Kaldi's recipe uses 0.1.
      l2: coefficient of 0.5 * (sum of squared outputs) per frame.
      xent: coefficient of the cross-entropy of the second head against the numerator's occupancies.

    Raises:
      ValueError: a negative coefficient.

    Source: Povey et al. 2016; Kaldi's chain-training.cc (ComputeChainObjfAndDeriv) and chain-generic-numerator.cc.
    """

    def __init__(self, denominator: Fsa, leaky: float = 0.1, l2: float = 0.0, xent: float = 0.0) -> None:
        super().__init__()
        if min(leaky, l2, xent) < 0:
            raise ValueError(f"leaky {leaky}, l2 {l2}, xent {xent}: coefficients must not be negative")
        self.denominator, self.leaky, self.l2, self.xent = denominator, leaky, l2, xent

    def forward(
        self, logits: Tensor, numerators: Sequence[Fsa], lengths: Tensor, xent_logits: Tensor | None = None
    ) -> LfmmiOutput:
        """Loss of a batch.

        Args:
          logits: Tensor of shape (B, T', P), the network's raw outputs.
          numerators: B graphs of the transcripts.
          lengths: integer Tensor of shape (B,), output frames of each utterance.
          xent_logits: Tensor of shape (B, T', P) of the cross-entropy head; needed when `xent` is not 0.

        Returns:
          The loss to minimise and its parts. Utterances without a path are left out and named by place in
          `skipped`; when none is left the loss is 0 and so is its gradient.

        Raises:
          ValueError: shapes that do not fit, or `xent` without `xent_logits`.
        """
        if self.xent and xent_logits is None:
            raise ValueError(f"xent is {self.xent}, but no xent_logits were given: call the model with heads='both'")
        above, occupancy = forward_backward(list(numerators), logits, lengths)
        below, _ = forward_backward(self.denominator, logits, lengths, leaky=self.leaky)
        live = torch.isfinite(above) & torch.isfinite(below) & (lengths.to(above.device) > 0)
        count = lengths.to(above.device) * live
        frames = max(1, int(count.sum()))
        numerator = torch.where(live, above, 0.0).sum() / frames
        denominator = torch.where(live, below, 0.0).sum() / frames
        inside = torch.arange(logits.shape[1], device=logits.device)[None] < count[:, None]  # (B, T')
        l2 = 0.5 * self.l2 * _masked(logits, inside).square().sum() / frames if self.l2 else logits.new_zeros(())
        xent = logits.new_zeros(())
        if self.xent and xent_logits is not None:
            log_probs = torch.log_softmax(_masked(xent_logits, inside), 2)
            xent = -self.xent * (_masked(occupancy, inside) * log_probs).sum() / frames
        return LfmmiOutput(
            loss=(denominator - numerator).to(logits.dtype) + l2 + xent,
            numerator=float(numerator.detach()),
            denominator=float(denominator.detach()),
            xent=float(xent.detach()),
            l2=float(l2.detach()),
            frames=int(count.sum()),
            skipped=tuple((~live).nonzero().flatten().tolist()),
        )


def _masked(x: Tensor, inside: Tensor) -> Tensor:
    """x (B, T', P) with zeros outside (also where x is NaN there)."""
    return torch.where(inside[:, :, None], x, 0.0)
