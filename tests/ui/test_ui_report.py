"""Reports are checked before they are shown, and one sentence says what is wrong."""

import copy
import json
from pathlib import Path

import pytest

from tdnnq_lab.ui import check_report, load_report
from tdnnq_lab.ui.report import duration, interval, number, p_value, signed, signed_interval, size


def test_made_up_report_survives_json(report: dict, compressed: dict, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for made_up in (report, compressed):
        path.write_text(json.dumps(made_up), encoding="utf-8")
        assert load_report(path) == made_up


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
        ({"systems": [{"name": "full"}]}, r"systems\[0\] needs name"),
        ({"systems": [{"name": "a", "sets": {}, "bytes": "4 MB"}]}, r"systems\[0\]\.bytes is '4 MB', not a number"),
        ({"systems": [{"name": "a", "sets": {"t": {"p": "low"}}}]}, r"\(a\)\.sets\.t\.p is 'low'"),
        ({"systems": [{"name": "a", "sets": {"t": {"interval": [1]}}}]}, r"interval is \[1\], not \[low, high\]"),
        ({"systems": [{"name": "a", "sets": {"t": 3}}]}, r"sets\.t is 3, not an object"),
        ({"listen": [{"reference": "a"}]}, r"listen\[0\] needs reference"),
        (
            {"listen": [{"reference": "a", "hypotheses": {}, "audio": "http://x/y.ogg"}]},
            "does not begin with data:audio/",
        ),
        ({"plan": {"average_bits": 4}}, "plan needs bits"),
        ({"plan": [4]}, "plan needs bits"),
        ({"sensitivity": {"layers": ["a"]}}, "sensitivity needs the lists"),
        ({"sensitivity": {"layers": ["a"], "bits": [1, 2], "values": [[1.0]]}}, "not a table of 1 layers by 2"),
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
    assert [signed(d) for d in (1, -0.126, -0.0001, float("nan"))] == ["+1.00", "-0.13", "0.00", "–"]
    assert signed_interval([-0.5, 1.25], 1) == "-0.5 to +1.2"
    assert signed_interval(None) == signed_interval([0.0, float("inf")]) == ""
    assert [p_value(p) for p in (0.0004, 0.0006, 0.04, 1, None)] == ["<0.001", "0.001", "0.040", "1.000", "–"]
    assert [size(b) for b in (0, 999, 1000, 3.96e9)] == ["0 bytes", "999 bytes", "1.0 kB", "4.0 GB"]
