"""The loop: schedules, averaging, logging, hooks, and batches that are not finite."""

import copy
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from training_toy import ToyBatches, square_error, toy_model, toy_settings, toy_train

from tdnnq_lab.training import (
    ParameterGroup,
    SameEveryEpoch,
    TrainingBatch,
    TrainSettings,
    WeightAverage,
    learning_rate,
    seed_everything,
    train,
    weights_sha256,
)
from tdnnq_lab.training.metrics import Means, read_loss


def lines(run_dir: Path, kind: str = "train") -> list[dict]:
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]


def test_equals_a_loop_written_out(tmp_path):
    """The same updates by hand: plain Adam, clipping, exponential decay, mean of the last weights."""
    settings, batches = toy_settings(updates=10, weight_decay=0.01, gradient_clip=0.5), ToyBatches()
    twin = nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2))
    model = copy.deepcopy(twin)
    train(model, batches, square_error, settings, tmp_path, show=False)

    adam = torch.optim.Adam(twin.parameters(), lr=1.0, weight_decay=0.01, fused=False, foreach=False)
    kept = []
    every = [batch for epoch in range(2) for batch in batches.epoch(epoch)][:10]
    for update, ((x,), (y,), _) in enumerate(every):
        adam.param_groups[0]["lr"] = 0.02 * 0.1 ** (update / 9)
        adam.zero_grad()
        square_error(twin(x), y).backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        adam.step()
        kept.append([p.detach().clone() for p in twin.parameters()])
    for mean, *last in zip(model.parameters(), *kept[5:], strict=True):
        torch.testing.assert_close(mean.data, torch.stack(last).mean(0), rtol=1e-5, atol=1e-6)


def test_learns_and_reports(tmp_path):
    model = toy_model()
    report = toy_train(tmp_path, model=model, updates=300, checkpoint_every=100)
    losses = [row["loss"] for row in lines(tmp_path)]
    assert report.state == "finished"
    assert losses[-1] < 0.3 * losses[0]
    assert report.loss == losses[-1]
    assert lines(tmp_path)[-1]["update"] == report.update == 300
    assert report.epoch == 299 // 7
    parts = report.seconds_by_part
    assert min(parts[p] for p in ("data", "forward", "criterion", "backward", "optimiser", "checkpoint")) > 0
    assert sum(parts.values()) <= report.seconds + 0.01
    assert 0 < report.criterion_share < 1
    assert not model.training


def test_final_file_holds_the_returned_weights(tmp_path):
    model = toy_model()
    report = toy_train(tmp_path, model=model)
    saved = load_file(tmp_path / report.weights)
    assert all(torch.equal(saved[name], tensor) for name, tensor in model.state_dict().items())
    other = toy_model(seed=5)
    again = toy_train(tmp_path, model=other)  # a finished run is not trained again
    assert weights_sha256(other) == weights_sha256(model)
    assert again == report


def test_seed_decides(tmp_path):
    hashes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model = toy_model()
        toy_train(tmp_path / name, model=model, seed=seed)
        hashes.append(weights_sha256(model))
    assert hashes[0] == hashes[1] != hashes[2]


def test_learning_rate_schedule():
    settings = TrainSettings(updates=101, learning_rate=1e-2, final_learning_rate=1e-4, warm_up=10)
    assert learning_rate(settings, 0) == pytest.approx(1e-3)
    assert learning_rate(settings, 50) == pytest.approx(1e-3)
    assert learning_rate(settings, 100) == pytest.approx(1e-4)
    assert learning_rate(TrainSettings(updates=5, learning_rate=0.3), 4) == 0.3


@pytest.mark.parametrize(
    ("field", "value"),
    [("updates", 0), ("learning_rate", -1.0), ("optimiser", "lion"), ("average_from", 1.5), ("threads", 0)],
)
def test_settings_that_cannot_be_meant(field, value):
    with pytest.raises(ValueError, match=rf"TrainSettings\.{field} is {re.escape(repr(value))}"):
        toy_settings(**{field: value})


