"""Quantisation-aware training: against plain autograd, planted weights, and itself after a stop."""

from __future__ import annotations

import copy
import os
import signal
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tdnnq_lab.models import Tdnnf, TdnnfConfig, layers
from tdnnq_lab.quantize import BitPlan, dequantize, fit, quantize, quantize_layer, round_model, straight_through
from tdnnq_lab.quantize.tables import least_squares_alpha

CLUSTERS = ["matrix", "channel", ("group", 3), "layer"]


def tiny(seed: int = 0) -> Tdnnf:
    torch.manual_seed(seed)
    return Tdnnf(TdnnfConfig(6, 16, (4, 5), (1, 3), 8, 7))


def plan_for(model: nn.Module, bits: int = 2, **more: Any) -> BitPlan:
    return BitPlan(bits=dict.fromkeys(layers(model), bits), **more)


def tiny_batches(count: int = 6) -> list[Any]:
    generator = torch.Generator().manual_seed(3)
    made = []
    for _ in range(count):
        features = torch.randn(3, 21, 6, generator=generator)
        made.append(((features, torch.tensor([21, 15, 9])), (torch.randn(3, 7, 7, generator=generator),)))
    return made


def square_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean()


def mlp(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))


def planted(bits: int) -> tuple[nn.Sequential, list[Any]]:
    """A network whose weights lie on its tables, and batches of what it computes."""
    truth = mlp(1)
    round_model(truth, plan_for(truth, bits))
    generator = torch.Generator().manual_seed(2)
    inputs = [torch.randn(64, 8, generator=generator) for _ in range(10)]
    return truth, [((x,), (truth(x).detach(),)) for x in inputs]


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_gradient_is_that_of_the_rounded_network(bits: int, cluster: Any) -> None:
    """Straight-through: gradients of the full-precision weights are those at the quantised ones."""
    model, rounded = tiny(), tiny()
    plan = plan_for(model, bits, cluster=cluster)
    round_model(rounded, plan)
    (inputs, targets), *_ = tiny_batches(1)
    rounded.train()
    square_error(rounded(*inputs), *targets).backward()
    wanted = {n: [w.grad for w in layer.weights] for n, layer in layers(rounded).items()}
    before = copy.deepcopy(model.state_dict())
    with straight_through(model, plan) as seen:
        model.train()
        square_error(model(*inputs), *targets).backward()
        for name, weights in seen.weights.items():
            for weight, gradient in zip(weights, wanted[name], strict=True):
                assert torch.allclose(weight.grad, gradient, atol=1e-7)  # type: ignore[arg-type]
        seen.finished = False
    for name, layer in layers(model).items():  # unfinished: the full-precision weights are back
        for weight in layer.weights:
            assert any(torch.equal(weight, tensor) for tensor in before.values()), name


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_values_afterwards_are_those_of_the_tables(cluster: Any) -> None:
    model = tiny()
    plan = BitPlan(bits=dict(zip(layers(model), (1, 2, 3, 4, 5, 8), strict=True)), cluster=cluster)
    names = set(model.state_dict())
    report = fit(model, plan, tiny_batches(), square_error, updates=12, learning_rate=3e-3)
    assert report.state == "finished"
    assert report.updates == 12
    assert set(model.state_dict()) == names, "no trace of the tables is left"
    assert not model.training
    for name, layer in layers(model).items():
        for weight, again in zip(layer.weights, quantize_layer(layer, plan.bits[name], cluster), strict=True):
            if plan.bits[name] <= 4:  # beyond that the least-squares search is not exact
                assert torch.allclose(dequantize(again), weight, rtol=1e-5, atol=1e-7), name


def test_cluster_layer_shares_alpha_throughout() -> None:
    model = tiny()
    plan = plan_for(model, 2, cluster="layer")
    fit(model, plan, tiny_batches(), square_error, updates=8, learning_rate=1e-2)
    linear, affine = layers(model)["tdnnf2"].weights
    assert torch.allclose(linear.abs().max(), affine.abs().max())


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_planted_weights_are_found(bits: int) -> None:
    """From the planted weights with noise on them, training brings the error well below that of rounding."""
    truth, batches = planted(bits)
    noisy = copy.deepcopy(truth)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in noisy.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.8 * parameter.std())
    plan = plan_for(noisy, bits)
    rounded = copy.deepcopy(noisy)
    round_model(rounded, plan)
    report = fit(noisy, plan, batches, square_error, updates=600, learning_rate=5e-3)

    def error(model: nn.Module) -> float:
        return sum(float(square_error(model(*x).detach(), *y)) for x, y in batches)

    assert error(noisy) < 0.3 * error(rounded)
    assert all(0 < share < 1 for share in report.changed.values())


