"""The packed file: as small as its plan says, the same model back, and any damage refused."""

import dataclasses
import json
import random

import pytest
import torch
from deploy_toys import toy_model, toy_plan
from safetensors.torch import load_file, save_file

from tdnnq_lab.deploy import load, pack, packed, read_packed
from tdnnq_lab.deploy.seal import sealed
from tdnnq_lab.models import kaldi_7q, layers, save_model
from tdnnq_lab.quantize import BITS, round_model, vectors

CLUSTERS = ["matrix", "channel", ("group", 4), "layer"]


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    model = toy_model()
    path = tmp_path_factory.mktemp("packed") / "model.safetensors"
    return model, pack(model, toy_plan(model), path), path


@pytest.mark.parametrize("vector_bits", [16, 32])
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_bytes_reported_are_those_on_disk_and_those_of_the_plan(tmp_path, cluster, vector_bits):
    model = toy_model(lda=True)
    plan = toy_plan(model, cluster=cluster, vectors=vector_bits)
    report = pack(model, plan, tmp_path / "m")
    assert report.bytes_on_disk == (tmp_path / "m").stat().st_size == sum(report.bytes_by_part.values())
    parts = dict(report.bytes_by_part)
    assert parts.pop("header") <= 16_000
    assert parts == plan.parts(model)._asdict()
    assert read_packed(tmp_path / "m").report == report


def test_the_header_of_a_deep_network_is_small(tmp_path):
    config = dataclasses.replace(kaldi_7q(6).config, hidden_dim=4, bottlenecks=(2,) * 30, strides=(3,) * 30)
    model = type(toy_model())(config)
    assert pack(model, toy_plan(model), tmp_path / "m").bytes_by_part["header"] <= 16_000


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("bits", BITS)
def test_packing_what_was_loaded_gives_the_same_file(tmp_path, bits, cluster):
    model = toy_model()
    plan = toy_plan(model, bits, cluster=cluster)
    pack(model, plan, tmp_path / "once")
    pack(load(tmp_path / "once"), plan, tmp_path / "twice")
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_rounded_model_comes_back_to_the_bit(tmp_path, cluster):
    model = toy_model(lda=True, ivector_dim=2)
    plan = toy_plan(model, cluster=cluster)
    round_model(model, plan)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pack(model, plan, tmp_path / "m")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    state = torch.random.get_rng_state()
    back = load(tmp_path / "m")
    assert torch.equal(torch.random.get_rng_state(), state)  # loading draws nothing
    assert back.config == dataclasses.replace(model.config, xent_head=False)
    assert not any(module.training for module in back.modules())
    for name, tensor in back.state_dict().items():
        if not name.endswith(".batches"):
            assert torch.equal(tensor, before[name]), name
    x, i = torch.randn(2, 20, 3), torch.randn(2, 2)
    assert torch.equal(back(x, ivectors=i), model(x, ivectors=i))


def test_half_precision_vectors_are_rounded_and_nothing_else(tmp_path):
    model = toy_model()
    plan = toy_plan(model, vectors=16)
    round_model(model, plan)
    pack(model, plan, tmp_path / "m")
    state = load(tmp_path / "m").state_dict()
    for name, tensor in vectors(model).items():
        assert torch.equal(state[name], tensor.half().float())
    for layer, again in zip(layers(model).values(), layers(load(tmp_path / "m")).values(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(layer.weights, again.weights, strict=True))


def test_the_file_says_what_is_in_it(small_file):
    model, _, path = small_file
    found = read_packed(path)
    plan = toy_plan(model)
    assert found.plan == plan
    assert set(found.weights) == {n for n, p in model.named_parameters() if p.dim() > 1 and not n.startswith("xent")}
    bits = {name: q.bits for name, q in found.weights.items()}
    assert [bits[f"tdnnf2.{part}.weight"] for part in ("linear", "affine")] == [plan.bits["tdnnf2"]] * 2
    assert bits["chain.output.weight"] == plan.bits["output"]
    assert set(found.vectors) == set(vectors(model))
    assert set(load_file(path)) == {"codes", "alphas", "vectors"}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 65520.0])
def test_vectors_that_do_not_survive_are_named(tmp_path, bad):
    model = toy_model()
    model.tdnnf2.affine.bias.data[1] = bad
    with pytest.raises(ValueError, match=r"vector 'tdnnf2\.affine\.bias'"):
        pack(model, toy_plan(model, vectors=16), tmp_path / "m")
    if bad == 65520.0:
        pack(model, toy_plan(model), tmp_path / "m")
    else:
        assert not list(tmp_path.iterdir())


