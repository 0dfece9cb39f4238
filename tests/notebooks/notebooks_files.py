"""Where the notebooks are, and what is in their cells."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def read(name: str) -> dict[str, Any]:
    """A notebook as JSON."""
    return json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))


def source(cell: dict[str, Any]) -> str:
    """The text of a cell."""
    return "".join(cell["source"])


def place(notebook: dict[str, Any], text: str) -> int:
    """Which cell of code holds a text; it must be exactly one."""
    (found,) = [k for k, c in enumerate(notebook["cells"]) if c["cell_type"] == "code" and text in source(c)]
    return found


def solutions(notebook: dict[str, Any]) -> dict[str, str]:
    """Code of each unfolding solution, by its title."""
    pattern = r"<summary>(Solution[^<]*)</summary>\s*```python\n(.*?)```"
    return dict(found for cell in notebook["cells"] for found in re.findall(pattern, source(cell), re.S))


def picture(page: str) -> bool:
    """Whether a page holds a described image, and no SVG: a lab that does not trust a notebook would drop that."""
    return bool(re.search(r'<img alt="[^"]{20,}" src="data:image/svg\+xml;base64,', page)) and "<svg" not in page


def saved_outputs(name: str) -> str:
    """What the cells with NBVAL_CHECK_OUTPUT printed; the notebook is small and was run from top to bottom."""
    notebook = read(name)
    assert (NOTEBOOKS / name).stat().st_size <= 300_000
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    checked = [cell for cell in code if "# NBVAL_CHECK_OUTPUT" in source(cell)]
    assert len(checked) >= 4
    return "".join(str(cell["outputs"]) for cell in checked)


def reads_without_a_kernel(notebook: dict[str, Any], pictures: Iterable[str], *, beside_print: bool = False) -> None:
    """No widget is saved, which an idle lab would show as an error; nothing is fetched; these cells show pictures.

    One each, and nothing else, or with `beside_print` printed lines at most.
    """
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert "application/vnd.jupyter.widget-view+json" not in data
            whole = "".join("".join(value) for value in data.values() if isinstance(value, list | str))
            assert not re.search(r'(?:src|href)="(?!data:)', whole)
    assert "widgets" not in notebook["metadata"]
    for text in pictures:
        outputs = notebook["cells"][place(notebook, text)]["outputs"]
        (output,) = [output for output in outputs if not (beside_print and output["output_type"] == "stream")]
        page = "".join(output["data"]["text/html"])
        assert picture(page), text


def has_its_parts(notebook: dict[str, Any], exercises: int) -> None:
    """Goals, needs, time, memory, a question to answer first, exercises with solutions, what to remember."""
    text = "\n".join(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for part in ("**Goals.**", "**Needs.**", "**Time.**", "**Memory.**", "What to remember", "Question, before you"):
        assert part in text
    assert len(solutions(notebook)) == exercises
    assert json.dumps(notebook).count("check_") >= exercises


def stub(notebook: dict[str, Any], check: str) -> str:
    """The cell of an exercise, as the student finds it."""
    return source(notebook["cells"][place(notebook, f"import {check}")])
