"""The measures against their definitions: Eq 7 written out, and every path of a graph."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from precision_models import PDFS, graph, sequence

from tdnnq_lab.precision.divergences import PathPosteriors, pooled_loss, sigmoid_divergences

PAIRS = arrays(np.float64, (2, 3, 4), elements=st.floats(-12, 12))


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.sampled_from([1.0, 1e-3, 1e-6]))
def test_both_forms_are_eq_7_written_out(pair, scale):
    h, other = (torch.from_numpy(x) for x in (pair[0], pair[0] + scale * pair[1]))
    p, q = h.sigmoid(), other.sigmoid()
    printed, bernoulli = sigmoid_divergences(h, other)
    assert printed.shape == (3,)
    torch.testing.assert_close(printed, (p * (p / q).log()).sum(-1), rtol=1e-6, atol=1e-9)
    # 1 - σ(h) = σ(-h), without its loss of digits.
    rest = (-h).sigmoid() * ((-h).sigmoid() / (-other).sigmoid()).log()
    torch.testing.assert_close(bernoulli, (p * (p / q).log() + rest).sum(-1), rtol=1e-6, atol=1e-9)
    assert bool((bernoulli >= -1e-12).all())


def test_small_differences_keep_their_digits_in_single_precision():
    torch.manual_seed(0)
    h = torch.randn(2000, 64)
    other = h + 1e-3 * torch.randn(2000, 64)
    _, single = sigmoid_divergences(h, other)
    _, double = sigmoid_divergences(h.double(), other.double())
    assert float(single.double().sum()) == pytest.approx(float(double.sum()), rel=1e-3)


def test_saturated_units_are_finite():
    far = torch.tensor([[-300.0, 300.0, 0.0]])
    for h, other in ((far, -far), (-far, far), (far, 0 * far), (0 * far, far)):
        assert all(bool(torch.isfinite(d).all()) for d in sigmoid_divergences(h, other))
    printed, bernoulli = sigmoid_divergences(torch.tensor([[300.0]]), torch.tensor([[-300.0]]))
    assert float(printed) == float(bernoulli) == pytest.approx(300)


def every_path(fsa, logits: torch.Tensor) -> torch.Tensor:
    """Log weights of all paths through T frames."""
    arcs = [(int(i), int(j), int(p), float(s)) for (i, j, p), s in zip(fsa.arcs, fsa.scores, strict=True)]
    found = []
    for path in itertools.product(arcs, repeat=len(logits)):
        if all(a[1] == b[0] for a, b in itertools.pairwise(path)):
            score = sum(float(logits[t, arc[2]]) + arc[3] for t, arc in enumerate(path))
            found.append(score + float(fsa.initial[path[0][0]]) + float(fsa.final[path[-1][1]]))
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("scale", [3.0, 0.1])
def test_the_divergence_at_the_output_is_that_of_the_path_posteriors(scale):
    torch.manual_seed(0)
    fsa, lengths = graph(2, states=3), torch.tensor([4, 3, 1])
    x = torch.randn(3, 5, PDFS, dtype=torch.float64)
    y = x + scale * torch.randn(3, 5, PDFS, dtype=torch.float64)
    want = 0.0
    for b, n in enumerate(lengths.tolist()):
        p, q = (torch.log_softmax(every_path(fsa, out[b, :n]), 0) for out in (x, y))
        want += float((p.exp() * (p - q)).sum())
    y[0, 4:], y[2, 1:] = 1e6, float("nan")  # beyond its length an output does not matter
    assert want > 1e-3
    assert PathPosteriors.of(x, lengths, fsa).divergence_to(y, fsa) == pytest.approx(want, rel=1e-5)
    assert PathPosteriors.of(x, lengths, fsa).divergence_to(x, fsa) == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(arrays(np.float64, (2, 2, 6, PDFS), elements=st.floats(-5, 5)))
def test_the_divergence_of_path_posteriors_is_not_negative(outputs):
    x, y = torch.from_numpy(outputs)
    fsa = graph(3)
    assert PathPosteriors.of(x, torch.tensor([6, 4]), fsa).divergence_to(y, fsa) >= -1e-5


def test_utterances_without_a_path_count_nothing():
    torch.manual_seed(0)
    x, y = torch.randn(2, 2, 5, PDFS, dtype=torch.float64)
    fsa = sequence([0, 1, 2])
    both = PathPosteriors.of(x, torch.tensor([5, 2]), fsa).divergence_to(y, fsa)  # 2 frames hold no 3 pdfs
    alone = PathPosteriors.of(x[:1], torch.tensor([5]), fsa).divergence_to(y[:1], fsa)
    assert both == alone > 0


def test_losses_are_weighted_by_the_frames_that_they_report():
    class Reported:
        def __init__(self, value, frames):
            self.loss, self.frames = torch.tensor(value), frames

    outputs, targets = [(2.0,), (5.0,)], [(10,), (30,)]
    assert pooled_loss(outputs, targets, lambda out, n: Reported(*out, n)) == pytest.approx((2 * 10 + 5 * 30) / 40)
    assert pooled_loss(outputs, targets, lambda out, n: torch.tensor(*out)) == pytest.approx(3.5)
