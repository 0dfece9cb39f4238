"""The optimiser of matrices: what a step is, and that its state survives a checkpoint."""

import copy

import pytest
import torch
from torch import nn

from tdnnq_lab.training import TrainSettings
from tdnnq_lab.training.muon import MuonWithAdam
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


def test_only_matrices_or_none_and_what_is_neither():
    net = model()
    for matrices, others in (([net["wide"].weight], []), ([], [net["wide"].bias])):
        give_gradients(net, 1)
        MuonWithAdam([{"params": matrices}], [{"params": others}], lr=0.1).step()
    with pytest.raises(ValueError, match="2D"):
        MuonWithAdam([{"params": [net["wide"].bias]}], [], lr=0.1)
