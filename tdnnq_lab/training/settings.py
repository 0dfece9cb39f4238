"""What one training run is asked to do: a dataclass that travels as JSON, and the learning rate it gives."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPTIMISERS = ("adam", "adamw", "muon", "sgd")
# These change neither the arithmetic nor its order, so a resumed run may change them.
FREE_TO_CHANGE = ("checkpoint_every", "checkpoint_seconds", "keep", "log_every", "threads", "time_limit")


@dataclass(frozen=True)
class TrainSettings:
    """Settings of `train`; every field is a JSON value, so `TrainSettings(**json.loads(text))` reads it back.

    Attributes:
        updates: batches to train on in all (a skipped batch counts, so that schedules stay where they are).
        seed: seeds Python, numpy and torch at the start of the run.
        learning_rate: at its highest.
        final_learning_rate: reached by exponential decay at the last update; None: no decay.
        warm_up: updates over which the rate rises linearly to its place on the decay.
        optimiser: "adam", "adamw", "muon" (matrices; Adam for the rest) or "sgd" (with `momentum`).
        momentum: of "sgd".
        weight_decay: the optimiser's; in "adam" and "sgd" it is an l2 term of the gradient.
        gradient_clip: largest norm of the whole gradient; None: no limit.
        average_from: the final weights are the mean over the updates after this share of them; 1: the last
            weights as they are.
        average_decay: if given, an exponential mean (decay an update, from `average_from` on) takes its place.
        max_skips: so many batches in a row that are not finite end the run with an error.
        checkpoint_every: updates between checkpoints; 0: by time only.
        checkpoint_seconds: seconds between checkpoints; 0: by updates only.
        keep: checkpoints kept (the newest ones).
        log_every: updates between lines of `metrics.jsonl`.
        threads: torch threads; None: as they are. Another number of threads may change the last bit of a sum.
        time_limit: seconds after which this call checkpoints and stops; the schedules do not follow it.
    """

    updates: int
    seed: int = 0
    learning_rate: float = 1e-3
    final_learning_rate: float | None = None
    warm_up: int = 0
    optimiser: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    gradient_clip: float | None = 5.0
    average_from: float = 0.8
    average_decay: float | None = None
    max_skips: int = 10
    checkpoint_every: int = 0
    checkpoint_seconds: float = 60.0
    keep: int = 2
    log_every: int = 20
    threads: int | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; ValueError names the field and what it may be."""
        final, limit, decay = self.final_learning_rate, self.time_limit, self.average_decay
        rules = {
            "updates": (self.updates >= 1, "at least 1"),
            "learning_rate": (self.learning_rate > 0, "above 0"),
            "final_learning_rate": (final is None or final > 0, "above 0, or None for no decay"),
            "warm_up": (self.warm_up >= 0, "at least 0"),
            "optimiser": (self.optimiser in OPTIMISERS, f"one of {', '.join(OPTIMISERS)}"),
            "momentum": (0 <= self.momentum < 1, "from 0 to below 1"),
            "weight_decay": (self.weight_decay >= 0, "at least 0"),
            "gradient_clip": (self.gradient_clip is None or self.gradient_clip > 0, "above 0, or None"),
            "average_from": (0 <= self.average_from <= 1, "a share from 0 to 1"),
            "average_decay": (decay is None or 0 < decay < 1, "between 0 and 1, or None for a plain mean"),
            "max_skips": (self.max_skips >= 1, "at least 1"),
            "checkpoint_every": (self.checkpoint_every >= 0, "at least 0"),
            "checkpoint_seconds": (self.checkpoint_seconds >= 0, "at least 0"),
            "keep": (self.keep >= 1, "at least 1"),
            "log_every": (self.log_every >= 1, "at least 1"),
            "threads": (self.threads is None or self.threads >= 1, "at least 1, or None"),
            "time_limit": (limit is None or limit > 0, "seconds above 0, or None"),
        }
        for name, (holds, wanted) in rules.items():
            if not holds:
                raise ValueError(f"TrainSettings.{name} is {getattr(self, name)!r}; it has to be {wanted}.")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON values."""
        return dataclasses.asdict(self)


def learning_rate(settings: TrainSettings, update: int) -> float:
    """Return the learning rate of update number `update` (0 … updates - 1).

    It decays exponentially from `learning_rate` at the first update to `final_learning_rate` at the last,
    as Kaldi's trainers do by effective rate, times a linear rise over the first `warm_up` updates.
    """
    rise = min(1.0, (update + 1) / settings.warm_up) if settings.warm_up else 1.0
    if settings.final_learning_rate is None:
        return settings.learning_rate * rise
    share = update / max(1, settings.updates - 1)
    return settings.learning_rate * (settings.final_learning_rate / settings.learning_rate) ** share * rise


def first_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return "field: old -> new" for the first field that must not change between two runs, None if none did."""
    for name in sorted({*old, *new} - set(FREE_TO_CHANGE)):
        if old.get(name) != new.get(name):
            return f"{name}: {old.get(name)!r} there, {new.get(name)!r} now"
    return None