def test_batch_norm_is_recalibrated_then_frozen() -> None:
    """The statistics that recognition uses are those that the last updates were trained with."""
    model, seen = tiny(), []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        norm = model.tdnnf2.norm
        seen.append((norm.training, norm.running_mean.clone()))
        return square_error(outputs, targets)

    fit(model, plan_for(model), tiny_batches(), loss, updates=10, learning_rate=1e-2)
    assert [training for training, _ in seen] == [True] * 7 + [False] * 3
    assert all(torch.equal(mean, model.tdnnf2.norm.running_mean) for _, mean in seen[7:])
    assert not torch.equal(seen[6][1], seen[7][1]), "taken again in between"


def test_cross_entropy_head_is_trained_and_not_quantised() -> None:
    model = tiny()
    before = model.xent.output.weight.clone()  # type: ignore[union-attr]
    batches = [((*inputs, None, None, "both"), targets) for inputs, targets in tiny_batches()]

    def loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
        return square_error(outputs[0], targets) + square_error(outputs[1], targets)

    fit(model, plan_for(model, 1), batches, loss, updates=6, learning_rate=1e-2)
    after = model.xent.output.weight  # type: ignore[union-attr]
    assert not torch.equal(after, before)
    assert len(torch.unique(after.abs())) > 2
    assert len(torch.unique(model.chain.output.weight.abs())) == 1


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Any) -> None:
    whole, stopped = tiny(), tiny()
    plan = plan_for(whole)
    fit(whole, plan, tiny_batches(), square_error, updates=20, learning_rate=1e-2, run_dir=tmp_path / "whole")
    for stop_at in (5, 17):  # in each of the two parts
        calls = 0

        def loss(outputs: Tensor, targets: Tensor, stop_at: int = stop_at) -> Tensor:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            return square_error(outputs, targets)

        stopped, folder = tiny(), tmp_path / f"stopped{stop_at}"
        report = fit(stopped, plan, tiny_batches(), loss, updates=20, learning_rate=1e-2, run_dir=folder)
        assert report.state == "stopped"
        assert report.updates == stop_at
        resumed = tiny()
        report = fit(resumed, plan, tiny_batches(), square_error, updates=20, learning_rate=1e-2, run_dir=folder)
        assert report.state == "finished"
        assert all(
            torch.equal(a, b) for a, b in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True)
        )


def test_tied_weights_are_quantised_once() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    model[2].weight = model[0].weight
    batches = [((torch.randn(8, 6),), (torch.randn(8, 6),)) for _ in range(3)]
    fit(model, plan_for(model, 2), batches, square_error, updates=6, learning_rate=1e-2)
    assert model[2].weight is model[0].weight
    assert len(torch.unique(model[0].weight.abs())) <= 2


def test_an_error_inside_leaves_the_full_precision_weights() -> None:
    model = tiny()
    before = {name: [w.clone() for w in layer.weights] for name, layer in layers(model).items()}

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        raise RuntimeError("out of ideas")

    with pytest.raises(RuntimeError, match="out of ideas"):
        fit(model, plan_for(model, 1), tiny_batches(), loss, updates=5, learning_rate=1e-2)
    for name, layer in layers(model).items():
        assert all(torch.equal(a, b) for a, b in zip(layer.weights, before[name], strict=True))


def test_bad_arguments() -> None:
    model = tiny()
    arguments = (tiny_batches(), square_error)
    good: dict[str, Any] = dict(updates=2, learning_rate=1e-3)
    with pytest.raises(ValueError, match=r"'bp'.*qat"):
        fit(model, plan_for(model), *arguments, method="bp", **good)
    with pytest.raises(ValueError, match="teacher"):
        fit(model, plan_for(model), *arguments, teacher=model, **good)
    with pytest.raises(ValueError, match="0 updates"):
        fit(model, plan_for(model), *arguments, updates=0, learning_rate=1e-3)
    with pytest.raises(ValueError, match="lacks 'output'"):
        fit(model, BitPlan(bits=dict.fromkeys(list(layers(model))[:-1], 4)), *arguments, **good)
    with pytest.raises(ValueError, match="no batch"):
        fit(model, plan_for(model), [], square_error, **good)
    with torch.no_grad():
        model.tdnnf3.linear.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"tdnnf3.*NaN"):
        fit(model, plan_for(model), *arguments, **good)
    assert "parametrizations" not in " ".join(model.state_dict())


def test_least_squares_alpha_against_a_grid() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 6)
    q = quantize(weight, 3, cluster="channel")
    start = q.alpha * 1.2
    codes = quantize(weight, 3, start, cluster="channel").codes
    best = least_squares_alpha(weight, codes, start, "channel")

    def error(alpha: Tensor) -> Tensor:
        return (weight - codes * alpha).square().sum(1)

    for factor in (0.9, 0.99, 1.01, 1.1):
        assert (error(best) <= error(best * factor)).all()
    zeros = torch.zeros(4, 6)
    assert torch.equal(least_squares_alpha(weight, zeros, start, "channel"), start), "no code to fit: α stays"
