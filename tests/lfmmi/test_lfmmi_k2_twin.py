"""Against real k2: what it computed once, kept in golden/k2.npz, and live where K2_PYTHON names an interpreter."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.lfmmi import forward_backward, k2_twin, sparse_torch

torch.set_num_threads(1)
SPEC = importlib.util.spec_from_file_location("make_golden", Path(__file__).parent / "golden" / "make_golden.py")
golden: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(golden)
live = pytest.mark.skipif(
    "K2_PYTHON" not in os.environ, reason="K2_PYTHON names no interpreter with k2 (make k2-env makes one)"
)


def equal(got: tuple[torch.Tensor, torch.Tensor], want: tuple[torch.Tensor, torch.Tensor]) -> None:
    """k2's scores are float32: totals to six digits, occupancies to 1e-5."""
    torch.testing.assert_close(got[0], want[0], rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(got[1], want[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["denominator", "numerators", "no path", "no frames"])
def test_golden_totals_and_occupancies_of_k2(name: str) -> None:
    graphs, logits, lengths, total, occupancy = golden.load()[name]
    assert total.dtype == torch.float64
    equal(forward_backward(graphs, logits, lengths), (total, occupancy))
    equal(sparse_torch.run(graphs, logits, lengths, 0.0), (total, occupancy))


def test_golden_file_holds_the_cases_that_its_maker_draws() -> None:
    kept = golden.load()
    assert set(kept) == set(golden.cases())
    assert kept["no path"][3][0] == -math.inf
    with np.load(golden.FILE) as file:
        assert file["versions"][0].startswith("k2 1.")


@live
def test_live_k2_gives_the_golden_values_again() -> None:
    for graphs, logits, lengths, total, occupancy in golden.load().values():
        answer = k2_twin.run_in(None, graphs, logits, lengths)
        equal((answer.total, answer.occupancy), (total, occupancy))


@live
def test_live_k2_on_a_graph_of_some_size_and_on_bad_input() -> None:
    fsa = golden.drawn(7, 60, 500, 30)
    logits = 3 * torch.randn(5, 40, 30, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([33, 40, 0, 12, 40])
    logits[3, 5, 2], logits[4, 1, :7] = math.nan, -math.inf
    answer = k2_twin.run_in(None, fsa, logits, lengths, runs=1)
    equal((answer.total, answer.occupancy), forward_backward(fsa, logits, lengths))
    assert answer.milliseconds > 0
    assert answer.versions["k2"].startswith("1.")


class Paths:
    """What `FakeK2.intersect_dense` gives: sums over k2's own arcs, in logs, by the textbook."""

    def __init__(self, fsas: list[SimpleNamespace], dense: SimpleNamespace) -> None:
        self.fsas, self.dense = fsas, dense

    def get_tot_scores(self, log_semiring: bool, use_double_scores: bool) -> torch.Tensor:
        assert log_semiring
        assert use_double_scores
        totals = []
        for fsa, scores, (_, first, frames) in zip(
            self.fsas, self.dense.scores, self.dense.segments.tolist(), strict=True
        ):
            assert first == 0
            source, destination, label = fsa.arcs[:, :3].long().unbind(1)
            weight = torch.from_numpy(fsa.arcs[:, 3].numpy().view(np.float32)).double()
            states = int(destination.max()) + 1
            alpha = torch.full((states,), -torch.inf, dtype=torch.float64)
            alpha[0] = 0.0
            for t in range(frames + 1):
                here = torch.full((states,), -torch.inf, dtype=torch.float64)
                for a in ((label >= 0) if t < frames else (label < 0)).nonzero().flatten().tolist():
                    heard = scores[t, label[a]].double() if t < frames else 0.0
                    came = alpha[source[a]] + weight[a] + heard
                    if torch.isfinite(came.detach()):
                        here = here.index_put((destination[a],), torch.logaddexp(here[destination[a]], came))
                alpha = here
            totals.append(alpha[states - 1])
        return torch.stack(totals)


class FakeK2:
    """As much of k2 as the twin calls, with k2's demands on what it is given."""

    @staticmethod
    def Fsa(arcs: torch.Tensor) -> SimpleNamespace:
        assert arcs.dtype == torch.int32
        assert bool((arcs[1:, 0] >= arcs[:-1, 0]).all())  # sorted by source
        last = int(arcs[:, :2].max())
        assert torch.equal(arcs[:, 2] == -1, arcs[:, 1] == last)  # -1 leads to the end, and nothing else does
        return SimpleNamespace(arcs=arcs)

    create_fsa_vec = staticmethod(list)

    @staticmethod
    def index_fsa(fsas: list[SimpleNamespace], places: torch.Tensor) -> list[SimpleNamespace]:
        assert places.dtype == torch.int32
        return [fsas[i] for i in places.tolist()]

    @staticmethod
    def DenseFsaVec(scores: torch.Tensor, segments: torch.Tensor) -> SimpleNamespace:
        frames = segments[:, 2].tolist()
        assert segments.dtype == torch.int32
        assert frames == sorted(frames, reverse=True)
        assert min(frames) > 0
        return SimpleNamespace(scores=scores, segments=segments)

    @staticmethod
    def intersect_dense(fsas: list[SimpleNamespace], dense: SimpleNamespace, output_beam: float) -> Paths:
        assert output_beam > 1e6
        return Paths(fsas, dense)


@pytest.fixture
def fake(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "k2", FakeK2)


@pytest.mark.parametrize("name", ["denominator", "numerators", "no path", "no frames"])
def test_conversion_to_k2_loses_and_adds_nothing(fake, name: str) -> None:
    graphs, logits, lengths = golden.cases()[name]
    equal(k2_twin.forward_backward(graphs, logits, lengths), forward_backward(graphs, logits, lengths))


def test_totals_are_differentiable_and_bad_utterances_harmless(fake) -> None:
    fsa, lengths = golden.drawn(0, 4, 14, 3), torch.tensor([2, 4, 3])
    logits = torch.randn(3, 4, 3)
    logits[0, 1, 0], logits[2, 3] = math.nan, math.nan  # the second beyond its length
    leaves = [logits.clone().requires_grad_() for _ in range(2)]
    both = [f(fsa, leaf, lengths) for f, leaf in zip((k2_twin.forward_backward, forward_backward), leaves, strict=True)]
    equal(both[0], both[1])
    assert torch.isfinite(both[0][0]).tolist() == [False, True, True]
    for (total, _), leaf in zip(both, leaves, strict=True):
        (total * torch.tensor([math.nan, 2.0, -1.0])).sum().backward()
        assert torch.isfinite(leaf.grad).all()
    torch.testing.assert_close(leaves[0].grad, leaves[1].grad, rtol=1e-4, atol=1e-5)


def test_what_is_missing_is_named_with_its_remedy(monkeypatch) -> None:
    fsa, logits, lengths = golden.drawn(0, 3, 5, 2), torch.zeros(1, 2, 2), torch.tensor([2])
    monkeypatch.delenv("K2_PYTHON", raising=False)
    monkeypatch.setitem(sys.modules, "k2", None)
    with pytest.raises(ImportError, match="make k2-env"):
        k2_twin.forward_backward(fsa, logits, lengths)
    with pytest.raises(ImportError, match=r"no interpreter with k2 is named.*make k2-env.*K2_PYTHON"):
        k2_twin.run_in(None, fsa, logits, lengths)
    with pytest.raises(ImportError, match=r"no-such-python does not start .*make k2-env"):
        k2_twin.run_in("no-such-python", fsa, logits, lengths)
    with pytest.raises(ValueError, match="k2 has no leaky HMM"):
        k2_twin.forward_backward(fsa, logits, lengths, leaky=0.1)
    with pytest.raises(ValueError, match="2 graphs"):
        k2_twin.forward_backward([fsa, fsa], logits, lengths)


def test_the_program_needs_nothing_of_the_package() -> None:
    """It runs beside a torch that the rest was not written for."""
    source = Path(k2_twin.__file__).read_text()
    assert "from ." not in source
    assert "tdnnq_lab." not in source.replace("`tdnnq_lab.", "")


def test_an_interpreter_without_k2_is_named() -> None:
    fsa = Fsa(torch.tensor([[0, 0, 0]]), torch.zeros(1), torch.zeros(1), torch.zeros(1))
    if importlib.util.find_spec("k2") is not None:
        assert k2_twin.k2_module().__name__ == "k2"
        return
    with pytest.raises(ImportError, match=r"k2 does not import in this interpreter.*make k2-env"):
        k2_twin.run_in(sys.executable, fsa, torch.zeros(1, 2, 1), torch.tensor([2]))
