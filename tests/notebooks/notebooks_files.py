"""Where the notebooks are, and what is in their cells."""

import json
import re
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
