"""Totals and occupancies against enumeration of every path, finite differences, and one another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.lfmmi import forward_backward, forward_backward_reference, sparse_torch
from tdnnq_lab.lfmmi.layout import prepare

torch.set_num_threads(1)


def random_fsa(seed: int, states: int = 4, arcs: int = 9, pdfs: int = 3, ends: float = 0.6) -> Fsa:
    rng = np.random.default_rng(seed)
    table = np.stack([rng.integers(0, n, arcs) for n in (states, states, pdfs)], 1).astype(np.int32)
    initial = np.where(rng.random(states) < 0.5, rng.normal(size=states), -np.inf).astype(np.float32)
    initial[0] = 0.0
    final = np.where(rng.random(states) < ends, rng.normal(size=states), -np.inf).astype(np.float32)
    scores = rng.normal(size=arcs).astype(np.float32)
    return Fsa(*(torch.from_numpy(x) for x in (table, scores, initial, final)))


def enumerate_paths(fsa: Fsa, x: np.ndarray, leaky: float) -> tuple[float, np.ndarray]:
    """Sum over every sequence of arcs, with a leak as an extra choice before each arc and at the end."""
    arcs, scores = fsa.arcs.tolist(), fsa.scores.double().exp().tolist()
    initial, final = fsa.initial.double().exp().tolist(), fsa.final.double().exp().tolist()
    states, frames, total, occupancy = range(fsa.num_states), len(x), 0.0, np.zeros_like(x)

    def jump(s: int, r: int) -> float:
        return float(s == r) + leaky * initial[r]

    for path in itertools.product(range(len(arcs)), repeat=frames):
        if not path:
            total += sum(initial[s] * jump(s, r) * final[r] for s in states for r in states)
            continue
        weight = sum(initial[s] * jump(s, arcs[path[0]][0]) for s in states)
        for a, b in itertools.pairwise(path):
            weight *= jump(arcs[a][1], arcs[b][0])
        weight *= math.prod(scores[a] for a in path) * sum(jump(arcs[path[-1]][1], r) * final[r] for r in states)
        weight *= math.exp(sum(x[t, arcs[a][2]] for t, a in enumerate(path)))
        total += weight
        for t, a in enumerate(path):
            occupancy[t, arcs[a][2]] += weight
    return (math.log(total), occupancy / total) if total else (-math.inf, occupancy)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 4), leaky=st.sampled_from([0.0, 0.1, 1.5]))
def test_against_enumeration(seed: int, frames: int, leaky: float) -> None:
    fsa = random_fsa(seed, arcs=6)
    x = np.random.default_rng(seed + 1).normal(size=(frames, 3)) * 3
    want, occupancy = enumerate_paths(fsa, x, leaky)
    logits = torch.from_numpy(x).float()[None]
    lengths = torch.tensor([frames])
    for total, gamma in (
        forward_backward(fsa, logits, lengths, leaky=leaky),
        sparse_torch.run([fsa], logits, lengths, leaky),
        tuple(y[None] for y in forward_backward_reference(fsa, logits[0], leaky=leaky)),
    ):
        assert total.dtype == torch.float64
        assert float(total[0]) == pytest.approx(want, abs=1e-5)
        np.testing.assert_allclose(gamma[0].numpy(), occupancy, atol=1e-5)


def test_gradient_by_finite_differences() -> None:
    fsa = random_fsa(5, states=6, arcs=20, ends=1.0)
    logits = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lengths = torch.tensor([7, 5])
    leaf = logits.clone().requires_grad_()
    total, _ = forward_backward(fsa, leaf, lengths, leaky=0.2)
    (total * torch.tensor([1.0, -2.0])).sum().backward()
    for b, t, p in [(0, 0, 0), (0, 6, 2), (1, 4, 1), (1, 5, 1)]:
        moved = []
        for sign in (1, -1):
            shifted = logits.clone()
            shifted[b, t, p] += sign * 1e-3
            moved.append(forward_backward(fsa, shifted, lengths, leaky=0.2)[0])
        slope = float(((moved[0] - moved[1]) * torch.tensor([1.0, -2.0])).sum()) / 2e-3
        assert float(leaf.grad[b, t, p]) == pytest.approx(slope, abs=2e-4)


@pytest.mark.parametrize("leaky", [0.0, 0.1])
def test_fast_equals_reference_at_training_size(leaky: float) -> None:
    fsa = random_fsa(3, states=400, arcs=4000, pdfs=80, ends=1.0)
    logits = torch.randn(9, 120, 80, generator=torch.Generator().manual_seed(1)) * 4
    lengths = torch.tensor([120, 120, 119, 90, 77, 60, 31, 2, 1])
    total, occupancy = forward_backward(fsa, logits, lengths, leaky=leaky)
    joined, gamma = sparse_torch.run([fsa] * 9, logits, lengths, leaky)
    for b, n in enumerate(lengths.tolist()):
        want, posterior = forward_backward_reference(fsa, logits[b, :n], leaky=leaky)
        for got, seen in ((total[b], occupancy[b]), (joined[b], gamma[b])):
            assert float(got) == pytest.approx(float(want), rel=1e-9)
            torch.testing.assert_close(seen[:n], posterior.float(), atol=1e-5, rtol=1e-4)
            assert not seen[n:].any()


def test_threads_and_batch_size_change_nothing() -> None:
    fsa = random_fsa(3, states=40, arcs=400, pdfs=8, ends=1.0)
    logits = torch.randn(7, 30, 8, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([30, 3, 22, 30, 9, 1, 28])
    together = forward_backward(fsa, logits, lengths, leaky=0.1)
    torch.set_num_threads(2)
    try:
        again = forward_backward([fsa] * 7, logits, lengths, leaky=0.1)
    finally:
        torch.set_num_threads(1)
    alone = [forward_backward(fsa, logits[b : b + 1], lengths[b : b + 1], leaky=0.1) for b in range(7)]
    for k in range(2):
        assert torch.equal(together[k], again[k])
        torch.testing.assert_close(together[k], torch.cat([a[k] for a in alone]), rtol=1e-12, atol=1e-7)


def test_underflow_goes_to_the_log_domain() -> None:
    """A path that falls 2,000 nats behind and then is the only one left: doubles lose it, logs must not."""
    arcs = torch.tensor([[0, 0, 0], [0, 1, 1], [1, 1, 1]], dtype=torch.int32)
    two = Fsa(arcs, torch.zeros(3), torch.tensor([0.0, -math.inf]), torch.tensor([-math.inf, 0.0]))
    logits = torch.zeros(1, 40, 2)
    logits[0, :20, 1] = -100.0  # state 1 is unlikely early on …
    logits[0, 20:, 0] = -1000.0  # … and state 0 afterwards
    logits[0, 10:12, 1] = -2500.0
    total, occupancy = forward_backward(two, logits, torch.tensor([40]))
    want, gamma = forward_backward_reference(two, logits[0])
    assert float(total) == pytest.approx(float(want), rel=1e-9)
    torch.testing.assert_close(occupancy[0], gamma.float())


def test_no_path_and_spoiled_logits_stay_harmless() -> None:
    line = Fsa(
        torch.tensor([[0, 1, 0], [1, 2, 1]], dtype=torch.int32),
        torch.zeros(2),
        torch.tensor([0.0, -math.inf, -math.inf]),
        torch.tensor([-math.inf, -math.inf, 0.0]),
    )
    logits = torch.zeros(5, 2, 2)
    logits[1, 1, 1] = math.nan
    logits[2, 0, 0] = math.inf
    logits[3, 0, 0] = -math.inf
    logits.requires_grad_()
    total, occupancy = forward_backward(line, logits, torch.tensor([2, 2, 2, 2, 1]))
    assert total.tolist() == [0.0, -math.inf, -math.inf, -math.inf, -math.inf]
    assert not occupancy[1:].any()
    (total * torch.tensor([1.0, math.nan, math.inf, 2.0, 0.0])).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[1:].any()


def test_nan_beyond_the_length_is_padding() -> None:
    fsa = random_fsa(8, ends=1.0)
    logits = torch.randn(2, 6, 3)
    clean = forward_backward(fsa, logits, torch.tensor([6, 3]))
    logits[1, 3:] = math.nan
    spoiled = forward_backward(fsa, logits, torch.tensor([6, 3]))
    assert all(torch.equal(a, b) for a, b in zip(clean, spoiled, strict=True))


def test_a_graph_changed_in_place_is_prepared_again() -> None:
    fsa = random_fsa(2, arcs=30, ends=1.0)
    x, n = torch.zeros(1, 3, 3), torch.tensor([3])
    before = forward_backward(fsa, x, n)[0]
    kept = prepare(fsa)
    assert prepare(fsa) is kept
    fsa.scores += 1.0
    assert float(forward_backward(fsa, x, n)[0] - before) == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(logits=torch.zeros(3, 4)), r"logits have shape \(3, 4\)"),
        (dict(fsa=[random_fsa(0)] * 3), "3 graphs for a batch of 2"),
        (dict(lengths=torch.tensor([4, 5])), "0 … 4"),
        (dict(lengths=torch.tensor([4.0, 4.0])), "integers needed"),
        (dict(logits=torch.zeros(2, 4, 2)), "model and graph differ"),
        (dict(leaky=-0.1), "negative"),
    ],
)
def test_bad_input_is_named(change: dict, message: str) -> None:
    given = dict(fsa=random_fsa(1), logits=torch.zeros(2, 4, 3), lengths=torch.tensor([4, 4]), leaky=0.0) | change
    with pytest.raises(ValueError, match=message):
        forward_backward(given["fsa"], given["logits"], given["lengths"], leaky=given["leaky"])


def test_the_way_of_a_gpu_equals_the_fast_one_for_shared_graphs_and_for_one_each() -> None:
    shared = random_fsa(3, states=40, arcs=400, pdfs=8, ends=0.4)
    own = [random_fsa(seed, states=3 + seed, arcs=25, pdfs=8) for seed in range(5)]
    logits = torch.randn(5, 20, 8, generator=torch.Generator().manual_seed(2)) * 3
    logits[1, 4] = math.nan
    logits[2, 9:] = math.inf  # beyond the length
    logits[3, 3, :4] = -math.inf
    lengths = torch.tensor([20, 17, 9, 20, 0])
    for graphs in ([shared] * 5, own):
        for leaky in (0.0, 0.1):
            want = forward_backward(graphs, logits, lengths, leaky=leaky)
            got = sparse_torch.run(graphs, logits, lengths, leaky)
            torch.testing.assert_close(got[0], want[0], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(got[1], want[1], rtol=1e-4, atol=1e-6)
    nothing = sparse_torch.run([], logits[:0], lengths[:0], 0.0)
    assert [tuple(x.shape) for x in nothing] == [(0,), (0, 20, 8)]


def test_a_shared_graph_stays_on_the_device_until_it_changes() -> None:
    fsa, x, n = random_fsa(2, arcs=30, ends=1.0), torch.zeros(2, 3, 3), torch.tensor([3, 2])
    before = sparse_torch.run([fsa] * 2, x, n, 0.0)[0]
    kept = sparse_torch.one(fsa, x.device)
    assert sparse_torch.one(fsa, x.device) is kept
    fsa.scores += 1.0
    torch.testing.assert_close(sparse_torch.run([fsa] * 2, x, n, 0.0)[0] - before, torch.tensor([3.0, 2.0]).double())


def test_underflow_on_the_way_of_a_gpu_goes_to_the_log_domain() -> None:
    arcs = torch.tensor([[0, 0, 0], [0, 1, 1], [1, 1, 1]], dtype=torch.int32)
    two = Fsa(arcs, torch.zeros(3), torch.tensor([0.0, -math.inf]), torch.tensor([-math.inf, 0.0]))
    logits = torch.zeros(1, 40, 2)
    logits[0, :20, 1] = -100.0
    logits[0, 20:, 0] = -1000.0
    logits[0, 10:12, 1] = -2500.0
    total, occupancy = sparse_torch.run([two], logits, torch.tensor([40]), 0.0)
    want, gamma = forward_backward_reference(two, logits[0])
    assert float(total) == pytest.approx(float(want), rel=1e-9)
    torch.testing.assert_close(occupancy[0], gamma.float())
