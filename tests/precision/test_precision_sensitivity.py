"""Sensitivities against the obvious computation, and their cost in matrix products."""

import copy

import numpy as np
import pytest
import torch
from precision_models import Criterion, batch_of, batches_of, graph, model_of, sequence, utterances
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tdnnq_lab.models import layers, small
from tdnnq_lab.precision import METHODS, SensitivityTable, kl_sensitivities, sensitivity, sensitivity_naive

BITS = (1, 2, 8)


def arguments(method: str) -> dict:
    more = {"loss": {"loss": Criterion()}, "output_kl": {"denominator": graph()}}
    return {"method": method, "bits": BITS, **more.get(method, {})}


def close(table: SensitivityTable, want: SensitivityTable, rtol: float = 1e-5, atol: float = 1e-9) -> None:
    assert (table.layers, table.sizes, table.bits) == (want.layers, want.sizes, want.bits)
    np.testing.assert_allclose(table.values, want.values, rtol=rtol, atol=atol)


@pytest.mark.parametrize("heads", ["both", "chain"])
@pytest.mark.parametrize("method", METHODS)
def test_every_measure_equals_the_naive_computation(method, heads):
    model, batches = model_of(), batches_of(heads)
    table = sensitivity(model, batches, **arguments(method))
    close(table, sensitivity_naive(model, batches, **arguments(method)))
    assert table.layers == list(layers(model))
    assert table.sizes == [layer.parameters for layer in layers(model).values()]
    assert table.made_by["method"] == method
    assert (table.made_by["batches"], table.made_by["frames"]) == (2, 8 + 3 + 11 + 5)
    assert len(np.unique(table.values)) == table.values.size


@pytest.mark.parametrize("strides", [(3, 3, 0), (0, 1, 2), (1, 1, 1)])
@pytest.mark.parametrize("method", ["kl_bernoulli", "output_kl"])
def test_other_shapes_i_vectors_and_speaker_scales(strides, method):
    model = model_of(3, strides=strides, bottlenecks=(3, 4, 5), ivector_dim=2, lda=True)
    generator = torch.Generator().manual_seed(4)
    batches = []
    for (features, lengths, *_), targets, _ in batches_of():
        scales = {"tdnnf2": 0.5 + torch.rand(2, 12, generator=generator).double()}
        scales["tdnnf3.bottleneck"] = 0.5 + torch.rand(4, generator=generator).double()
        batches.append(((features, lengths, torch.randn(2, 2, generator=generator).double(), scales), targets))
    close(sensitivity(model, batches, **arguments(method)), sensitivity_naive(model, batches, **arguments(method)))


