"""The recorded benchmarks as Markdown tables, for `docs/speed.md`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def markdown(folder: str | Path) -> str:
    """Tables of lfmmi.json, gpu.json, inference.json, profile.json and orthonormal.json in a folder.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    found = {
        name: json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("lfmmi", "gpu", "inference", "profile", "orthonormal")
    }
    parts = [
        _criterion(found["lfmmi"]),
        _gpu_criterion(found["gpu"]),
        _gpu_step(found["gpu"]),
        _inference(found["inference"]),
        _profile(found["profile"]),
        _orthonormal(found["orthonormal"]),
    ]
    return "\n".join(parts)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---:" for _ in heads) + " |"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return f"**{title}**\n\n" + "\n".join(lines) + "\n"


def _where(record: dict[str, Any]) -> str:
    machine = record["machine"]
    chip = machine.get("gpu") or f"{machine['processor']}, {machine['cores']} cores"
    return f"{chip}, commit `{record['commit'][:7]}`"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _criterion(record: dict[str, Any]) -> str:
    rows = [
        (
            row["graph"], f"{row['states']:,}", f"{row['arcs']:,}", row["utterances"], _ms(row["ours"]),
            _ms(row["plain C"]), f"{row['ratio to C']:.2f}", _ms(row["k2"]), _ms(row["times faster than k2"]),
        )
        for row in record["sizes"]
    ]  # fmt: skip
    title = f"Forward-backward on a CPU, {record['frames']} frames, {record['threads']} threads, ms ({_where(record)})"
    heads = ("graph", "states", "arcs", "utterances", "ours", "plain C", "ours / C", "k2", "k2 / ours")
    return _table(title, heads, rows)


def _gpu_criterion(record: dict[str, Any]) -> str:
    rows = [
        (
            f"{row['states']:,}", f"{row['arcs']:,}", row["utterances"], _ms(row["kernels_ms"]),
            _ms(row["operations_ms"]), _ms(row["cpu_ms"]),
        )
        for row in record["criterion"]
    ]  # fmt: skip
    title = f"Forward-backward on a GPU, 50 frames, ms ({_where(record)})"
    heads = ("states", "arcs", "utterances", "kernels", "torch operations", "the same machine's CPU")
    return _table(title, heads, rows)


def _gpu_step(record: dict[str, Any]) -> str:
    rows = [
        (
            step["network"], *(_ms(ms) for ms in step["parts_ms"].values()), _ms(step["step_ms"]),
            f"{100 * step['criterion_share']:.0f} %", f"{step['times_real_time']:,.0f}",
            f"{step['peak_memory_mb'] / 1e3:.1f}",
        )
        for step in record["steps"]
    ]  # fmt: skip
    size = record["steps"][0]
    den = size["denominator"]
    title = (
        f"A training step of `kaldi_7q()`, {size['chunks']} chunks of {size['frames']} frames, a drawn denominator of "
        f"{den['states']:,} states, {den['arcs']:,} arcs and {den['pdfs']:,} pdfs, ms ({_where(record)})"
    )
    heads = ("network in", *size["parts_ms"], "step", "criterion's share", "times real time", "memory, GB")
    return _table(title, heads, rows)


def _inference(record: dict[str, Any]) -> str:
    rows = [
        (
            row["network"], threads, f"{row['seconds']} s", _ms(row["tdnnf_ms"]), _ms(row["folded_ms"]),
            _ms(row["onnxruntime_ms"]), f"{row['tdnnf_ratio']:.2f}", f"{row['folded_ratio']:.2f}",
        )
        for threads, found in record["threads"].items()
        for row in found
    ]  # fmt: skip
    title = f"The network's forward pass, ms ({_where(record)})"
    heads = ("network", "threads", "speech", "as trained", "folded", "ONNX Runtime", "as trained / ORT", "folded / ORT")
    return _table(title, heads, rows)


def _profile(record: dict[str, Any]) -> str:
    rows = [
        (
            f"{when}, `{found['commit'][:7]}`", threads, *(_ms(ms) for ms in part["ms"].values()),
            _ms(part["total_ms"]), f"{100 * part['shares']['matrix products']:.0f} %",
        )
        for when, found in record.items()
        for threads, part in found["threads"].items()
    ]  # fmt: skip
    parts = next(iter(record["after"]["threads"].values()))["ms"]
    title = "A training step of `small()` without its criterion: before, after, and compiled by `torch.compile`, ms"
    return _table(title, ("commit", "threads", *parts, "all", "in matrix products"), rows)


def _orthonormal(record: dict[str, Any]) -> str:
    rows = [(f"{row['rows']} x {row['columns']}", max(row["steps"])) for row in record["sizes"]]
    title = f"Semi-orthogonal steps from a random matrix to an error of {record['goal']:g} ({_where(record)})"
    return _table(title, ("matrix", "steps"), rows)
