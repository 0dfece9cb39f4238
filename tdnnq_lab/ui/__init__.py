"""What people look at: plotly figures, the report page, tables for the terminal and the README.

The only room that imports plotly. Everything is drawn from a report (`report.json`, described in `ui.report`), so a
page can be made again from a recorded run without running anything.
"""

from .budget_figures import differences, plan_over_sensitivities, size_against_errors
from .figures import errors_by_accent, errors_by_set, errors_by_speaker, headroom, learning_curve
from .page import report_page, write_page
from .picture import static_picture
from .report import check_report, load_report
from .svg import static_svg
from .tables import readme_table, terminal_table

__all__ = [
    "check_report",
    "differences",
    "errors_by_accent",
    "errors_by_set",
    "errors_by_speaker",
    "headroom",
    "learning_curve",
    "load_report",
    "plan_over_sensitivities",
    "readme_table",
    "report_page",
    "size_against_errors",
    "static_picture",
    "static_svg",
    "terminal_table",
    "write_page",
]
