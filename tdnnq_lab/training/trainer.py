"""The state of a training run between two updates, and what is done with it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .averaging import WeightAverage
from .batches import Batches, all_finite, has_nan, unpack
from .checkpoints import checkpoint_path, keep_newest, load_into, read_newest, read_tensors, write_tensors
from .files import remove_leftovers
from .metrics import Means, MetricsLog, PartTimer, read_loss
from .optimiser import ParameterGroup, make_optimiser, set_learning_rate
from .report import Display, Progress, TrainReport
from .settings import TrainSettings, first_change, learning_rate
from .state import pack_state, random_states, seed_everything, set_random_states, unpack_state
from .stopping import StopSignals

MAX_NAMED_SKIPS = 100
KEPT = ("update", "epoch", "batch", "skipped", "skipped_in_a_row", "skips", "left_out", "last")  # in checkpoints


class Trainer:
    """The state of a run between two updates, and what is done with it."""

    schedule: Callable[[nn.Module, float], None] | None
    after_step: Callable[[nn.Module, int], None] | None
    on_progress: Callable[[Progress], None] | None
    metrics: MetricsLog

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[..., Any],
        settings: TrainSettings,
        folder: Path,
        groups: Sequence[ParameterGroup] | None,
        identity: Mapping[str, Any] | None,
        display: Display,
    ) -> None:
        self.model, self.loss, self.settings, self.folder, self.display = model, loss, settings, folder, display
        self.identity = json.loads(json.dumps(identity or {}))
        self.optimiser = make_optimiser(model, settings, groups)
        if groups:
            self.identity["groups"] = [[g["factor"], g["weight_decay"]] for g in self.optimiser.param_groups]
        self.average = WeightAverage(model, settings.average_decay)
        self.parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.device = self.parameters[0].device
        self.timer = PartTimer(self.device)
        self.means = Means()
        self.last: dict[str, float] = {}  # what the last line of the log said
        self.update = self.epoch = self.batch = 0  # done: updates; epochs; batches of the present epoch
        self.skips: list[dict[str, Any]] = []
        self.skipped = self.skipped_in_a_row = 0
        self.left_out: dict[str, int] = {}  # utterances that the loss left out, and how often
        self.random: tuple[dict[str, torch.Tensor], dict[str, Any]] | None = None  # to go back to on resume
        self.seconds_before = 0.0
        self.started = self.checkpointed = time.monotonic()
        self.started_at = 0

    # ---- beginning and end -------------------------------------------------------------------------------

    def finished(self) -> TrainReport | None:
        """Load the final weights and return the report, if this run is finished."""
        report, weights = self.folder / "training.json", self.folder / "final.safetensors"
        if not (report.exists() and weights.exists()):
            return None
        tensors, facts = read_tensors(weights)
        self._same_run(facts, weights)
        load_into(self.model, tensors, weights)
        self.model.eval()
        return TrainReport.load(report)

    def start_or_resume(self) -> None:
        """Seed everything, or put everything back to where the newest whole checkpoint left it."""
        remove_leftovers(self.folder, "*.safetensors")
        found = read_newest(self.folder)
        if found is None:
            seed_everything(self.settings.seed)
            self.metrics = MetricsLog(self.folder / "metrics.jsonl")
            return
        path, tensors, facts = found
        self._same_run(facts, path)
        unpack_state(tensors, self.model, self.optimiser, self.average, path)
        self.average.count = facts["averaged"]
        for name in KEPT:
            setattr(self, name, facts[name])
        self.means = Means(facts["means"])
        self.timer = PartTimer(self.device, facts["seconds_by_part"])
        self.seconds_before, self.started_at = facts["seconds"], self.update
        self.metrics = MetricsLog(self.folder / "metrics.jsonl", facts["metrics_bytes"])
        self.random = ({n.removeprefix("random."): t for n, t in tensors.items()}, facts["random"])
        self.display.say(f"Resuming from {path.name}.")

    def train(
        self,
        batches: Batches,
        stop: StopSignals,
        on_epoch: Callable[[nn.Module, int], Mapping[str, float] | None] | None,
        finalise: Callable[[nn.Module], None] | None,
    ) -> TrainReport:
        """Run epochs until all updates are done or a stop is wished for."""
        while True:
            self.model.train()
            if not self._train_epoch(batches, stop):
                self.save()
                return self.report("stopped", stop.reason or "time limit")
            if on_epoch:
                with self.timer("evaluation"):
                    figures = on_epoch(self.model, self.epoch) or {}
                self.metrics.write({"kind": "epoch", "update": self.update, "epoch": self.epoch, **figures})
            if self.update >= self.settings.updates:
                return self._finish(finalise)
            self.epoch, self.batch = self.epoch + 1, 0

    def _train_epoch(self, batches: Batches, stop: StopSignals) -> bool:
        """Train on what is left of the present epoch; False if it was cut short by a wish to stop."""
        remaining = self._remaining(batches)
        while self.update < self.settings.updates:
            with self.timer("data"):
                batch = next(remaining, None)
            if batch is None:
                if self.batch == 0:
                    raise ValueError(f"Epoch {self.epoch} has no batch: check that the training set is not empty.")
                return True
            self.step(batch)
            if self.update % self.settings.log_every == 0 or self.update == self.settings.updates:
                self.log()
            if self.update == self.settings.updates or self._checkpoint_due():
                self.save()
            limit = self.settings.time_limit
            if self.update < self.settings.updates and (
                stop.reason or (limit and time.monotonic() - self.started > limit)
            ):
                return False
        return True

    def _remaining(self, batches: Batches) -> Iterator[Any]:
        """Return the iterator over the present epoch, moved on to where a checkpoint was made."""
        remaining = iter(batches.epoch(self.epoch))
        passed = sum(1 for _ in islice(remaining, self.batch))
        if passed < self.batch:
            raise ValueError(
                f"Epoch {self.epoch} has {passed} batches now and had more than {self.batch - 1} when the "
                "checkpoint was made: the training set changed; put it back, or choose a new run directory."
            )
        if self.random is not None:
            set_random_states(*self.random)  # after the passing, which may have drawn numbers
            self.random = None
        return remaining

    def _finish(self, finalise: Callable[[nn.Module], None] | None) -> TrainReport:
        """Turn the averaged weights into the final ones and write them."""
        with self.timer("finalise"):
            self.average.copy_to_model()
            if finalise:
                finalise(self.model)
            self.model.eval()
            self._check_weights()
            facts = {"settings": self.settings.to_json(), "identity": self.identity, "update": self.update}
            write_tensors(self.folder / "final.safetensors", self.model.state_dict(), facts)
        report = self.report("finished", "")
        report.weights = "final.safetensors"
        report.save(self.folder / "training.json")
        return report

    # ---- one update --------------------------------------------------------------------------------------

    def step(self, batch: Any) -> None:
        """Train on one batch, or skip it if anything in it is not finite."""
        inputs, targets, ids = unpack(batch, self.device)
        if self.schedule:
            self.schedule(self.model, self.update / self.settings.updates)
        rate = learning_rate(self.settings, self.update)
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        bad = self._forward_backward(inputs, targets, ids)
        self.update += 1
        self.batch += 1
        if bad:
            with torch.no_grad():  # the batch must not live on in running statistics
                for name, buffer in self.model.named_buffers():
                    buffer.copy_(buffers[name])
            return self.skip(bad, ids)
        self.skipped_in_a_row = 0
        with self.timer("optimiser"):
            set_learning_rate(self.optimiser, rate)
            self.optimiser.step()
            if self.after_step:
                self.after_step(self.model, self.update)
            if self.update > self.settings.average_from * self.settings.updates:
                self.average.add()

    def _forward_backward(self, inputs: tuple[Any, ...], targets: tuple[Any, ...], ids: Sequence[str]) -> str:
        """Leave the clipped gradient in the parameters; return what was not finite, "" if all was."""
        with self.timer("forward"):
            if has_nan(inputs):
                return "NaN in the inputs"
            outputs = self.model(*inputs)
            if not all_finite(outputs):
                return "the model's outputs are not finite"
        with self.timer("criterion"):
            output = self.loss(outputs, *targets)
            loss, parts = read_loss(output)
        self._count_left_out(output, ids)
        if parts.get("frames", 1) == 0:
            return "the loss left out every utterance"
        if not torch.isfinite(loss):
            return "the loss is not finite"
        if not loss.requires_grad:
            return "the loss does not depend on the weights"
        with self.timer("backward"):
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        with self.timer("optimiser"):
            clip = self.settings.gradient_clip
            norm = nn.utils.clip_grad_norm_(self.parameters, float("inf") if clip is None else clip)
        if not torch.isfinite(norm):
            return "the gradient is not finite"
        self.means.add(parts)
        return ""

    def _count_left_out(self, output: Any, ids: Sequence[str]) -> None:
        """Count the utterances that the loss says it left out: places in the batch, as `output.skipped`."""
        places = getattr(output, "skipped", ())
        for place in places if isinstance(places, tuple | list) else ():
            name = ids[place] if place < len(ids) else f"place {place} of a batch"
            self.left_out[name] = self.left_out.get(name, 0) + 1

    def skip(self, reason: str, ids: Sequence[str]) -> None:
        """Count and name a skipped batch; ValueError if too many came in a row."""
        self.skipped += 1
        self.skipped_in_a_row += 1
        entry = {"update": self.update, "reason": reason, "ids": list(ids)}
        if len(self.skips) < MAX_NAMED_SKIPS:
            self.skips.append(entry)
        self.metrics.write({"kind": "skip", **entry})
        named = f" ({', '.join(ids)})" if ids else ""
        self.display.say(f"Skipped the batch of update {self.update}: {reason}{named}.")
        if self.skipped_in_a_row >= self.settings.max_skips:
            raise ValueError(
                f"{self.skipped_in_a_row} batches in a row were skipped, the last at update {self.update}: "
                f"{reason}{named}. Check these inputs, or lower the learning rate in a new run directory."
            )

    # ---- reporting and saving ----------------------------------------------------------------------------

    def seconds(self) -> float:
        """Seconds of training so far, earlier calls included."""
        return self.seconds_before + time.monotonic() - self.started

    def log(self) -> None:
        """Write a line of metrics and report progress."""
        self.last, self.means = self.means.values() or self.last, Means()
        rate = learning_rate(self.settings, self.update - 1)
        seconds, updates = self.seconds(), self.settings.updates
        self.metrics.write(
            {
                **{"kind": "train", "update": self.update, "epoch": self.epoch, "fraction": self.update / updates},
                **self.last,
                **{"learning_rate": rate, "seconds": round(seconds, 3), "skipped": self.skipped},
                "left_out": len(self.left_out),
                "seconds_by_part": self.timer.rounded(),
            }
        )
        pace = (time.monotonic() - self.started) / max(1, self.update - self.started_at)
        left = pace * (updates - self.update)
        loss = self.last.get("loss")
        progress = Progress(self.update, updates, self.epoch, loss, rate, seconds, left, self.skipped)
        self.display.progress(progress)
        if self.on_progress:
            self.on_progress(progress)

    def save(self) -> None:
        """Write a checkpoint of everything the next update depends on."""
        with self.timer("checkpoint"):
            self._check_weights()
            random_tensors, random_facts = random_states()
            tensors = pack_state(self.model, self.optimiser, self.average)
            tensors |= {f"random.{name}": tensor for name, tensor in random_tensors.items()}
            facts = {name: getattr(self, name) for name in KEPT}
            facts |= {
                "settings": self.settings.to_json(),
                "identity": self.identity,
                "random": random_facts,
                "averaged": self.average.count,
            }
            facts |= {"means": self.means.state, "metrics_bytes": self.metrics.bytes, "seconds": self.seconds()}
            facts["seconds_by_part"] = self.timer.seconds
            write_tensors(checkpoint_path(self.folder, self.update), tensors, facts)
            keep_newest(self.folder, self.settings.keep)
        self.checkpointed = time.monotonic()

    def report(self, state: str, reason: str) -> TrainReport:
        """Return the report as of now."""
        return TrainReport(
            state=state,
            reason=reason,
            update=self.update,
            updates=self.settings.updates,
            epoch=self.epoch,
            losses=self.last,
            skipped=self.skipped,
            skips=self.skips,
            left_out=self.left_out,
            seconds=round(self.seconds(), 3),
            seconds_by_part=self.timer.rounded(),
        )

    def _checkpoint_due(self) -> bool:
        every, seconds = self.settings.checkpoint_every, self.settings.checkpoint_seconds
        by_updates = every > 0 and self.update % every == 0
        return by_updates or (seconds > 0 and time.monotonic() - self.checkpointed >= seconds)

    def _check_weights(self) -> None:
        """Refuse to save weights that are not finite: the checkpoint before stays the newest."""
        weights = {name: all_finite(tensor) for name, tensor in self.model.named_parameters()}
        buffers = {name: not has_nan(tensor) for name, tensor in self.model.named_buffers()}  # masks hold -inf
        for name, good in {**weights, **buffers}.items():
            if not good:
                raise ValueError(
                    f"After update {self.update} {name} is not finite, so it was not saved; lower the learning "
                    "rate or look at `after_step` and `finalise`. The last checkpoint is untouched."
                )

    def _same_run(self, facts: Mapping[str, Any], path: Path) -> None:
        """Refuse to go on with other settings or another identity; names the first field that differs."""
        change = first_change(facts["settings"], self.settings.to_json())
        change = change or first_change(facts["identity"], self.identity)
        if change:
            raise ValueError(
                f"{path} belongs to a run with other settings ({change}); put them back, or choose a new run directory."
            )