@pytest.mark.parametrize("method", METHODS)
def test_padding_and_the_cut_into_batches_change_nothing(method):
    model, parts = model_of(), utterances()
    wanted = {**arguments(method), "only": ["tdnn1", "tdnnf3", "prefinal-chain"]}
    alone = sensitivity(model, [batch_of([x], offset=b) for b, x in enumerate(parts)], **wanted)
    close(sensitivity(model, batches_of(), **wanted), alone, rtol=1e-4, atol=1e-7)
    close(sensitivity(model, batches_of(padding=40), **wanted), alone, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("method", ["kl", "loss", "output_kl"])
def test_the_model_is_left_as_it_is(method):
    model = model_of()
    model.train()
    model.chain.norm.eval()
    modes = [module.training for module in model.modules()]
    before = copy.deepcopy(model.state_dict())
    first = sensitivity(model, batches_of(), **arguments(method))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(p.requires_grad and not p.is_inference() for p in model.parameters())
    assert sensitivity(model.eval(), batches_of(), **arguments(method)) == first


class Products(TorchDispatchMode):
    """Counts multiply-adds of products of two matrices; a vector times a matrix, as moments are, is none."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in ("bmm", "baddbmm", "convolution", "einsum")
        if name == "linear":
            self.count += args[0].numel() * args[1].shape[0]
        elif name in ("mm", "addmm", "matmul"):
            left, right = args[-2:]
            self.count += left.numel() * right.shape[1] if left.dim() == 2 and len(left) > 1 else 0
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("heads", ["both", "chain"])
def test_the_operations_told_are_the_products_computed(method, heads):
    model, batches = model_of(), batches_of(heads)
    table = sensitivity(model, batches, **arguments(method))
    with Products() as done:
        sensitivity(model, batches, **arguments(method))
    assert table.made_by["operations"] == done.count
    kl = method.startswith("kl")  # needs no second head
    with Products() as one, torch.no_grad():
        for (features, lengths, *_), *_ in batches:
            model.eval()(features, lengths, heads="chain" if kl else heads)
    assert table.made_by["naive_operations"] == (len(table.layers) * len(BITS) + 1) * one.count
    if kl:
        assert table.made_by["operations"] == (len(BITS) + 1) * one.count


@pytest.mark.parametrize("heads", ["both", "chain"])
def test_suffixes_cost_less_than_six_tenths_of_the_recipes_shape(heads):
    torch.manual_seed(0)
    model = small(num_pdfs=7)
    inputs = (torch.randn(1, 300, 40), torch.tensor([300]), None, None, heads)
    table = sensitivity(model, [(inputs, ())], bits=BITS, method="output_kl", denominator=graph())
    assert table.values.shape == (18, len(BITS))
    assert table.made_by["operations"] <= 0.6 * table.made_by["naive_operations"]


def test_single_precision_agrees_to_a_ten_thousandth():
    torch.manual_seed(0)
    model = small(num_pdfs=7)
    inputs = (torch.randn(2, 60, 40), torch.tensor([60, 41]))
    only = ["tdnn1", "tdnnf4", "tdnnf5", "prefinal-l", "prefinal-chain", "output"]
    for method, more in (("kl", {}), ("kl_bernoulli", {}), ("output_kl", {"denominator": graph()})):
        wanted = {"method": method, "bits": (1, 2), "only": only, **more}
        table = sensitivity(model, [(inputs, ())], **wanted)
        close(table, sensitivity_naive(model, [(inputs, ())], **wanted), rtol=1e-4, atol=1e-5)


def test_both_forms_of_eq_7_come_from_one_pass():
    model, batches = model_of(), batches_of()
    both = kl_sensitivities(model, batches, bits=BITS)
    assert both == {method: sensitivity(model, batches, **arguments(method)) for method in ("kl", "kl_bernoulli")}
    assert (both["kl_bernoulli"].values > 0).all()


def test_only_some_layers_in_the_models_order_and_what_is_said():
    model, said = model_of(), []
    whole = sensitivity(model, batches_of(), **arguments("kl"))
    for method in METHODS:
        wanted = ["output", "tdnnf3"]
        part = sensitivity(model, batches_of(), **arguments(method), only=iter(wanted), say=said.append)
        assert part.layers == ["tdnnf3", "output"]
        close(part, sensitivity_naive(model, batches_of(), **arguments(method), only=wanted))
        if method == "kl":
            np.testing.assert_array_equal(part.values, whole.values[[2, -1]])
    assert [line.split(":")[0] for line in said] == ["tdnnf3", "output"] * len(METHODS)
    assert sensitivity(model, batches_of(), **arguments("kl"), only="tdnn1").layers == ["tdnn1"]


def test_batches_may_come_by_epoch_and_without_lengths():
    class Epochs:
        def epoch(self, number):
            yield from batches_of()

    model = model_of()
    assert sensitivity(model, Epochs(), **arguments("kl")) == sensitivity(model, batches_of(), **arguments("kl"))
    x = utterances()[0][None]
    for method in ("kl", "output_kl"):
        tables = [sensitivity(model, [(i, ())], **arguments(method)) for i in (x, (x,), (x, torch.tensor([23])))]
        assert tables[0] == tables[1] == tables[2]
        close(tables[0], sensitivity_naive(model, [((x,), ())], **arguments(method)))


def test_any_module_has_a_loss():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    model(torch.randn(50, 5))
    batches = [(torch.randn(20, 5), torch.randint(3, (20,))) for _ in range(2)]
    table = sensitivity(model, batches, bits=(1, 2, 8), method="loss", loss=nn.functional.cross_entropy)
    assert (table.layers, table.sizes) == (["0", "3"], [40, 24])
    assert model.training
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    losses = [sum(float(nn.functional.cross_entropy(twin(x), y)) for x, y in batches) / 2]
    twin[3].weight.copy_(torch.where(twin[3].weight < 0, -1.0, 1.0) * twin[3].weight.abs().mean())
    losses += [sum(float(nn.functional.cross_entropy(twin(x), y)) for x, y in batches) / 2]
    assert table.values[1, 0] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert table.made_by["operations"] == table.made_by["naive_operations"] == (2 * 3 + 1) * 40 * (40 + 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "hessian"}, "method 'hessian': this version has kl, kl_bernoulli, loss, output_kl"),
        ({"method": "loss"}, "loss=…"),
        ({"method": "output_kl"}, "denominator=…"),
        ({"bits": (1, 9)}, "9 bits"),
        ({"bits": (2, 2)}, "each once"),
        ({"bits": ()}, "one or more"),
        ({"only": ["tdnnf99"]}, "the model has no layer 'tdnnf99'; it has tdnn1, "),
        ({"only": []}, "at least one layer"),
        ({"batches": []}, "no batch"),
        ({"model": nn.Linear(2, 2)}, "method 'kl' needs a Tdnnf, not a Linear"),
        ({"model": model_of(xent_head=False)}, "without its cross-entropy head"),
    ],
)
def test_what_cannot_be_measured_is_told(change, message):
    wanted = {"model": model_of(), "batches": batches_of(), **change}
    with pytest.raises(ValueError, match=message):
        sensitivity(wanted.pop("model"), wanted.pop("batches"), **wanted)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_a_number_is_told(method):
    model = model_of()
    with torch.no_grad():
        model.tdnnf4.linear.weight[0, 0] = float("nan")
    at = "layer 'tdnnf4': 1 of" if method.startswith("kl") else "outputs of the model in full precision are NaN"
    with pytest.raises(ValueError, match=at):
        sensitivity(model, batches_of(), **arguments(method))
    at = "layer 'tdnnf4'.*is NaN" if method.startswith("kl") else at
    with torch.no_grad():
        model.tdnnf4.linear.weight[0, 0] = 0
        model.tdnnf4.affine.bias[0] = float("nan")
    with pytest.raises(ValueError, match=at):
        sensitivity(model, batches_of(), **arguments(method))


def test_a_graph_without_a_path_is_told():
    with pytest.raises(ValueError, match="no utterance has a path"):
        sensitivity(model_of(), batches_of(), method="output_kl", denominator=sequence([0, 1] * 9))


def test_a_loss_that_is_not_finite_in_full_precision_is_told():
    with pytest.raises(ValueError, match="loss of the model in full precision is inf"):
        sensitivity(model_of(), batches_of(), method="loss", loss=lambda *_: torch.tensor(float("inf")))
