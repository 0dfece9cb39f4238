"""The study of sensitivities as Markdown: `python -m tdnnq_lab.ui.study STUDY_JSON MARKDOWN [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HEAD = """# Which sensitivity predicts errors?

Made by `tdnnq-lab study` on the shipped corpus and the shipped full-precision model; drawn from `study.json`. Weights
are rounded and batch norm is recalibrated, nothing is fine-tuned. One model, one seed: read differences of a point
with care. Measures are those of `precision.sensitivity`.
"""


def study_page(study: Mapping[str, Any]) -> str:
    """Markdown of a `study.json` (as `experiments.study.run_study` returns it): costs, correlations, plans, layers."""
    parts = [HEAD, "## Cost\n", _cost(study["tables"])]
    parts += ["## Rank correlation with the increase in errors, test sets pooled\n"]
    parts += ["Spearman's ρ over 18 layers, each rounded alone (95% interval, layers resampled).\n"]
    parts += [_correlation(study["correlation"])]
    parts += ["## Plans of equal bytes: word errors, %\n", _plans(study["plans"], study["full"])]
    parts += ["## Layer by layer: more word and phone errors, test sets pooled\n", _layers(study)]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _cost(tables: Mapping[str, Any]) -> str:
    head = ("measure", "multiply-adds", "of the naive way's")
    rows = []
    for name, table in tables.items():
        done, naive = table.get("operations"), table.get("naive_operations")
        rows.append((name, f"{done:.3g}", f"{100 * done / naive:.1f}%"))
    return _table(head, rows)


def _correlation(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [(bits, kind) for bits in (1, 2) for kind in ("word_errors", "phone_errors")]
    found = {(r["measure"], r["bits"], r["errors"]): r for r in rows}
    head = ("measure", *(f"{kind.replace('_', ' ')}, {bits} bit{'s' if bits > 1 else ''}" for bits, kind in columns))
    lines = []
    for measure in dict.fromkeys(r["measure"] for r in rows):
        cells = [found[measure, *column] for column in columns]
        lines.append(
            (measure, *(f"{c['rho']:+.2f} ({c['interval'][0]:+.2f} to {c['interval'][1]:+.2f})" for c in cells))
        )
    return _table(head, lines)


def _percent(errors: Mapping[str, int]) -> float:
    return 100 * errors["word_errors"] / errors["words"]


def _plans(plans: Mapping[str, Any], full: Mapping[str, Any]) -> str:
    splits = list(full)
    rows = [("full precision", *(f"{_percent(full[s]):.1f}" for s in splits))]
    drawn: dict[str, list[Any]] = {}
    for name, plan in plans.items():
        if name.startswith("random"):
            drawn.setdefault(name.split(" #")[0], []).append(plan["errors"])
            continue
        rows.append((name, *(f"{_percent(plan['errors'][s]):.1f}" for s in splits)))
    for name, errors in drawn.items():
        cells = []
        for s in splits:
            percents = sorted(_percent(e[s]) for e in errors)
            middle = (percents[(len(percents) - 1) // 2] + percents[len(percents) // 2]) / 2
            cells.append(f"{middle:.1f} ({percents[0]:.1f} to {percents[-1]:.1f})")
        rows.append((f"{name}: median and range of {len(errors)}", *cells))
    return _table(("plan, bits a weight", *splits), rows)


def _layers(study: Mapping[str, Any]) -> str:
    full, alone = study["full"], study["alone"]
    layers = next(iter(study["tables"].values()))["layers"]
    rows = []
    for layer in layers:
        cells = []
        for bits in (1, 2):
            case = alone[f"{layer} at {bits}"]
            tests = [s for s in case if s in full]
            cells += [
                f"{sum(case[s][kind] - full[s][kind] for s in tests):+,}" for kind in ("word_errors", "phone_errors")
            ]
        rows.append((layer, *cells))
    return _table(("layer", "words, 1 bit", "phones, 1 bit", "words, 2 bits", "phones, 2 bits"), rows)


def main(arguments: list[str] | None = None) -> int:
    """The command line; with --check nothing is written, and the exit status is 1 where the text differs."""
    parser = argparse.ArgumentParser(prog="python -m tdnnq_lab.ui.study", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("markdown", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    text = study_page(json.loads(options.study.read_text(encoding="utf-8")))
    if options.check:
        return int(not options.markdown.is_file() or options.markdown.read_text(encoding="utf-8") != text)
    options.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
