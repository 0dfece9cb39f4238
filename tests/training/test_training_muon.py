"""The optimiser of matrices: what a step is, and that its state survives a checkpoint."""

import copy

import pytest
import torch
from torch import nn

from tdnnq_lab.training import TrainSettings
from tdnnq_lab.training.muon import Muon, orthogonalised
from tdnnq_lab.training.optimiser import make_optimiser


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"embed": nn.Embedding(7, 6), "wide": nn.Linear(6, 4), "tall": nn.Linear(4, 9)})


def give_gradients(net: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for p in net.parameters():
        p.grad = torch.randn(p.shape, generator=generator)


def optimiser(net: nn.Module, rate: float = 0.5, **more) -> torch.optim.Optimizer:
    return make_optimiser(net, TrainSettings(10, learning_rate=rate, optimiser="muon", **more))


def test_matrices_move_by_something_near_orthogonal():
    """All singular values of a change lie about 0.2 sqrt(max(m, n)) of the rate, whatever the gradient's are."""
    net, rate = model(), 0.5
    give_gradients(net, 1)
    net["tall"].weight.grad[:, 0] *= 10
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimiser(net, rate).step()
    for name in ("wide.weight", "tall.weight"):
        change = before[name] - net.get_parameter(name).detach()
        values = torch.linalg.svdvals(change) / (rate * 0.2 * max(change.shape) ** 0.5)
        assert values.min() > 0.5, name
        assert values.max() < 1.35, name


def test_everything_else_moves_as_by_adam():
    net, twin = model(), model()
    ours = optimiser(net)
    adam = torch.optim.Adam(twin.parameters(), lr=0.5)
    for seed in range(3):
        give_gradients(net, seed)
        give_gradients(twin, seed)
        ours.step()
        adam.step()
    for name in ("embed.weight", "wide.bias", "tall.bias"):
        torch.testing.assert_close(net.get_parameter(name), twin.get_parameter(name))
    assert not torch.allclose(net["wide"].weight, twin["wide"].weight)


def test_weight_decay_is_none_unless_asked_for():
    net, zero = model(), torch.zeros(4, 6)
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    kept = net["wide"].weight.detach().clone()
    optimiser(net).step()
    torch.testing.assert_close(net["wide"].weight, kept, rtol=0, atol=0)
    optimiser(net, weight_decay=1.0).step()  # decoupled: 1 - rate of it is left
    torch.testing.assert_close(net["wide"].weight - 0.5 * kept, zero)


def test_state_goes_into_another_one_and_on_from_there():
    net, twin = model(), model()
    first, second = optimiser(net), optimiser(twin)
    give_gradients(net, 1)
    first.step()
    twin.load_state_dict(net.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for group in second.param_groups:  # what the loop sets reaches both halves
        group["lr"] = 0.1
    for group in first.param_groups:
        group["lr"] = 0.1
    for net_, optimiser_ in ((net, first), (twin, second)):
        give_gradients(net_, 2)
        optimiser_.step()
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_vector_among_the_matrices_is_refused():
    with pytest.raises(ValueError, match=r"two dimensions; one parameter is \(4,\)"):
        Muon([{"params": [model()["wide"].bias], "matrices": True}], lr=0.1)


def test_the_change_is_that_of_torch():
    """`torch.optim.Muon` works in bfloat16, so that its singular values are off by a percent or two."""
    torch.manual_seed(1)
    for shape in ((12, 40), (40, 12), (16, 16)):
        ours, theirs = (nn.Parameter(torch.zeros(shape)) for _ in range(2))
        first = Muon([{"params": [ours], "matrices": True}], lr=0.1)
        second = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        for _ in range(4):
            ours.grad = torch.randn(shape)
            theirs.grad = ours.grad.clone()
            first.step()
            second.step()
        assert (ours - theirs).norm() < 0.03 * theirs.norm()


def test_zeros_and_lone_directions_do_no_harm():
    """A gradient of rank one moves its matrix along that rank alone, one of zeros not at all."""
    x = torch.zeros(3, 4, 7)
    x[1] = torch.outer(torch.randn(4), torch.randn(7)) * 1e-12
    x[2] = torch.randn(4, 7) * 1e6
    found = orthogonalised(x)
    assert torch.equal(found[0], x[0])
    values = torch.linalg.svdvals(found[1])
    assert 0.6 < values[0] < 1.3
    assert values[1] < 1e-3
    assert torch.isfinite(found).all()