def test_settings_travel_as_json():
    settings = toy_settings(time_limit=3.5)
    assert TrainSettings(**json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize("decay", [None, 0.9])
def test_average(decay):
    model = nn.Linear(1, 1, bias=False)
    average, values, expected = WeightAverage(model, decay), [3.0, -1.0, 7.0, 2.0], 3.0
    for value in values:
        model.weight.data.fill_(value)
        average.add()
        expected = expected if decay is None else decay * expected + (1 - decay) * value
    average.copy_to_model()
    assert model.weight.item() == pytest.approx(sum(values) / 4 if decay is None else expected)


def test_hooks(tmp_path):
    fractions, steps, epochs, finals, told = [], [], [], [], []

    def finalise(model: nn.Module) -> None:
        finals.append(model[0].weight.detach().clone())
        model[1].running_mean.fill_(4.0)

    def on_epoch(model: nn.Module, epoch: int) -> dict[str, float]:
        epochs.append(epoch)
        model.eval()
        return {"dev": 0.5 + epoch}

    model = toy_model()
    toy_train(
        tmp_path,
        model=model,
        updates=16,
        schedule=lambda model, fraction: fractions.append(fraction),
        after_step=lambda model, update: steps.append((update, model.training)),
        on_epoch=on_epoch,
        finalise=finalise,
        on_progress=told.append,
    )
    assert fractions == [u / 16 for u in range(16)]
    assert steps == [(u, True) for u in range(1, 17)]
    assert epochs == [0, 1, 2]
    assert [(row["update"], row["dev"]) for row in lines(tmp_path, "epoch")] == [(7, 0.5), (14, 1.5), (16, 2.5)]
    assert torch.equal(finals[0], model[0].weight)  # finalise saw the averaged weights, and its change was kept
    assert torch.equal(load_file(tmp_path / "final.safetensors")["1.running_mean"], torch.full((16,), 4.0))
    assert [p.update for p in told] == [4, 8, 12, 16]
    assert told[-1].remaining_seconds == 0


def test_parameter_groups(tmp_path):
    """A factor of 0 trains nothing; a parameter in no group stays; one that is not the model's is refused."""
    model = toy_model()
    before = [p.detach().clone() for p in model.parameters()]
    groups = [ParameterGroup([model[0].weight]), ParameterGroup([model[4].weight], learning_rate_factor=0.0)]
    toy_train(tmp_path, model=model, groups=groups)
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert moved == [True, False, False, False, False, False]
    with pytest.raises(ValueError, match="not the model's"):
        toy_train(tmp_path / "other", groups=[ParameterGroup(list(toy_model().parameters()))])


@pytest.mark.parametrize("optimiser", ["adamw", "muon", "sgd"])
def test_other_optimisers_learn(tmp_path, optimiser):
    toy_train(tmp_path, updates=200, optimiser=optimiser, checkpoint_every=0)
    losses = [row["loss"] for row in lines(tmp_path)]
    assert losses[-1] < 0.7 * losses[0]


@dataclass
class Parts:
    loss: torch.Tensor
    numerator: torch.Tensor
    frames: int
    bad: int
    words: list[str]
    share: float = 0.25


def test_loss_with_parts_is_averaged_over_frames(tmp_path):
    values = iter([(1.0, 10, 0), (4.0, 30, 1)] * 20)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> Parts:
        value, frames, bad = next(values)
        return Parts(square_error(outputs, targets), torch.tensor(value), frames, bad, ["a"])

    toy_train(tmp_path, loss=loss, updates=8, log_every=2)
    for row in lines(tmp_path):
        assert row["numerator"] == pytest.approx((1 * 10 + 4 * 30) / 40)
        assert (row["frames"], row["bad"], row["share"]) == (40, 1, 0.25)
        assert "words" not in row


@dataclass
class Skipping:
    loss: torch.Tensor
    frames: int
    skipped: tuple[int, ...]


def test_utterances_that_the_loss_leaves_out_are_counted_and_named(tmp_path):
    """Two places of every batch; in the third batch all of them, so that there is nothing to learn from."""
    calls = iter(range(100))

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> Skipping:
        if next(calls) == 2:
            return Skipping(outputs.sum() * 0, 0, tuple(range(8)))
        return Skipping(square_error(outputs, targets), 5, (1, 6))

    report = toy_train(tmp_path, loss=loss, updates=14, average_from=1.0)
    expected: dict[str, int] = {}
    for number, (_, _, ids) in enumerate(b for epoch in (0, 1) for b in ToyBatches().epoch(epoch)):
        for name in ids if number == 2 else (ids[1], ids[6]):
            expected[name] = expected.get(name, 0) + 1
    assert report.left_out == expected
    assert [(s["update"], s["reason"]) for s in report.skips] == [(3, "the loss left out every utterance")]
    assert lines(tmp_path)[-1]["left_out"] == len(expected)


def test_means_survive_json():
    means = Means()
    means.add({"loss": 2.0, "frames": 3})
    again = Means(json.loads(json.dumps(means.state)))
    again.add({"loss": 5.0, "frames": 1})
    assert again.values() == {"loss": 11 / 4, "frames": 4}


def test_loss_has_to_be_a_number():
    with pytest.raises(ValueError, match=r"scalar tensor .*\(3,\)"):
        read_loss(torch.zeros(3))
    with pytest.raises(ValueError, match=r"scalar tensor .*NoneType"):
        read_loss(None)


# ---- bad batches ---------------------------------------------------------------------------------------------


class Poisoned(ToyBatches):
    """The batches numbered `bad` (counted over all epochs) hold `value`."""

    def __init__(self, bad: set[int], value: float = math.nan) -> None:
        super().__init__()
        self.bad, self.value = bad, value

    def epoch(self, epoch: int):
        for number, batch in enumerate(super().epoch(epoch), start=epoch * len(self)):
            inputs = batch.inputs[0].clone()
            if number in self.bad:
                inputs[3, 2] = self.value
            yield TrainingBatch((inputs,), batch.targets, batch.ids)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bad_batch_is_skipped_and_named(tmp_path, value):
    model, batches = toy_model(), Poisoned({3, 9}, value)
    report = toy_train(tmp_path, model=model, batches=batches)
    assert report.state == "finished"
    assert report.skipped == 2
    assert [skip["update"] for skip in report.skips] == [4, 10]
    assert report.skips[0]["ids"] == list(batches.epoch(0))[3].ids
    assert lines(tmp_path, "skip")[1]["ids"] == list(batches.epoch(1))[2].ids
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_bad_batch_leaves_no_trace(tmp_path):
    """Only the place in the schedules moves on: the run equals one in which that update does nothing."""
    clean, skipping = toy_model(), toy_model()
    seen: dict[str, list] = {"clean": [], "skipping": []}

    def note(name: str):
        return lambda model, fraction: seen[name].append({k: v.clone() for k, v in model.state_dict().items()})

    toy_train(tmp_path / "a", model=clean, schedule=note("clean"), updates=6)
    toy_train(tmp_path / "b", model=skipping, batches=Poisoned({4}, math.inf), schedule=note("skipping"), updates=6)
    for name, tensor in seen["skipping"][5].items():
        assert torch.equal(tensor, seen["clean"][4][name]), name


def test_bad_loss_and_bad_gradient_are_skipped(tmp_path):
    calls = iter(range(100))

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        call = next(calls)
        if call == 2:
            return square_error(outputs, targets) * math.inf
        if call == 5:
            return (outputs - outputs.detach()).sum().sqrt()  # 0, with an infinite gradient
        if call == 8:
            return torch.tensor(1.0)
        return square_error(outputs, targets)

    report = toy_train(tmp_path, loss=loss)
    assert [(s["update"], s["reason"].split()[1]) for s in report.skips] == [(3, "loss"), (6, "gradient"), (9, "loss")]


def test_too_many_bad_batches_end_the_run(tmp_path):
    model = toy_model()
    with pytest.raises(ValueError, match=r"4 batches in a row .* update 24: NaN in the inputs \(utt"):
        toy_train(tmp_path, model=model, batches=Poisoned(set(range(20, 99))), max_skips=4)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    assert (tmp_path / "checkpoint-20.safetensors").exists()


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    def spoil(model: nn.Module, update: int) -> None:
        if update == 8:
            model[4].bias.data[0] = math.nan

    with pytest.raises(ValueError, match=r"After update 10 4\.bias is not finite"):
        toy_train(tmp_path, after_step=spoil)
    assert sorted(p.name for p in tmp_path.glob("*.safetensors")) == ["checkpoint-5.safetensors"]


def test_no_batch_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no batch to train on"):
        toy_train(tmp_path, batches=SameEveryEpoch([]))

    class Empty(ToyBatches):
        def epoch(self, epoch: int):
            return iter(())

    with pytest.raises(ValueError, match="Epoch 0 has no batch"):
        toy_train(tmp_path, batches=Empty())


def test_a_batch_of_another_shape_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="not Tensor"):
        toy_train(tmp_path, batches=SameEveryEpoch([torch.zeros(2, 3)]))


def test_a_plain_list_serves(tmp_path):
    batches = [((torch.randn(8, 5),), (torch.randn(8, 2),)) for _ in range(3)]
    assert toy_train(tmp_path, batches=batches, updates=7).epoch == 2


def test_display(tmp_path, capsys):
    seed_everything(0)
    toy_train(tmp_path, updates=8, show=True, batches=Poisoned({2}))
    told = capsys.readouterr().err
    assert "update 8/8" in told
    assert "Skipped the batch of update 3: NaN in the inputs (utt" in told
