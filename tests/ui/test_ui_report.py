"""Reports are checked before they are shown, and one sentence says what is wrong."""

import copy
import json
from pathlib import Path

import pytest

from tdnnq_lab.ui import check_report, load_report
from tdnnq_lab.ui.report import duration, interval, number, size


def test_made_up_report_survives_json(report: dict, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert load_report(path) == report


def test_missing_and_truncated_files(report: dict, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        load_report(tmp_path / "nowhere.json")
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report, indent=1)[:300], encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.json, line \d+: not JSON"):
        load_report(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "tdnnq-lab report 99"}, "format is 'tdnnq-lab report 99'"),
        ({"sets": []}, "sets is missing or empty"),
        ({"sets": {"a": 1}}, "sets must be a list of objects"),
        ({"sets": [{"words": 3, "wer": 1.0}]}, r"sets\[0\]\.name is missing"),
        ({"sets": [{"name": "a", "wer": 1.0}]}, r"sets\[0\] \(a\) has no words"),
        ({"sets": [{"name": "a", "words": 3, "wer": "low"}]}, r"sets\[0\]\.wer is 'low', not a number"),
        ({"sets": [{"name": "a", "words": 3, "wer": 1.0, "wer_interval": 2.0}]}, r"wer_interval is 2\.0"),
        (
            {"sets": [{"name": "a", "words": 3, "wer": 1.0, "errors_by_speaker": [{"speaker": "s", "words": 3}]}]},
            r"errors_by_speaker\[0\] needs",
        ),
        ({"learning_curve": [1, 2]}, "learning_curve must be a list of objects"),
        ({"headroom": [{"bits": 4}]}, r"headroom\[0\] needs bits"),
    ],
)
def test_faults_are_named(report: dict, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_report({**copy.deepcopy(report), **change})
    with pytest.raises(ValueError, match="object, not list"):
        check_report([report])


def test_numbers_for_people() -> None:
    assert number(1234567) == "1,234,567"
    assert number(12.375, 2) == "12.38"
    assert number(float("inf")) == number(None) == number("x") == "–"
    assert interval([1.04, 2.06]) == "1.0 to 2.1"
    assert interval([1.0, float("nan")]) == interval(None) == ""
    assert [duration(s) for s in (0, 59.4, 59.6, 3599.6)] == ["0.0 s", "59 s", "1 min 0 s", "1 h 0 min"]
    assert [size(b) for b in (0, 999, 1000, 3.96e9)] == ["0 bytes", "999 bytes", "1.0 kB", "4.0 GB"]
