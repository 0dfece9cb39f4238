"""Puts a report's table and picture into a Markdown file: `python -m tdnnq_lab.ui.readme REPORT MARKDOWN`.

What stands between `<!-- demo:begin -->` and `<!-- demo:end -->` is replaced (`--block NAME`: of another pair of
marks). Where the report has a learning curve, a picture is drawn beside it as `picture.svg`. REPORT may also be the
folder of kept baselines, or of recorded benchmarks: then their tables are put there. With `--check` nothing is written:
the exit status is 1 when the text differs.
"""

import argparse
import os
import sys
from pathlib import Path

from . import speed
from .picture import static_picture
from .report import Report, load_report
from .tables import readme_table


def region(report: Report, picture: str) -> str:
    """The Markdown between the marks: the table, and the picture (a path relative to the Markdown file)."""
    if not report.get("learning_curve"):
        return f"\n{readme_table(report)}\n"
    names = ", ".join(entry["name"] for entry in report["sets"])
    more = ", the plan, and size against errors" if report.get("systems") and report.get("plan") else ""
    link = "," if more else ", and"
    return f"\n{readme_table(report)}\n\n![Word errors on {names}{link} the learning curve{more}]({picture})\n"


def replaced(text: str, inside: str, name: str = "README.md", block: str = "demo") -> str:
    """The text with what stands between the marks replaced.

    Raises:
        ValueError: A mark is missing, twice there, or they stand in the wrong order.
    """
    begin, end = f"<!-- {block}:begin -->", f"<!-- {block}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{name}: needs one line {begin} and below it one line {end}")
    before, rest = text.split(begin)
    return before + begin + inside + end + rest.split(end)[1]


def update(
    report_path: str | os.PathLike, readme_path: str | os.PathLike, *, check: bool = False, block: str = "demo"
) -> bool:
    """Bring a Markdown file up to date with a report.

    Args:
        report_path: A `report.json`; `picture.svg` is drawn in its folder. Or a folder of kept baselines, or of
            recorded benchmarks.
        readme_path: The Markdown file with the two marks.
        check: Only say whether the text would change; nothing is written.
        block: The name in the marks.

    Returns:
        Whether the text changed, or with `check` would change.

    Raises:
        FileNotFoundError: One of the files is not there.
        ValueError: The report or the marks are not as they should be.
    """
    readme, report = Path(readme_path), None
    picture = Path(report_path).with_name("picture.svg")
    if (Path(report_path) / "lfmmi.json").is_file():
        inside = f"\n{speed.markdown(Path(report_path))}"
    elif Path(report_path).is_dir():
        from ..experiments.frozen import markdown  # brings torch

        inside = f"\n{markdown(Path(report_path))}"
    else:
        report = load_report(report_path)
        inside = region(report, Path(os.path.relpath(picture.resolve(), readme.resolve().parent)).as_posix())
    old = readme.read_text(encoding="utf-8")
    new = replaced(old, inside, str(readme), block)
    if not check:
        if report and report.get("learning_curve"):
            static_picture(report, picture)
        temporary = readme.with_name(readme.name + ".tmp")
        temporary.write_text(new, encoding="utf-8")
        os.replace(temporary, readme)
    return new != old


def main(arguments: list[str] | None = None) -> int:
    """The command line; errors are one sentence."""
    parser = argparse.ArgumentParser(prog="python -m tdnnq_lab.ui.readme", description=__doc__.splitlines()[0])
    parser.add_argument("report", help="the run's report.json")
    parser.add_argument("markdown", help="the Markdown file with the two marks")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the text differs")
    parser.add_argument("--block", default="demo", help="the name in the marks")
    options = parser.parse_args(arguments)
    try:
        changed = update(options.report, options.markdown, check=options.check, block=options.block)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.check and changed:
        print(f"{options.markdown} differs from {options.report}: run this without --check", file=sys.stderr)
    return int(options.check and changed)


if __name__ == "__main__":
    sys.exit(main())
