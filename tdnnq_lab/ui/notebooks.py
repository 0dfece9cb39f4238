"""Runs notebooks and saves them as pages want them: `python -m tdnnq_lab.ui.notebooks NOTEBOOK…`.

Every output is saved except the widgets themselves: a lab that has not run the cell, or a web page, could not show
them. The still pictures that they come with are what is seen there.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

LIMIT = 300_000  # bytes of a saved notebook
WIDGET = "application/vnd.jupyter.widget-view+json"
NEEDS = "needs nbclient: pip install 'tdnnq-lab[dev]'"


def run(path: str | os.PathLike, *, timeout: int = 600) -> float:
    """Run a notebook from its first cell to its last and save it in place.

    Args:
        path: an .ipynb file; its kernel starts in its folder.
        timeout: seconds that one cell may take.

    Returns:
        Seconds that it took.

    Raises:
        ModuleNotFoundError: nbclient is not installed (it comes with the extra `dev`).
        ValueError: a cell failed (named, with its error), or the notebook is larger than 300 kB. Nothing is saved then.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is missing; this {NEEDS}") from None
    path, start = Path(path), time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=timeout, resources={"metadata": {"path": str(path.resolve().parent)}},
        store_widget_state=False, record_timing=False,
    )  # fmt: skip
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"{path}: a cell failed: {error.ename}: {error.evalue}") from error
    text = nbformat.writes(as_page(notebook)).rstrip() + "\n"
    if len(text.encode()) > LIMIT:
        raise ValueError(f"{path}: {len(text.encode()):,} bytes with its outputs; at most {LIMIT:,} are wanted")
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return time.monotonic() - start


def as_page(notebook: Any) -> Any:
    """The notebook without its widgets, timings and versions: what a page shows, and what differs little next time."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.pop(WIDGET, None) is not None:
                data["text/plain"] = "a widget: run the cell to use it"
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """The command line; errors are one sentence."""
    parser = argparse.ArgumentParser(prog="python -m tdnnq_lab.ui.notebooks", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", help="the .ipynb files")
    for path in parser.parse_args(arguments).notebooks:
        try:
            seconds = run(path)
        except (OSError, ValueError, ModuleNotFoundError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{path}: {seconds:.0f} s, {Path(path).stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
