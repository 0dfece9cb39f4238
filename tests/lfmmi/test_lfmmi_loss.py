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


@pytest.fixture
def full() -> LfmmiLoss:
    return LfmmiLoss(everything(4), leaky=0.1, l2=0.02, xent=0.3)


def test_weights_against_utterances_one_by_one(batch, full) -> None:
    logits, numerators, lengths, xent_logits = batch
    xent_logits = xent_logits.clone().requires_grad_()
    weights = torch.tensor([0.5, 0.0, 3.0])
    out = full(logits, numerators, lengths, xent_logits, weights)
    out.loss.backward()
    parts = dict.fromkeys(("numerator", "denominator", "xent", "l2"), 0.0)
    gradients, frames = [torch.zeros_like(logits), torch.zeros_like(logits)], 0.5 * 6 + 3.0 * 5
    for b, weight in enumerate(weights.tolist()):
        one = logits[b : b + 1].detach().requires_grad_(), xent_logits[b : b + 1].detach().requires_grad_()
        alone = full(one[0], numerators[b : b + 1], lengths[b : b + 1], one[1])
        alone.loss.backward()
        for name in parts:
            parts[name] += weight * alone.frames * getattr(alone, name) / frames
        for gradient, leaf in zip(gradients, one, strict=True):
            gradient[b] = weight * alone.frames * leaf.grad[0] / frames
    for name, value in parts.items():
        assert getattr(out, name) == pytest.approx(value, rel=1e-5)
    loss = parts["denominator"] - parts["numerator"] + parts["xent"] + parts["l2"]
    assert float(out.loss.detach()) == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(logits.grad, gradients[0], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(xent_logits.grad, gradients[1], rtol=1e-4, atol=1e-7)
    assert not logits.grad[1].any()
    assert (out.frames, out.skipped) == (11, ())


def test_equal_weights_change_nothing(batch, full) -> None:
    logits, numerators, lengths, xent_logits = batch
    plain = full(logits, numerators, lengths, xent_logits)
    for weight in (1.0, 0.25):
        same = full(logits, numerators, lengths, xent_logits, torch.full((3,), weight))
        assert float(same.loss.detach()) == pytest.approx(float(plain.loss.detach()), rel=1e-6)


def test_weight_zero_is_as_if_the_utterance_were_not_there(batch, full) -> None:
    logits, numerators, lengths, xent_logits = batch
    with torch.no_grad():
        logits[1], xent_logits[1] = math.nan, math.inf
    out = full(logits, numerators, lengths, xent_logits, torch.tensor([1.0, 0.0, 1.0]))
    keep = [0, 2]
    without = full(logits[keep], [numerators[b] for b in keep], lengths[keep], xent_logits[keep])
    assert float(out.loss.detach()) == pytest.approx(float(without.loss.detach()), rel=1e-6)
    assert (out.frames, out.skipped) == (without.frames, ())
    out.loss.backward()
    assert torch.isfinite(logits.grad).all()
    nothing = full(logits, numerators, lengths, xent_logits, torch.zeros(3))
    assert (float(nothing.loss.detach()), nothing.frames, nothing.skipped) == (0.0, 0, ())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.tensor([1.0, -0.5, 1.0]), "weight 1 is -0.5"),
        (torch.tensor([1.0, 1.0, math.nan]), "weight 2 is nan"),
        (torch.tensor([math.inf, 1.0, 1.0]), "weight 0 is inf"),
        (torch.ones(2), r"weights have shape \(2,\); \(3,\)"),
    ],
)
def test_bad_weights_are_named(batch, full, weights: torch.Tensor, message: str) -> None:
    logits, numerators, lengths, xent_logits = batch
    with pytest.raises(ValueError, match=message):
        full(logits, numerators, lengths, xent_logits, weights)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("head", ["chain", "xent"])
@pytest.mark.parametrize("place", [0, None])
def test_what_is_not_finite_in_one_head_leaves_out_the_utterance(batch, full, head, value, place) -> None:
    """One value or a whole utterance of them, in either head: as if the utterance were not there."""
    logits, numerators, lengths, xent_logits = batch
    leaf = xent_logits.clone().requires_grad_()
    with torch.no_grad():
        (logits if head == "chain" else leaf)[1, place if place is not None else slice(None)] = value
    out = full(logits, numerators, lengths, leaf)
    keep = [0, 2]
    without = full(logits[keep], [numerators[b] for b in keep], lengths[keep], leaf[keep])
    assert out.skipped == (1,)
    assert float(out.loss.detach()) == pytest.approx(float(without.loss.detach()), rel=1e-6)
    out.loss.backward()
    for gradient in (logits.grad, leaf.grad):
        assert torch.isfinite(gradient).all()
        assert not gradient[1].any()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_outputs_without_a_finite_value_give_zero(batch, full, value: float) -> None:
    _, numerators, lengths, _ = batch
    logits = torch.full((3, 6, 4), value, requires_grad=True)
    out = full(logits, numerators, lengths, logits)
    out.loss.backward()
    assert (float(out.loss.detach()), out.frames, out.skipped) == (0.0, 0, (0, 1, 2))
    assert not logits.grad.any()  # NaN would be true


def test_minus_infinity_forbids_a_pdf_where_no_squares_are_asked_for(batch) -> None:
    logits, numerators, lengths, _ = batch
    with torch.no_grad():
        logits[0, 0, 3] = -math.inf  # not of the transcript 0, 1
    out = LfmmiLoss(everything(4))(logits, numerators, lengths)
    assert out.skipped == ()
    out.loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 0, 3] == 0


def test_a_chunk_without_frames_is_left_out(batch, full) -> None:
    logits, numerators, _, xent_logits = batch
    out = full(logits, numerators, torch.tensor([6, 0, 5]), xent_logits)
    assert (out.frames, out.skipped) == (11, (1,))
    empty = full(logits[:, :0], numerators, torch.zeros(3, dtype=torch.long), xent_logits[:, :0])
    assert (float(empty.loss.detach()), empty.frames, empty.skipped) == (0.0, 0, (0, 1, 2))


def test_half_precision_is_computed_in_single(batch, full) -> None:
    """300 squared is beyond a float16."""
    logits, numerators, lengths, xent_logits = batch
    half = (logits.detach() * 300).half().requires_grad_()
    out = full(half, numerators, lengths, xent_logits.bfloat16())
    want = full(half.detach().float(), numerators, lengths, xent_logits.bfloat16().float())
    assert out.skipped == ()
    assert float(out.loss.detach()) == pytest.approx(float(want.loss), rel=1e-6)
    out.loss.backward()
    assert half.grad.dtype == torch.float16
