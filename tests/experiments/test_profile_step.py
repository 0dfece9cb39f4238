"""The profile of a training step at tiny size."""

from dataclasses import replace
from io import StringIO

import pytest
import torch
from rich.console import Console

from tdnnq_lab.experiments import profile_step
from tdnnq_lab.experiments.profile_step import Step, measure, table
from tdnnq_lab.models import SMALL, Tdnnf


def made(backend=None):
    little = replace(SMALL, hidden_dim=10, bottlenecks=(4,) * 14, prefinal_dim=6, num_pdfs=5)
    return Step(lambda: Tdnnf(little), utterances=2, seconds=1, backend=backend)


@pytest.fixture
def step():
    threads = torch.get_num_threads()
    yield made()
    torch.set_num_threads(threads)


def test_parts_and_shares_are_those_of_a_step_that_trains(step):
    before = [p.clone() for p in step.parameters]
    found = measure(1, runs=2, step=step)
    assert list(found["ms"]) == ["forward", "backward", "clip", "optimiser", "semi-orthogonal step"]
    assert min(found["ms"].values()) > 0
    assert found["total_ms"] == pytest.approx(sum(found["ms"].values()), abs=1e-2)
    assert sum(found["shares"].values()) == pytest.approx(1.0, abs=1e-3)
    assert all(0 < share < 1 for share in found["shares"].values())
    assert all(not torch.equal(a, b) for a, b in zip(before, step.parameters, strict=True))
    console = Console(file=StringIO(), width=100)
    console.print(table(found, 1))
    assert "matrix products" in console.file.getvalue()


def test_a_compiled_step_computes_the_same():
    def outputs_and_slopes(step):
        step.model.set_dropout(0.0)
        step._forward()
        step._backward()
        return [*step.outputs, *(p.grad for p in step.parameters)]

    for a, b in zip(outputs_and_slopes(made()), outputs_and_slopes(made("aot_eager")), strict=True):
        torch.testing.assert_close(b, a)


def test_labels_are_kept_side_by_side(step, tmp_path, monkeypatch):
    monkeypatch.setattr(profile_step, "Step", lambda backend: step)
    for label in ("before", "after"):
        out = tmp_path / "bench" / "profile.json"
        arguments = ["profile_step", "--threads", "1", "--runs", "1", "--label", label, "--json", str(out)]
        monkeypatch.setattr("sys.argv", arguments)
        profile_step.main()
    kept = profile_step.read_json(out)
    assert set(kept) == {"before", "after"}
    assert set(kept["after"]) == {"commit", "dirty", "versions", "machine", "load", "threads"}
    assert set(kept["after"]["threads"]) == {"1"}
