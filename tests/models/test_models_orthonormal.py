"""The semi-orthogonal step against Kaldi's formula for one matrix, and its convergence."""

import numpy as np
import pytest
import torch
from models_twin import tiny

from tdnnq_lab.models import Tdnnf, constrained_weights, semi_orthogonal_error, semi_orthogonal_step, small


def kaldi(m: np.ndarray) -> np.ndarray:
    """ConstrainOrthonormalInternal with a floating scale, for one matrix with no more rows than columns."""
    p = m @ m.T
    trace, squares = np.trace(p), np.trace(p @ p.T)
    scale, ratio = np.sqrt(squares / trace), squares * len(m) / trace**2
    speed = 0.125
    if ratio > 1.02:
        speed *= 0.5
        if ratio > 1.1:
            speed *= 0.5
    return m - 4 * (speed / scale**2) * (p - scale**2 * np.eye(len(m))) @ m


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3, 1.0])  # of the singular values: each speed is met
def test_a_step_is_kaldis(spread):
    torch.manual_seed(0)
    model = Tdnnf(tiny(bottlenecks=(4, 5, 4, 9), prefinal_dim=8)).double()
    want = []
    for weight in constrained_weights(model):
        q = torch.linalg.qr(torch.randn(max(weight.shape), min(weight.shape)).double())[0]
        m = (q * (2 + spread * torch.randn(q.shape[1]).double())).t()
        stepped = torch.from_numpy(kaldi(m.numpy()))
        with torch.no_grad():
            weight.copy_(m if m.shape == weight.shape else m.t())
        want.append(stepped if m.shape == weight.shape else stepped.t())
    semi_orthogonal_step(model)
    assert len(want) == 7  # four factored layers, prefinal-l, two heads
    for weight, value in zip(constrained_weights(model), want, strict=True):
        torch.testing.assert_close(weight.detach(), value)


def test_it_converges_and_leaves_other_weights_alone():
    torch.manual_seed(1)
    model = small()
    others = {n: p.clone() for n, p in model.named_parameters() if not n.endswith(("linear.weight", "l.weight"))}
    start = max(semi_orthogonal_error(w) for w in constrained_weights(model))
    for _ in range(60):
        semi_orthogonal_step(model)
    for weight in constrained_weights(model):
        m = weight.detach().double()
        p = m @ m.t() if m.shape[0] <= m.shape[1] else m.t() @ m
        assert (p / p.diagonal().mean() - torch.eye(len(p))).abs().max() < 1e-4 < start
        assert semi_orthogonal_error(weight) < 1e-4
    for name, p in model.named_parameters():
        if name in others:
            assert torch.equal(p, others[name]), name


def test_a_matrix_of_zeros_stays():
    model = Tdnnf(tiny())
    with torch.no_grad():
        model.tdnnf2.linear.weight.zero_()
    semi_orthogonal_step(model)
    assert not model.tdnnf2.linear.weight.any()
