"""The study's page: it says what its JSON says, and the recorded one is up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tdnnq_lab.ui import study

RECORDED = Path(__file__).parents[2] / "results" / "study"


def errors(words: int) -> dict[str, int]:
    return {"word_errors": words, "words": 200, "phone_errors": 3 * words, "phones": 900}


@pytest.fixture
def result() -> dict:
    alone = {f"{layer} at {bits}": {"test": errors(20 + bits)} for layer in ("tdnn1", "output") for bits in (1, 2)}
    rows = [
        {"measure": "kl", "bits": b, "errors": k, "rho": -0.25, "interval": [-0.5, 0.125], "p": 0.3}
        for b in (1, 2)
        for k in ("word_errors", "phone_errors")
    ]
    table = {"layers": ["tdnn1", "output"], "operations": 40, "naive_operations": 100}
    plans = {"uniform 2": {"errors": {"dev": errors(50), "test": errors(60)}}}
    plans |= {f"random 2.5 #{k}": {"errors": {"dev": errors(10 * k), "test": errors(5)}} for k in (1, 2, 3)}
    full = {"dev": errors(10), "test": errors(20)}
    return {"tables": {"kl": table}, "correlation": rows, "full": full, "alone": alone, "plans": plans}


def test_page(result: dict) -> None:
    text = study.study_page(result)
    assert "| kl | 40 | 40.0% |" in text
    assert "-0.25 (-0.50 to +0.12)" in text
    assert "| uniform 2 | 25.0 | 30.0 |" in text
    assert "| random 2.5: median and range of 3 | 10.0 (5.0 to 15.0) | 2.5 (2.5 to 2.5) |" in text
    assert "| tdnn1 | +1 | +3 | +2 | +6 |" in text


def test_command_writes_and_checks(result: dict, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(json.dumps(result), encoding="utf-8")
    arguments = [str(tmp_path / "study.json"), str(tmp_path / "README.md")]
    assert study.main([*arguments, "--check"]) == 1
    assert study.main(arguments) == 0
    assert study.main([*arguments, "--check"]) == 0


def test_the_recorded_study_is_what_its_page_shows() -> None:
    assert study.main([str(RECORDED / "study.json"), str(RECORDED / "README.md"), "--check"]) == 0
