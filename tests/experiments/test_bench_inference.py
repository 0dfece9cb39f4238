"""The inference benchmark at tiny size, and its ONNX twin where ONNX Runtime is installed."""

import sys
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from tdnnq_lab.experiments import bench_inference
from tdnnq_lab.experiments.bench_inference import drawn, forward_rows, forward_table
from tdnnq_lab.experiments.onnx_twin import onnx_twin
from tdnnq_lab.experiments.timing import side_by_side
from tdnnq_lab.models import KALDI_7Q, SMALL, Tdnnf

LITTLE = dict(hidden_dim=10, bottlenecks=(4,) * 14, prefinal_dim=6, num_pdfs=5)
NETWORKS = {"small": lambda: Tdnnf(replace(SMALL, **LITTLE)), "7q": lambda: Tdnnf(replace(KALDI_7Q, **LITTLE))}


@pytest.fixture
def little(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(bench_inference, "NETWORKS", NETWORKS)
    monkeypatch.setattr(bench_inference, "SECONDS", (1,))
    yield
    torch.set_num_threads(threads)


def printed(rows) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(forward_table(rows, 1))
    return console.file.getvalue()


def test_without_the_runtime_there_are_times_and_no_ratios(little, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    rows = forward_rows(1, rounds=1)
    assert [(row["network"], row["seconds"]) for row in rows] == [("small", 1), ("7q", 1)]
    for row in rows:
        assert min(row["tdnnf_ms"], row["folded_ms"]) > 0
        assert row["apart"] < 1e-4
        assert not any(name.startswith("onnx") or name.endswith("ratio") for name in row)
    assert printed(rows).count("not installed") == 2


def test_networks_that_differ_are_not_timed(little, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(bench_inference, "fold_batchnorm", lambda model: lambda *inputs: model(*inputs) + 1.0)
    with pytest.raises(RuntimeError, match="tdnnf, folded differ by 1"):
        forward_rows(1, rounds=1)


def test_works_take_turns_and_the_median_counts():
    calls = []
    took = side_by_side({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3, block=0.0)
    assert set(took) == {"a", "b"}
    order = "".join(calls[4:])  # after the two first calls of each
    assert order.replace("aaa", "a").replace("bbb", "b") == "ababab"


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("frames", [1, 2, 30, 101])
def test_the_onnx_twin_gives_the_networks_outputs(network, frames):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, features, ivector = drawn(NETWORKS[network], 101)
    features = features[:, :frames]
    session = runtime.InferenceSession(onnx_twin(model, frames), providers=["CPUExecutionProvider"])
    given = {"features": features[0].numpy()} | ({} if ivector is None else {"ivectors": ivector.numpy()})
    want = model(features, None, ivector)[0].detach().numpy()
    np.testing.assert_allclose(session.run(None, given)[0], want, atol=1e-4)


def test_with_the_runtime_there_are_ratios(little):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rows = forward_rows(1, rounds=1)
    for row in rows:
        for kind in ("tdnnf", "folded"):
            assert row[f"{kind}_ratio"] == pytest.approx(row[f"{kind}_ms"] / row["onnxruntime_ms"], rel=0.05)
    assert "not installed" not in printed(rows)
