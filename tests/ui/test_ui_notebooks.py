"""Notebooks are run and saved with still pictures, or not saved at all."""

from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="nbclient comes with the extra dev")

import nbformat

from tdnnq_lab.ui import notebooks

WIDGET = "from tdnnq_lab import ui\nui.measure_button([4, 2], lambda budget, progress: budget)"


def write(path: Path, *sources: str) -> str:
    cells = [nbformat.v4.new_code_cell(source, id=f"c{k}") for k, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path.read_text(encoding="utf-8")


def test_run_saves_stills(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'found'")
    write(tmp_path / "a.ipynb", "from beside import WORD; WORD", WIDGET)
    assert notebooks.main([str(tmp_path / "a.ipynb")]) == 0
    assert "a.ipynb: " in capsys.readouterr().out
    saved = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    assert saved.cells[0].outputs[0].data["text/plain"] == "'found'"  # it ran in its own folder
    data = saved.cells[1].outputs[0].data
    assert "<table" in data["text/html"]
    assert set(data) == {"text/html", "text/plain"}
    assert "widgets" not in saved.metadata
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.ipynb", "beside.py"]


def test_what_failed_is_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before = write(tmp_path / "a.ipynb", "1 / 0")
    assert notebooks.main([str(tmp_path / "a.ipynb")]) == 1
    assert "a cell failed: ZeroDivisionError: division by zero" in capsys.readouterr().err
    assert (tmp_path / "a.ipynb").read_text(encoding="utf-8") == before
    assert notebooks.main([str(tmp_path / "nowhere.ipynb")]) == 1
    assert "nowhere.ipynb" in capsys.readouterr().err


def test_too_large_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(tmp_path / "a.ipynb", "'x' * 5000")
    monkeypatch.setattr(notebooks, "LIMIT", 3000)
    with pytest.raises(ValueError, match="bytes with its outputs; at most 3,000"):
        notebooks.run(tmp_path / "a.ipynb")
    assert (tmp_path / "a.ipynb").read_text(encoding="utf-8") == before
