"""Checkpoints as safetensors files with a JSON header: atomic, never pickle, the last ones kept."""

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .files import write_atomic

FORMAT = "tdnnq-lab training 1"
_KEY = "tdnnq_lab"  # one key only: the order of several in the header would differ from run to run


class DamagedFile(ValueError):
    """A file of ours that was cut short or never completed."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts into one safetensors file, atomically; the same input gives the same bytes.

    Args:
        path: the file.
        tensors: by name; each is copied, so two names may share one tensor.
        facts: JSON values, kept in the header.

    Raises:
        OSError: the disk is full or not writable; an older file of that name is untouched.
    """
    header = {_KEY: json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    copies = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    write_atomic(path, lambda temporary: save_file(copies, temporary, metadata=header))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        DamagedFile: (a ValueError) the file is cut short.
        ValueError: the file is not a safetensors file, or not one of ours.
        FileNotFoundError: there is none.
    """
    with open(path, "rb") as file:
        start = file.read(9)
    if len(start) == 9 and start[8:] != b"{" and any(start):
        raise ValueError(f"{path} is not a safetensors file; move it out of the run directory.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise DamagedFile(f"{path} is damaged or cut short ({error}).") from error
    facts = _facts(metadata.get(_KEY))
    if facts.get("format") != FORMAT:
        raise ValueError(
            f"{path} was not written by this training loop (no '{FORMAT}' in its header); move it out of the "
            "run directory or use the version that wrote it."
        )
    return tensors, facts


def checkpoint_path(run_dir: Path, update: int) -> Path:
    """Return the name of the checkpoint after `update` updates."""
    return run_dir / f"checkpoint-{update}.safetensors"


def checkpoints(run_dir: Path) -> list[Path]:
    """Return the checkpoints of a run directory, oldest first."""
    found = {}
    for path in run_dir.glob("checkpoint-*.safetensors"):
        if match := re.fullmatch(r"checkpoint-(\d+)\.safetensors", path.name):
            found[int(match.group(1))] = path
    return [found[update] for update in sorted(found)]


def keep_newest(run_dir: Path, keep: int) -> None:
    """Remove all checkpoints but the `keep` newest."""
    for path in checkpoints(run_dir)[:-keep]:
        path.unlink(missing_ok=True)


def read_newest(run_dir: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest checkpoint that is whole; None if there is no checkpoint.

    A damaged one is set aside as `….damaged`, with a warning, and the one before is taken.

    Raises:
        ValueError: a checkpoint is not ours, or there are checkpoints and all are damaged.
    """
    found = checkpoints(run_dir)
    for path in reversed(found):
        try:
            return path, *read_tensors(path)
        except DamagedFile as damage:
            path.rename(path.with_name(path.name + ".damaged"))
            warnings.warn(f"{damage} Set aside as {path.name}.damaged; trying the one before.", stacklevel=2)
    if found:
        raise ValueError(
            f"No checkpoint in {run_dir} is whole (last tried: {found[0].name}); remove the folder to start anew."
        )
    return None


def load_into(model: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Copy weights and buffers into a model.

    Raises:
        ValueError: a name or a shape does not fit; names the file and the first tensor that does not.
    """
    wanted = model.state_dict()
    for name in sorted({*wanted, *weights}):
        there = tuple(weights[name].shape) if name in weights else "nothing"
        here = tuple(wanted[name].shape) if name in wanted else "nothing"
        if there != here:
            raise ValueError(
                f"{path} does not fit the model: {name} is {there} in the file and {here} in the model; "
                "build the model with the settings it was trained with."
            )
    model.load_state_dict(dict(weights))


def _facts(text: str | None) -> dict[str, Any]:
    try:
        facts = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return facts if isinstance(facts, dict) else {}