def test_what_cannot_be_packed_is_refused(tmp_path):
    model = toy_model()
    with pytest.raises(ValueError, match="only a Tdnnf can be packed"):
        pack(torch.nn.Linear(2, 2), toy_plan(model), tmp_path / "m")
    plan = toy_plan(model)
    with pytest.raises(ValueError, match="it lacks 'output'"):
        pack(model, type(plan)({k: v for k, v in plan.bits.items() if k != "output"}), tmp_path / "m")
    model.prefinal_l.weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"layer 'prefinal-l': 1 of 24 weights .* NaN"):
        pack(model, plan, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def corruptions(raw: bytes, count: int):
    """Damaged copies of all kinds: bits and bytes changed, added, taken out, moved; ends cut and grown."""
    rng = random.Random(7)
    header = 8 + int.from_bytes(raw[:8], "little")
    for i in range(count):
        data = bytearray(raw)
        at = rng.randrange((8, header, len(raw))[i % 3])
        kind = rng.choice(("bit", "bit", "bit", "byte", "cut", "grow", "insert", "delete", "swap", "blank"))
        if kind == "bit":
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "byte":
            data[at] = rng.randrange(256)
        elif kind == "cut":
            del data[at:]
        elif kind == "grow":
            data += bytes(rng.randrange(1, 9))
        elif kind == "insert":
            data.insert(at, rng.choice(b"\0 0}1"))
        elif kind == "delete":
            del data[at]
        elif kind == "swap":
            other = rng.randrange(len(data))
            data[at], data[other] = data[other], data[at]
        else:
            data[at : at + 64] = bytes(len(data[at : at + 64]))
        if data != raw:
            yield kind, bytes(data)


def refusal(path) -> str:
    """The message of the ValueError that `load` raises; empty where it loads."""
    try:
        load(path)
    except ValueError as error:
        return str(error)
    return ""


def test_two_thousand_corruptions_are_all_refused(small_file, tmp_path):
    raw = small_file[2].read_bytes()
    bad = tmp_path / "bad.safetensors"
    found = 0
    for kind, data in corruptions(raw, 2400):
        bad.write_bytes(data)
        assert "bad.safetensors: " in refusal(bad), kind
        found += 1
    assert found >= 2000


def test_every_bit_of_the_header_counts(small_file, tmp_path):
    raw = small_file[2].read_bytes()
    bad = tmp_path / "bad"
    for at in range(8 + int.from_bytes(raw[:8], "little")):
        flipped = bytearray(raw)
        flipped[at] ^= 1 << at % 8
        bad.write_bytes(flipped)
        assert "bad: " in refusal(bad)


def test_newer_and_foreign_files_are_told_apart(small_file, tmp_path, monkeypatch):
    model, _, _ = small_file
    path = tmp_path / "m"
    with pytest.raises(FileNotFoundError, match="m: there is no such file"):
        load(path)
    save_file({"x": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="m: not a packed model"):
        load(path)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match="m: not a safetensors file"):
        load(path)
    path.write_bytes((90_000).to_bytes(8, "little") + b"[" * 90_000)
    with pytest.raises(ValueError, match="m: not a packed model"):
        load(path)
    save_model(model, path)
    with pytest.raises(ValueError, match=r"m: not a packed model: .*models\.load_model"):
        load(path)
    with pytest.raises(ValueError, match=r"Is a directory|denied"):
        load(tmp_path)
    monkeypatch.setattr(packed, "VERSION", 2)
    pack(model, toy_plan(model), path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"m: its format version 2 is newer than 1.*update"):
        load(path)


def forged(raw: bytes, change) -> bytes:
    """A file whose JSON was changed and whose checksum is right again."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    inner = json.loads(header["__metadata__"]["tdnnq-lab"])
    change(inner)
    inner["sha256"] = "0" * 64
    header["__metadata__"]["tdnnq-lab"] = json.dumps(inner)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return sealed(len(text).to_bytes(8, "little") + text + raw[8 + size :])


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["layers"].pop(),
        lambda h: h["layers"][0].update(bits=5),
        lambda h: h["layers"][0].update(bits="many"),
        lambda h: h["layers"][0]["weights"][0].__setitem__(0, "nobody.weight"),
        lambda h: h["layers"][0]["weights"][0].__setitem__(1, [1, 1]),
        lambda h: h["vectors"].pop(),
        lambda h: h["vectors"][0].__setitem__(1, [10**9]),
        lambda h: h["config"].update(hidden_dim=7),
        lambda h: h["config"].update(colour="blue"),
        lambda h: h["config"].pop("input_dim"),
        lambda h: h.update(cluster=["group", 0]),
        lambda h: h.update(cluster="channel"),
        lambda h: h.pop("layers"),
        lambda h: h.update(layers=3),
    ],
)
def test_a_header_that_contradicts_the_data_is_refused(small_file, tmp_path, change):
    raw = small_file[2].read_bytes()
    bad = tmp_path / "bad"
    bad.write_bytes(forged(raw, lambda _: None))
    load(bad)  # the forger's hand alone is not what is refused
    bad.write_bytes(forged(raw, change))
    with pytest.raises(ValueError, match="bad: "):
        load(bad)
