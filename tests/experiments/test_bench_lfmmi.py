"""The criterion's benchmark at little size: the figures it prints, and that a disagreement is not printed over."""

import shutil
from io import StringIO

import pytest
import torch
from rich.console import Console

from tdnnq_lab.experiments import bench_lfmmi
from tdnnq_lab.experiments.bench_lfmmi import chain_graph, lfmmi_rows, product_rows, random_graph, sequence, tables
from tdnnq_lab.lfmmi import forward_backward
from tdnnq_lab.lfmmi.layout import Arcs, Tied, prepare


@pytest.fixture
def little(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(bench_lfmmi, "SIZES", ((12, 60, 6, 3),))
    monkeypatch.setattr(bench_lfmmi, "CHAINS", ((8, 0.9, 2),))
    monkeypatch.setattr(bench_lfmmi, "SHARES", (0.5,))
    monkeypatch.setattr(bench_lfmmi, "PRODUCT_STATES", 6)
    monkeypatch.setattr(bench_lfmmi, "FRAMES", 5)
    monkeypatch.setattr(
        bench_lfmmi, "side_by_side", lambda works, rounds: {name: float(w() is not w) for name, w in works.items()}
    )
    monkeypatch.delenv("K2_PYTHON", raising=False)
    yield
    torch.set_num_threads(threads)


def test_rows_and_tables(little):
    rows = lfmmi_rows(1)
    assert [(r["graph"], r["states"], r["utterances"]) for r in rows] == [("random", 12, 3), ("chain", 8, 2)]
    for row in rows:
        assert row["k2"] is None
        if shutil.which("gcc"):
            assert row["apart_c"] < 1e-9
            assert row["ratio to C"] == 1.0
    console = Console(file=StringIO(), width=160)
    console.print(tables(rows, product_rows(1), 1))
    printed = console.file.getvalue()
    assert "times faster than k2" in printed
    assert "apart" not in printed


def test_without_gcc_and_k2_there_are_no_ratios(little, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    row = lfmmi_rows(1)[0]
    assert (row["plain C"], row["ratio to C"], row["k2"]) == (None, None, None)


def test_totals_that_differ_stop_the_benchmark(little, monkeypatch):
    class Wrong:
        milliseconds, total = 1.0, torch.full((3,), 7.0, dtype=torch.float64)

    monkeypatch.setattr(bench_lfmmi.k2_twin, "run_in", lambda *a, **k: Wrong)
    monkeypatch.setenv("K2_PYTHON", "python-with-k2")
    with pytest.raises(RuntimeError, match="k2 and tdnnq-lab disagree"):
        lfmmi_rows(1)


def test_graphs_are_of_the_kinds_they_stand_for():
    assert isinstance(prepare(random_graph(50, 400, 60)), Arcs)
    bigram, trigram = prepare(chain_graph(20, 1.0)), prepare(chain_graph(60, 0.1))
    assert isinstance(bigram, Tied)
    assert isinstance(trigram, Tied)
    assert (len(bigram.dense), len(trigram.dense)) == (20, 0)
    total, occupancy = forward_backward(sequence(4, 20, 0), torch.zeros(1, 9, 20), torch.tensor([9]))
    assert float(total) < 0
    torch.testing.assert_close(occupancy.sum(2), torch.ones(1, 9))
