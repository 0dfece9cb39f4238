"""Outputs come from the folded network; of the scales, the smallest that is as good as the best is chosen."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch

from tdnnq_lab.experiments import evaluate
from tdnnq_lab.experiments.evaluate import best_scale, network_outputs
from tdnnq_lab.models import Tdnnf, TdnnfConfig

REFERENCES = {f"u{i:03d}": ["a", "b", "c", "d", "e"] for i in range(200)}


def with_errors(count: int) -> dict[str, list[str]]:
    """What was said, with a wrong word in each of the first `count` utterances."""
    wrong = sorted(REFERENCES)[:count]
    return {id: ["a", "b", "x", "d", "e"] if id in wrong else words for id, words in REFERENCES.items()}


def test_a_scale_that_wins_by_a_word_or_two_is_not_taken() -> None:
    found = {0.5: with_errors(80), 0.7: with_errors(38), 0.85: with_errors(37), 1.2: with_errors(36)}
    assert best_scale(REFERENCES, found) == 0.7


def test_a_scale_that_wins_clearly_is_taken() -> None:
    assert best_scale(REFERENCES, {0.7: with_errors(120), 1.0: with_errors(60), 1.4: with_errors(90)}) == 1.0


def test_many_small_differences_are_significant() -> None:
    """Six errors more, within a tenth of the fewest, and never one less: p is 0.014."""
    assert best_scale(REFERENCES, {0.7: with_errors(106), 1.0: with_errors(100)}) == 1.0


def test_on_a_handful_of_words_nothing_is_significant_and_the_fewest_errors_win() -> None:
    few = {"u": ["a", "b", "c"]}
    assert best_scale(few, {0.5: {"u": ["x", "y", "c"]}, 1.0: {"u": ["a", "b", "c"]}, 2.0: {"u": ["a", "b"]}}) == 1.0


def test_of_equal_scales_the_smallest() -> None:
    assert best_scale(REFERENCES, {2.0: with_errors(3), 1.0: with_errors(3), 0.5: with_errors(30)}) == 1.0


def test_outputs_are_those_of_the_model_by_its_folded_form(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Tdnnf(TdnnfConfig(6, 16, (4, 5), (1, 3), 8, 7))
    model(torch.randn(8, 40, 6) + 1.0)  # statistics of batch norm
    before, features = copy.deepcopy(model.state_dict()), torch.randn(3, 30, 6)
    batches = [
        SimpleNamespace(ids=["a", "b"], features=features[:2], lengths=torch.tensor([30, 17])),
        SimpleNamespace(ids=["c"], features=features[2:], lengths=torch.tensor([4])),
    ]
    monkeypatch.setattr(evaluate, "Batches", lambda cuts, batch_size: batches)
    cuts = [SimpleNamespace(duration=0.3)] * 3
    monkeypatch.setattr(model, "forward", lambda *inputs: pytest.fail("the network as trained is slower"))
    found = network_outputs(model, cuts)  # type: ignore[arg-type]
    assert not model.training
    assert found.real_time_factor > 0
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    monkeypatch.undo()
    for id, row, n in zip("abc", features, [30, 17, 4], strict=True):
        torch.testing.assert_close(found.logits[id], model(row[None, :n])[0].detach(), rtol=1e-4, atol=1e-4)
    assert list(found.logits) == ["a", "b", "c"]
