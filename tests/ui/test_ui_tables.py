"""Tables and picture for terminal and README."""

import copy
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tdnnq_lab import ui
from tdnnq_lab.ui import readme

ROOT = Path(__file__).resolve().parents[2]


def test_terminal_table_fits_80_columns(report: dict) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(ui.terminal_table(report))
    lines = console.export_text().splitlines()
    rows = [line for line in lines if line.startswith("│")]
    assert len(rows) == len(report["sets"])  # nothing is wrapped
    for entry, row in zip(report["sets"], rows, strict=True):
        assert entry["name"] in row
        assert f"{entry['wer']:.1f}" in row
        assert f"{entry['perplexity']:.1f}" in row


def test_terminal_tables_of_systems_fit_80_columns(compressed: dict) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(ui.terminal_table(compressed))
    lines = console.export_text().splitlines()
    rows = [line for line in lines if line.startswith("│")]
    sets, systems = len(compressed["sets"]), len(compressed["systems"])
    assert len(rows) == sets + systems + sets * (1 + systems)  # nothing is wrapped
    for system in compressed["systems"]:
        (row,) = [row for row in rows if system["label"] in row]
        for figure in (f"{system['bytes']:,}", f"{system['ratio']:.1f}", f"{system['ratio_with_xent']:.1f}"):
            assert figure in row
    mixed = [row for row in rows if row.startswith("│  mixed")]
    for row, entry in zip(mixed, compressed["systems"][1]["sets"].values(), strict=True):
        low, high = entry["interval"]
        assert f"{entry['difference']:+.2f} [{low:+.2f}, {high:+.2f}]" in row
        assert all(figure in row for figure in (f"{entry['wer']:.1f}", f"{entry['per']:.1f}", "0.310", "0.62", "0.012"))


def test_terminal_table_takes_names_literally(report: dict) -> None:
    changed = copy.deepcopy(report)
    changed["sets"][0]["name"] = "[red]x[/red]"
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(ui.terminal_table(changed))
    assert "[red]x[/red]" in console.export_text()


def test_readme_table(report: dict) -> None:
    changed = copy.deepcopy(report)
    changed["sets"][0]["name"] = "a|b"
    head, rule, *rows = ui.readme_table(changed).split("\n\n")[0].splitlines()
    columns = head.count("|")
    assert rule.count("|") == columns
    assert all(len(re.findall(r"(?<!\\)\|", row)) == columns for row in rows)
    assert "a\\|b" in rows[0]
    assert ui.readme_table(report).endswith("Training 5 min 41 s, everything 7 min 16 s, 2 cores, peak memory 2.1 GB.")


def test_readme_tables_of_systems(report: dict, compressed: dict) -> None:
    changed = copy.deepcopy(compressed)
    changed["systems"][1]["label"] = "mixed | 4"
    sizes, errors, _, *rest = ui.readme_table(changed).split("\n\n")
    for table, rows in ((sizes, 3), (errors, 9)):
        head, *lines = table.splitlines()
        assert len(lines) == rows + 1
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {head.count("|")}
    assert "391,204" in sizes
    assert "mixed \\| 4" in sizes
    entry = compressed["systems"][1]["sets"]["hard"]
    assert f"| hard | mixed \\| 4 | {entry['wer']:.1f} (" in errors
    assert f"| {entry['difference']:+.2f} ({entry['interval'][0]:+.2f} to {entry['interval'][1]:+.2f}) |" in errors
    assert "\n\n".join(rest) == ui.readme_table(report)  # what stood there before stands below


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_static_picture_is_the_same_each_time(report: dict, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib comes with the extra lab; the SVG twins are tested without")
    first = ui.static_picture(report, tmp_path / f"a{ending}").read_bytes()
    assert first == ui.static_picture(report, tmp_path / f"b{ending}").read_bytes()
    assert 5_000 < len(first) < 150_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{ending}", f"b{ending}"]


def test_picture_grows_with_the_report(report: dict, compressed: dict, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib comes with the extra lab")
    heights = [
        float(re.search(r'viewBox="0 0 \S+ (\S+)"', ui.static_picture(r, tmp_path / "p.svg").read_text()).group(1))
        for r in (report, compressed)
    ]
    assert heights[1] == 2 * heights[0]


def test_static_picture_refuses_other_endings(report: dict, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.svg or \.png"):
        ui.static_picture(report, tmp_path / "picture.pdf")


@pytest.fixture
def files(report: dict, tmp_path: Path) -> tuple[Path, Path]:
    pytest.importorskip("matplotlib", reason="matplotlib comes with the extra lab")
    run = tmp_path / "results" / "demo"
    run.mkdir(parents=True)
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    text = "# Head\n\nkeep é\n<!-- demo:begin -->\nold\n<!-- demo:end -->\ntail\n"
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    return run / "report.json", tmp_path / "README.md"


def test_readme_region_is_replaced_and_checked(files: tuple[Path, Path]) -> None:
    arguments = [str(path) for path in files]
    assert readme.main([*arguments, "--check"]) == 1
    assert readme.main(arguments) == 0
    text = files[1].read_text(encoding="utf-8")
    assert text.startswith("# Head\n\nkeep é\n")
    assert text.endswith("<!-- demo:end -->\ntail\n")
    assert "old" not in text
    assert "(results/demo/picture.svg)" in text
    assert files[0].with_name("picture.svg").is_file()
    assert readme.main([*arguments, "--check"]) == 0
    assert not readme.update(*files)  # a second time changes nothing


def test_readme_shows_kept_baselines(tmp_path: Path) -> None:
    record = {"settings": {"flat": {"seed": 0}}, "train_seconds": 60, "model": "ab" * 32, "commit": "c0ffee0" * 5}
    record |= {"parameters": 1234, "command": ["tdnnq-lab", "baseline", "x"]}
    record["results"] = [{"name": "dev", "wer": 40.0, "per": 20.0}]
    folder = tmp_path / "baselines" / "x" / "seed0"
    folder.mkdir(parents=True)
    (folder / "baseline.json").write_text(json.dumps(record), encoding="utf-8")
    text = tmp_path / "README.md"
    text.write_text("<!-- it:begin -->\n<!-- it:end -->\n", encoding="utf-8")
    arguments = [str(tmp_path / "baselines"), str(text), "--block", "it"]
    assert readme.main(arguments) == 0
    assert "**x**, 1,234 parameters" in text.read_text(encoding="utf-8")
    assert "| dev | 40.0 / 20.0 | 40.0 / 20.0 |" in text.read_text(encoding="utf-8")
    assert readme.main([*arguments, "--check"]) == 0
    assert readme.main([str(tmp_path), str(text), "--block", "it"]) == 2  # a folder without baselines


def test_readme_without_marks(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files[1].write_text("no marks", encoding="utf-8")
    assert readme.main([str(path) for path in files]) == 2
    assert "README.md: needs one line <!-- demo:begin -->" in capsys.readouterr().err
    with pytest.raises(ValueError, match="below it"):
        readme.replaced("<!-- demo:end --><!-- demo:begin -->", "x")


def test_readme_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tdnnq_lab.ui.readme", str(tmp_path / "no.json"), "README.md"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "no such report" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("block", "folder"), [("demo", "demo"), ("real", "speechocean762_8k")])
def test_the_readme_shows_the_recorded_runs(block: str, folder: str) -> None:
    report, markdown = ROOT / "results" / folder / "report.json", ROOT / "README.md"
    assert readme.main([str(report), str(markdown), "--check", "--block", block]) == 0
