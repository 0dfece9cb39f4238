"""Plans: their bytes, their files, and rounding by them."""

import json

import pytest
import torch
from torch import nn

from tdnnq_lab.models import Tdnnf, TdnnfConfig, layers, small
from tdnnq_lab.quantize import BitPlan, dequantize, quantize, round_model, vectors


def model_of(**changes) -> Tdnnf:
    torch.manual_seed(0)
    shape = {"input_dim": 3, "hidden_dim": 5, "bottlenecks": (3, 2), "strides": (1, 3), "prefinal_dim": 3}
    return Tdnnf(TdnnfConfig(**shape, num_pdfs=7, **changes))


def plan_of(model: nn.Module, **more) -> BitPlan:
    cycle = (4, 2, 8, 1, 3, 16)
    return BitPlan({name: cycle[i % 6] for i, name in enumerate(layers(model))}, **more)


@pytest.mark.parametrize("cluster", ["matrix", "channel", ("group", 4), "layer"])
@pytest.mark.parametrize("vector_bits", [16, 32])
def test_bytes_are_those_of_codes_alphas_and_vectors(cluster, vector_bits):
    model = model_of()
    plan = plan_of(model, cluster=cluster, vectors=vector_bits)
    codes = alphas = 0
    for name, layer in layers(model).items():
        for weight in layer.weights:
            rows, columns = weight.shape
            codes += -(-rows * columns * plan.bits[name] // 8)
            alphas += {"matrix": 1, "channel": rows, ("group", 4): rows * -(-columns // 4), "layer": 0}[cluster]
        alphas += cluster == "layer"
    # Biases: tdnn1, two factored layers, wide; output. Two statistics a norm: three hidden, wide, narrow.
    found = 4 * 5 + 7 + 2 * (4 * 5 + 3) + 2 * 3  # and mean and scale of the input
    parts = plan.parts(model)
    assert parts == (codes, 4 * alphas, found * vector_bits // 8)
    assert plan.bytes(model) == sum(parts) == plan.bytes(model_of(xent_head=False))


def test_vectors_are_what_recognition_needs_beside_codes():
    model = model_of(lda=True)
    named = vectors(model)
    assert "lda" in named
    assert not any(name.startswith("xent.") or name.endswith("batches") for name in named)
    assert not any(name.endswith(("linear.weight", "affine.weight", "output.weight", "l.weight")) for name in named)
    coded = {id(w) for layer in layers(model).values() for w in layer.weights}
    needed = {n for n, p in model.named_parameters() if not n.startswith("xent.") and id(p) not in coded}
    assert needed < set(named)


def test_a_plan_comes_back_from_its_file(tmp_path):
    plan = plan_of(model_of(), cluster=("group", 4), vectors=16, made_by={"method": "kl", "gap": 0.25})
    plan.save(tmp_path / "plan.json")
    assert BitPlan.load(tmp_path / "plan.json") == plan
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"bits": {"a": 4}}', '{"format": "tdnnq-lab plan 1"}'])
def test_foreign_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json: not a bit plan"):
        BitPlan.load(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        BitPlan.load(tmp_path / "absent")


def test_a_file_with_impossible_bits_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"format": "tdnnq-lab plan 1", "bits": {"tdnn1": 11}}))
    with pytest.raises(ValueError, match=r"plan\.json.*layer 'tdnn1': 11 bits"):
        BitPlan.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": {"a": 0}}, "layer 'a': 0 bits"),
        ({"bits": {"a": 4}, "vectors": 8}, "vectors of 8 bits"),
        ({"bits": {"a": 4}, "cluster": "row"}, "cluster 'row'"),
    ],
)
def test_impossible_plans_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        BitPlan(**arguments)


def test_a_plan_that_does_not_fit_names_the_layers():
    model = model_of()
    bits = dict(plan_of(model).bits)
    del bits["tdnnf3"]
    bits["tdnnf9"] = 4
    for use in (BitPlan(bits).bytes, BitPlan(bits).check, lambda m: round_model(m, BitPlan(bits))):
        with pytest.raises(ValueError, match="it lacks 'tdnnf3'; the model has no 'tdnnf9'"):
            use(model)


@pytest.mark.parametrize("cluster", ["matrix", "channel", ("group", 3)])
def test_rounding_leaves_the_dequantised_values(cluster):
    model, before = model_of(), model_of()
    plan = plan_of(model, cluster=cluster)
    round_model(model, plan)
    for name, layer in layers(model).items():
        for weight, old in zip(layer.weights, layers(before)[name].weights, strict=True):
            want = dequantize(quantize(old, plan.bits[name], cluster=cluster))
            assert torch.equal(weight, want), name
            assert not torch.equal(weight, old), name
    untouched = {n: t for n, t in before.state_dict().items() if t.dim() < 2 or n.startswith("xent.")}
    for name, tensor in untouched.items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_both_factors_of_a_layer_can_share_one_alpha():
    model, before = model_of(), model_of()
    round_model(model, plan_of(model, cluster="layer"))
    old = torch.cat([w.detach().flatten() for w in layers(before)["tdnnf2"].weights])
    want = dequantize(quantize(old, 2))
    got = torch.cat([w.detach().flatten() for w in layers(model)["tdnnf2"].weights])
    assert torch.equal(got, want)
    assert len(got.abs().unique()) == 2  # 0 and α


def test_a_weight_that_is_not_a_number_names_its_layer_and_changes_nothing():
    model = model_of()
    with torch.no_grad():
        model.tdnnf3.affine.weight[0, 0] = float("nan")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="layer 'tdnnf3': 1 of"):
        round_model(model, plan_of(model))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.nan_to_num(9), before[name].nan_to_num(9)), name


def test_any_module_can_be_rounded():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6))
    model[1].weight = model[0].weight
    plan = BitPlan({"0": 4})
    assert plan.parts(model) == (12, 4, 6 * 4)
    want = dequantize(quantize(model[0].weight, 4))
    round_model(model, plan)
    assert torch.equal(model[1].weight, want)


def test_a_uniform_plan_of_the_small_model_weighs_what_it_says():
    model = small()
    four = BitPlan(dict.fromkeys(layers(model), 4))
    weights = sum(layer.parameters for layer in layers(model).values())
    assert four.parts(model).codes == weights // 2
