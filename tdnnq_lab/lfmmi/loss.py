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
    frames: int  # output frames that counted, unweighted
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
        self,
        logits: Tensor,
        numerators: Sequence[Fsa],
        lengths: Tensor,
        xent_logits: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> LfmmiOutput:
        """Loss of a batch: sum over utterances b of weights[b] * loss_b, divided by that of weights[b] * lengths[b].

        Args:
          logits: Tensor of shape (B, T', P), the network's raw outputs; half precision is computed in float32.
          numerators: B graphs of the transcripts.
          lengths: integer Tensor of shape (B,), output frames of each utterance.
          xent_logits: Tensor of shape (B, T', P) of the cross-entropy head; needed when `xent` is not 0.
          weights: Tensor of shape (B,), at least 0; None: 1 for all. An utterance of weight 0 is left out as if it
            were not in the batch, whatever its logits, and is not among `frames` nor `skipped`.

        Returns:
          The loss to minimise and its parts, all divided as above. Utterances without a frame or a path, with NaN
          or +inf among their logits are left out of both sums and named by place in `skipped`, so are those with
          infinities where l2 or cross-entropy is asked for; when none is left the loss is 0 and so is its gradient.

        Raises:
          ValueError: shapes that do not fit, `xent` without `xent_logits`, or a weight that is negative or not finite.
        """
        if self.xent and xent_logits is None:
            raise ValueError(f"xent is {self.xent}, but no xent_logits were given: call the model with heads='both'")
        logits, xent_logits = _at_least_single(logits), None if xent_logits is None else _at_least_single(xent_logits)
        lengths, share = lengths.to(logits.device), _weights(weights, logits)
        if share is not None and lengths.shape == share.shape:
            lengths = torch.where(share > 0, lengths, 0)  # nothing is computed for weight 0
        above, occupancy = forward_backward(list(numerators), logits, lengths)
        below, _ = forward_backward(self.denominator, logits, lengths, leaky=self.leaky)
        live = torch.isfinite(above) & torch.isfinite(below) & (lengths > 0)
        for values, coefficient in ((logits, self.l2), (xent_logits, self.xent)):
            if coefficient and values is not None:
                live &= _finite(values, lengths)
        count = lengths * live
        frames = _mean_over(count, share)
        numerator = _sum(torch.where(live, above, 0.0), share) / frames
        denominator = _sum(torch.where(live, below, 0.0), share) / frames
        inside = _inside(logits, count)
        l2 = 0.5 * self.l2 * _sum(_masked(logits, inside).square(), share) / frames if self.l2 else logits.new_zeros(())
        xent = logits.new_zeros(())
        if self.xent and xent_logits is not None:
            log_probs = torch.log_softmax(_masked(xent_logits, inside), 2)
            xent = -self.xent * _sum(_masked(occupancy, inside) * log_probs, share) / frames
        left_out = ~live if share is None else ~live & (share > 0)
        return LfmmiOutput(
            loss=(denominator - numerator).to(logits.dtype) + l2.to(logits.dtype) + xent.to(logits.dtype),
            numerator=float(numerator.detach()),
            denominator=float(denominator.detach()),
            xent=float(xent.detach()),
            l2=float(l2.detach()),
            frames=int(count.sum()),
            skipped=tuple(left_out.nonzero().flatten().tolist()),
        )


def _weights(weights: Tensor | None, logits: Tensor) -> Tensor | None:
    """The weights of the utterances as float64 on the device of the logits, checked."""
    if weights is None:
        return None
    if weights.shape != logits.shape[:1]:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; ({logits.shape[0]},) is needed, one an utterance")
    wrong = ~(torch.isfinite(weights) & (weights >= 0))
    if bool(wrong.any()):
        b = int(wrong.nonzero()[0, 0])
        raise ValueError(f"weight {b} is {float(weights[b])}; the weight of an utterance is finite and at least 0")
    return weights.detach().to(logits.device, torch.float64)


def _mean_over(count: Tensor, share: Tensor | None) -> int | Tensor:
    """What sums over the batch are divided by: the frames (B,), weighted; 1 when there are none."""
    if share is None:
        return max(1, int(count.sum()))
    weighted = (count * share).sum()
    return torch.where(weighted > 0, weighted, 1.0)


def _sum(values: Tensor, share: Tensor | None) -> Tensor:
    """Sum of values (B, …), those of an utterance times its weight."""
    return values.sum() if share is None else (values.reshape(len(values), -1).sum(1) * share).sum()


def _inside(logits: Tensor, lengths: Tensor) -> Tensor:
    """(B, T'): which frames of logits (B, T', P) are frames 0 … length - 1 of their utterance."""
    return torch.arange(logits.shape[1], device=logits.device)[None] < lengths[:, None]


def _finite(logits: Tensor, lengths: Tensor) -> Tensor:
    """(B,): whether the squares of an utterance's logits have a finite sum."""
    values = _masked(logits.detach(), _inside(logits, lengths))
    return torch.isfinite(torch.linalg.vector_norm(values, dim=(1, 2)))


def _at_least_single(x: Tensor) -> Tensor:
    """x, half precision as float32: squares of 16-bit floats overflow and their sums are coarse."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _masked(x: Tensor, inside: Tensor) -> Tensor:
    """x (B, T', P) with zeros outside (also where x is NaN there)."""
    return torch.where(inside[:, :, None], x, 0.0)
