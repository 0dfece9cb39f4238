"""The compiled loops: graphs of every layout, at every width, with batches of unequal lengths, against the textbook."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.lfmmi import fast, forward_backward, forward_backward_reference
from tdnnq_lab.lfmmi.layout import Arcs, Tied, layout, prepare

torch.set_num_threads(1)


def chain_graph(seed: int, states: int, share: float) -> Fsa:
    """As a denominator: pdf 2s on the arcs into state s, 2s + 1 on its self-loop, the given share of all arcs."""
    rng = np.random.default_rng(seed)
    source, destination = np.nonzero(rng.random((states, states)) < share)
    loops = np.arange(states)
    arcs = np.concatenate(
        [
            np.stack([source, destination, 2 * destination], 1),
            np.stack([source[:2], destination[:2], 2 * destination[:2]], 1),  # parallel ones
            np.stack([loops, loops, 2 * loops + 1], 1),
        ]
    )
    scores = rng.normal(size=len(arcs)) - 2
    scores[rng.random(len(arcs)) < 0.02] = -math.inf
    initial = np.where(rng.random(states) < 0.3, rng.normal(size=states), -np.inf)
    initial[0] = 0.0
    final = np.where(rng.random(states) < 0.5, rng.normal(size=states), -np.inf)
    final[-1] = 0.0
    order = rng.permutation(len(arcs))
    values = (arcs[order].astype(np.int32), *(v.astype(np.float32) for v in (scores[order], initial, final)))
    return Fsa(*map(torch.from_numpy, values))


def agrees(fsa: Fsa, lengths: list[int], leaky: float, seed: int = 0, pdfs: int | None = None) -> None:
    """Totals and occupancies of a batch are the reference's, and nothing is written beyond the lengths."""
    shape = (len(lengths), max(lengths), pdfs or fsa.num_pdfs)
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3
    total, occupancy = forward_backward(fsa, logits, torch.tensor(lengths), leaky=leaky)
    for b, n in enumerate(lengths):
        want, gamma = forward_backward_reference(fsa, logits[b, :n], leaky=leaky)
        assert float(total[b]) == pytest.approx(float(want), rel=1e-9, abs=1e-9)
        torch.testing.assert_close(occupancy[b, :n], gamma.float(), atol=1e-5, rtol=1e-4)
        assert not occupancy[b, n:].any()


@pytest.mark.parametrize(("share", "rows"), [(0.2, 0), (0.65, None), (1.0, 21)])
@pytest.mark.parametrize("batch", [1, 3, 4, 7, 8, 11])
def test_graphs_whose_pdf_belongs_to_the_destination(share: float, rows: int | None, batch: int) -> None:
    fsa = chain_graph(3, 21, share)
    graph = prepare(fsa)
    assert isinstance(graph, Tied)
    if rows is None:
        assert 0 < len(graph.dense) < 21  # some groups dense, some not
    else:
        assert len(graph.dense) == rows
    lengths = [(7 * b + 5) % 19 for b in range(batch)]
    for leaky in (0.0, 0.1):
        agrees(fsa, lengths, leaky, seed=batch, pdfs=45)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), states=st.integers(1, 12), share=st.floats(0.05, 1.0), batch=st.integers(1, 9))
def test_any_graph_in_every_layout(seed: int, states: int, share: float, batch: int) -> None:
    fsa = chain_graph(seed, states, share)
    lengths = np.random.default_rng(seed).integers(0, 8, batch).tolist()
    logits = torch.randn(batch, 8, fsa.num_pdfs, generator=torch.Generator().manual_seed(seed)) * 3
    want = [forward_backward_reference(fsa, logits[b, :n], leaky=0.1) for b, n in enumerate(lengths)]
    for tied, dense in ((math.inf, 1.0), (0.0, 2.0), (0.0, 0.5), (0.0, 0.0)):
        graph, occupancy = layout(fsa, tied, dense), np.zeros(logits.shape, np.float32)
        assert isinstance(graph, Tied) == (tied == 0)
        width = min(w for w in fast.runners(graph) if w >= min(batch, 4))
        for first in range(0, batch, width):
            places = list(range(first, min(first + width, batch)))
            job = fast.job(graph, places, lengths, width)
            fast.compute(job, logits.numpy(), occupancy, 0.1)
            for k, b in enumerate(places):
                if math.isfinite(float(want[b][0])):
                    assert job.total[k] == pytest.approx(float(want[b][0]), rel=1e-9, abs=1e-9)
                    assert job.apart[k] < fast.AGREEMENT
                    np.testing.assert_allclose(occupancy[b, : lengths[b]], want[b][1].numpy(), atol=1e-5)


