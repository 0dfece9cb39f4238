"""What people look at: plotly figures, the report page, tables for the terminal and the README.

The only room that imports plotly and ipywidgets. Pages, tables and figures are drawn from a report (`report.json`,
described in `ui.report`), so a page can be made again from a recorded run without running anything. Widgets for
notebooks (`budget_explorer`, `own_plan`, `measure_button`, `dashboard`, `listen`, `flip`, …) load at their first use:
they need the extra `lab`.
"""

import importlib
from typing import Any

from .budget_figures import differences, plan_over_sensitivities, size_against_errors
from .examples import compare
from .field_picture import needed_frames, receptive_field
from .figures import errors_by_accent, errors_by_set, errors_by_speaker, headroom, learning_curve
from .graph_picture import graph, trellis
from .occupancy_picture import occupancies
from .page import report_page, write_page
from .paper import curves
from .picture import static_picture
from .rank_picture import low_rank, singular_values, weights_by_layer
from .report import check_report, load_report
from .svg import static_svg
from .tables import readme_table, terminal_table

WIDGETS = {
    "budget_explorer": "budget_widgets",
    "dashboard": "run_dashboard",
    "flip": "slides",
    "listen": "listening",
    "measure_button": "budget_widgets",
    "own_plan": "budget_widgets",
    "player": "listening",
    "shown": "slides",
    "transcribe_own": "own_file",
}

__all__ = [
    "budget_explorer",
    "check_report",
    "compare",
    "curves",
    "dashboard",
    "differences",
    "errors_by_accent",
    "errors_by_set",
    "errors_by_speaker",
    "flip",
    "graph",
    "headroom",
    "learning_curve",
    "listen",
    "load_report",
    "low_rank",
    "measure_button",
    "needed_frames",
    "occupancies",
    "own_plan",
    "plan_over_sensitivities",
    "player",
    "readme_table",
    "receptive_field",
    "report_page",
    "shown",
    "singular_values",
    "size_against_errors",
    "static_picture",
    "static_svg",
    "terminal_table",
    "transcribe_own",
    "trellis",
    "weights_by_layer",
    "write_page",
]


def __getattr__(name: str) -> Any:
    """Load a widget at its first use (PEP 562), since the page and the tables do without ipywidgets."""
    if name not in WIDGETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{WIDGETS[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name in ("ipywidgets", "matplotlib", "PIL"):
            raise ModuleNotFoundError(f"ui.{name} needs {error.name}: pip install 'tdnnq-lab[lab]'") from None
        raise
    return value
