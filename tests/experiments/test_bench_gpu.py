"""The GPU's benchmark at tiny size on a CPU: it trains, its figures fit together, it says what it lacks."""

import json
import math

import pytest
import torch

from tdnnq_lab.experiments import bench_gpu
from tdnnq_lab.experiments.bench import run_bench
from tdnnq_lab.models import kaldi_7q


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_tiny_on_the_cpu(precision):
    torch.set_num_threads(1)
    found = bench_gpu.measure(bench_gpu.TINY, precision, "cpu")
    assert found["network"] == precision
    assert len(found["loss"]) == 3
    assert all(math.isfinite(loss) for loss in found["loss"])
    assert found["loss"][0] != found["loss"][2]  # it learns: the step is one
    assert sum(found["parts_ms"].values()) == pytest.approx(found["step_ms"], rel=0.5)
    assert found["times_real_time"] == pytest.approx(3 * 30 * 10 / found["step_ms"])
    assert 0 < found["criterion_share"] < 1


def test_the_program_writes_its_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench_gpu.main(["--tiny", "--json", str(tmp_path / "gpu" / "step.json")])
    kept = json.loads((tmp_path / "gpu" / "step.json").read_text())
    assert [step["network"] for step in kept["steps"]] == ["float32", "tf32", "bfloat16"]
    assert kept["steps"][0]["device"] == "cpu"
    assert kept["steps"][0]["denominator"] == {"states": 40, "arcs": 300, "pdfs": 20}
    (row,) = kept["criterion"]
    assert row["apart"] < 1e-9
    assert row["operations_ms"] > 0
    assert "machine" in kept
    printed = capsys.readouterr().out
    assert "training step of kaldi_7q()" in printed
    assert "forward-backward of 50 frames" in printed


def test_without_a_gpu_it_declines(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"no CUDA device was found.*--tiny"):
        run_bench("gpu", 1)
    with pytest.raises(ValueError, match="--tiny"):
        bench_gpu.main([])


def test_the_default_size_is_the_recipes():
    size = bench_gpu.SWITCHBOARD
    assert (size.states, size.arcs, size.pdfs) == (8_000, 100_000, 6_034)
    assert (size.chunks, size.frames, size.network) == (64, 150, kaldi_7q)