def test_graphs_without_structure_keep_their_arcs() -> None:
    rng = np.random.default_rng(0)
    arcs = torch.from_numpy(np.stack([rng.integers(0, n, 60) for n in (20, 20, 30)], 1).astype(np.int32))
    assert isinstance(layout(Fsa(arcs, torch.zeros(60), torch.zeros(20), torch.zeros(20))), Arcs)


def test_pdfs_that_a_graph_lacks_cost_and_change_nothing() -> None:
    """A frame's largest output may be of a pdf that no arc has: far above, it must not drown the others."""
    fsa = chain_graph(1, 5, 0.5)
    logits = torch.randn(1, 6, 40)
    want = forward_backward(fsa, logits, torch.tensor([6]))
    logits[0, :, 39] = 5000.0
    got = forward_backward(fsa, logits, torch.tensor([6]))
    assert all(torch.equal(a, b) for a, b in zip(want, got, strict=True))


def test_a_graph_without_arcs_has_no_path() -> None:
    empty = Fsa(torch.zeros(0, 3, dtype=torch.int32), torch.zeros(0), torch.zeros(1), torch.zeros(1))
    total, occupancy = forward_backward(empty, torch.zeros(2, 3, 2), torch.tensor([3, 0]))
    assert total.tolist() == [-math.inf, 0.0]
    assert not occupancy.any()


def test_jobs_run_to_their_longest_utterance_and_share_graphs() -> None:
    a, b = chain_graph(0, 6, 0.9), chain_graph(1, 6, 0.9)
    lengths = [5, 50, 6, 49, 7, 51, 4, 52]
    jobs = fast.plan([a] * 8, lengths, range(8), threads=2)
    assert [sorted(job.places) for job in jobs] == [[1, 3, 5, 7], [0, 2, 4, 6]]
    assert [max(job.steps) for job in jobs] == [52, 7]
    assert [len(job.steps) for job in fast.plan([a] * 8, lengths, range(8), threads=1)] == [8]
    mixed = fast.plan([a, b] * 4, lengths, range(8), threads=1)
    assert sorted(sorted(job.places) for job in mixed) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_utterances_are_split_over_threads_only_where_that_saves_lanes() -> None:
    tied, plain = chain_graph(0, 6, 0.9), line_of_two()
    for fsa, count, threads, widths in (
        (tied, 4, 2, [4]),
        (tied, 8, 4, [4, 4]),
        (tied, 17, 2, [8, 8, 8]),
        (plain, 4, 2, [2, 2]),
        (plain, 2, 2, [1, 1]),
        (plain, 3, 1, [4]),
    ):
        jobs = fast.plan([fsa] * count, [5] * count, range(count), threads)
        assert [len(job.steps) for job in jobs] == widths
        assert sorted(b for job in jobs for b in job.places) == list(range(count))


def line_of_two() -> Fsa:
    """Two phones in a row."""
    return Fsa(
        torch.tensor([[0, 1, 0], [1, 1, 1], [1, 2, 2], [2, 2, 3]], dtype=torch.int32),
        torch.zeros(4),
        torch.tensor([0.0, -math.inf, -math.inf]),
        torch.tensor([-math.inf, -math.inf, 0.0]),
    )


def test_one_utterance_of_a_numerator_takes_one_lane() -> None:
    line = line_of_two()
    assert [len(job.steps) for job in fast.plan([line], [9], [0], threads=2)] == [1]
    agrees(line, [9], 0.0)
    agrees(line, [9, 4, 7], 0.0)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_type_and_strides(kind: torch.dtype) -> None:
    fsa = chain_graph(2, 6, 0.8)
    logits = torch.randn(3, fsa.num_pdfs, 7).to(kind).transpose(1, 2)
    total, occupancy = forward_backward(fsa, logits, torch.tensor([7, 5, 7]))
    want = forward_backward(fsa, logits.float().contiguous(), torch.tensor([7, 5, 7]))
    assert occupancy.dtype == torch.float32
    torch.testing.assert_close(total, want[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(occupancy, want[1], rtol=1e-4, atol=1e-6)


def test_widths_agree_bit_for_bit() -> None:
    """So threads and the company in a batch change no digit."""
    fsa = chain_graph(5, 15, 0.9)
    logits, lengths = torch.randn(1, 12, 30), [12]
    for tied in (0.0, math.inf):
        graph, seen = layout(fsa, tied), []
        for width in fast.runners(graph):
            job, occupancy = fast.job(graph, [0], lengths, width), np.zeros((1, 12, 30), np.float32)
            fast.compute(job, logits.numpy(), occupancy, 0.1)
            seen.append((job.total[0], occupancy.tobytes()))
        assert len(seen) > 1
        assert set(seen) == {seen[0]}
