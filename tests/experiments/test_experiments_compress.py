"""Fine-tuning to fewer bits moves weights further: its rate follows from the plan."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tdnnq_lab.experiments import compress as room
from tdnnq_lab.experiments.acoustic import Recipe
from tdnnq_lab.experiments.compress import FitSettings, Variant, compress
from tdnnq_lab.models import Tdnnf, TdnnfConfig, layers
from tdnnq_lab.quantize import BitPlan


class Seen(Exception):
    """The rate that `fit` was called with."""


@pytest.mark.parametrize("given", [None, 3e-4])
def test_the_rate_is_that_of_the_average_over_weights(
    given: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: Any, learning_rate: float, **__: Any) -> None:
        raise Seen(learning_rate)

    monkeypatch.setattr(room, "fit", fit)
    monkeypatch.setattr(room, "Criterion", lambda *_: None)
    model = Tdnnf(TdnnfConfig(6, 16, (4, 5), (1, 3), 8, 7))
    sizes = {name: layer.parameters for name, layer in layers(model).items()}
    first = max(sizes, key=lambda name: sizes[name])
    plan = BitPlan(bits={name: 2 if name == first else 6 for name in sizes})
    average = 6 - 4 * sizes[first] / sum(sizes.values())
    want = given or 1e-3 * 2 ** (2 - average)
    parts: Any = (model, Variant("mixed", 4), plan, SimpleNamespace(denominator=None), None, tmp_path)
    with pytest.raises(Seen) as seen:
        compress(*parts, FitSettings(5, given), recipe=Recipe())
    assert seen.value.args[0] == pytest.approx(want)


def test_every_bit_more_halves_it() -> None:
    rates = [FitSettings().rate(bits) for bits in (1, 2, 2.5, 4, 8)]
    assert rates == sorted(rates, reverse=True)
    assert rates[1] == 1e-3
    assert rates[3] / rates[4] == pytest.approx(16)
    assert FitSettings(learning_rate=5e-4).rate(8) == 5e-4
    assert FitSettings(learning_rate=0.0).rate(8) == 0.0
