"""The loss: its parts add up, its gradient is the difference of occupancies, bad utterances are left out."""

from __future__ import annotations

import math

import pytest
import torch

from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.lfmmi import LfmmiLoss, forward_backward

torch.set_num_threads(1)
NONE = -math.inf


def everything(pdfs: int) -> Fsa:
    """One state, each pdf an arc of equal probability: the denominator of a world without grammar."""
    arcs = torch.tensor([[0, 0, p] for p in range(pdfs)], dtype=torch.int32)
    return Fsa(arcs, torch.full((pdfs,), -math.log(pdfs)), torch.zeros(1), torch.zeros(1))


def sequence(pdfs: list[int], of: int) -> Fsa:
    """The pdfs in order, each once or more, with the weights of `everything`."""
    arcs = [[i, i + 1, p] for i, p in enumerate(pdfs)] + [[i + 1, i + 1, p] for i, p in enumerate(pdfs)]
    n = len(pdfs) + 1
    initial, final = torch.full((n,), NONE), torch.full((n,), NONE)
    initial[0] = final[-1] = 0.0
    return Fsa(torch.tensor(arcs, dtype=torch.int32), torch.full((len(arcs),), -math.log(of)), initial, final)


@pytest.fixture
def batch() -> tuple[torch.Tensor, list[Fsa], torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    logits = torch.randn(3, 6, 4, requires_grad=True)
    return (
        logits,
        [sequence([0, 1], 4), sequence([2], 4), sequence([3, 0, 1], 4)],
        torch.tensor([6, 4, 5]),
        torch.randn(3, 6, 4),
    )


def test_parts_add_up_and_gradient_is_the_difference_of_occupancies(batch) -> None:
    logits, numerators, lengths, _ = batch
    out = LfmmiLoss(everything(4), leaky=0.0)(logits, numerators, lengths)
    assert out.frames == 15
    assert float(out.loss.detach()) == pytest.approx(out.denominator - out.numerator, rel=1e-5)
    assert out.objective < 0
    out.loss.backward()
    _, num = forward_backward(numerators, logits.detach(), lengths)
    _, den = forward_backward(everything(4), logits.detach(), lengths)
    torch.testing.assert_close(logits.grad, (den - num) / 15, atol=1e-6, rtol=1e-4)


def test_cross_entropy_and_l2_are_reported_apart(batch) -> None:
    logits, numerators, lengths, xent_logits = batch
    out = LfmmiLoss(everything(4), leaky=0.1, l2=0.01, xent=0.3)(logits, numerators, lengths, xent_logits)
    assert float(out.loss.detach()) == pytest.approx(out.denominator - out.numerator + out.xent + out.l2, rel=1e-5)
    _, num = forward_backward(numerators, logits.detach(), lengths)
    by_hand_xent = by_hand_l2 = 0.0
    for b, n in enumerate(lengths.tolist()):
        for t in range(n):
            by_hand_xent -= float((num[b, t] * torch.log_softmax(xent_logits[b, t], 0)).sum())
            by_hand_l2 += float((logits.detach()[b, t] ** 2).sum())
    assert out.xent == pytest.approx(0.3 * by_hand_xent / 15, rel=1e-5)
    assert out.l2 == pytest.approx(0.5 * 0.01 * by_hand_l2 / 15, rel=1e-5)


def test_utterances_without_a_path_are_named_and_left_out(batch) -> None:
    logits, numerators, lengths, xent_logits = batch
    criterion = LfmmiLoss(everything(4), leaky=0.1, l2=0.1, xent=0.1)
    with torch.no_grad():
        logits[1, 0, 0] = math.nan
    short = torch.tensor([6, 4, 2])  # three phones do not fit into two frames
    out = criterion(logits, numerators, short, xent_logits)
    alone = criterion(logits[:1], numerators[:1], lengths[:1], xent_logits[:1])
    assert out.skipped == (1, 2)
    assert out.frames == 6
    assert float(out.loss.detach()) == pytest.approx(float(alone.loss.detach()), rel=1e-6)
    out.loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[1:].any()


def test_a_batch_of_nothing_but_bad_utterances_gives_zero(batch) -> None:
    logits, numerators, _, _ = batch
    out = LfmmiLoss(everything(4))(logits, numerators, torch.tensor([0, 0, 0]))
    assert out.skipped == (0, 1, 2)
    assert float(out.loss.detach()) == 0.0
    out.loss.backward()
    assert not logits.grad.any()


def test_misuse_is_named(batch) -> None:
    logits, numerators, lengths, _ = batch
    with pytest.raises(ValueError, match="heads='both'"):
        LfmmiLoss(everything(4), xent=0.1)(logits, numerators, lengths)
    with pytest.raises(ValueError, match="negative"):
        LfmmiLoss(everything(4), leaky=-1)
