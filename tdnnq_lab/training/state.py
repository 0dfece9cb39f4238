"""Everything that the next update depends on, as tensors and JSON: so that a killed run continues bit for bit."""

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .averaging import WeightAverage
from .checkpoints import load_into


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's (global) and torch's generators; call it before the model is made, too."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (libraries still draw from the global generator)
    torch.manual_seed(seed)


def random_states() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the states of all generators as (tensors, JSON facts)."""
    version, words, gauss = random.getstate()
    state: dict[str, Any] = np.random.get_state(legacy=False)  # type: ignore[assignment]  # noqa: NPY002
    tensors = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor(words, dtype=torch.int64),
        "numpy": torch.from_numpy(state["state"]["key"].astype(np.int64)),
    }
    if torch.cuda.is_available():
        tensors |= {f"cuda.{i}": s for i, s in enumerate(torch.cuda.get_rng_state_all())}
    facts = {
        "python": [version, gauss],
        "numpy": [int(state["state"]["pos"]), int(state["has_gauss"]), float(state["gauss"])],
    }
    return tensors, facts


def set_random_states(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Put all generators back to the states that `random_states` returned."""
    version, gauss = facts["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), gauss))
    position, has_gauss, gauss = facts["numpy"]
    key = tensors["numpy"].numpy().astype(np.uint32)
    state = {"key": key, "pos": position}
    np.random.set_state(  # noqa: NPY002
        {"bit_generator": "MT19937", "state": state, "has_gauss": has_gauss, "gauss": gauss}
    )
    torch.set_rng_state(tensors["torch"])
    for i in range(torch.cuda.device_count()):
        if f"cuda.{i}" in tensors:
            torch.cuda.set_rng_state(tensors[f"cuda.{i}"], i)


def pack_state(model: nn.Module, optimiser: Optimizer, average: WeightAverage) -> dict[str, Tensor]:
    """Return weights and buffers (`model.…`), optimiser state (`optimiser.<parameter>.…`) and mean (`average.…`)."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    names = _names(model, optimiser)
    for index, entries in optimiser.state_dict()["state"].items():
        for entry, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{names[index]}.{entry}"] = value
    if average.count:
        tensors |= {f"average.{name}": tensor for name, tensor in average.mean.items()}
    return tensors


def unpack_state(
    tensors: Mapping[str, Tensor], model: nn.Module, optimiser: Optimizer, average: WeightAverage, path: Path
) -> None:
    """Put back what `pack_state` returned; ValueError names the file and the first tensor that does not fit."""
    load_into(model, _below(tensors, "model."), path)
    state: dict[int, dict[str, Tensor]] = {}
    indices = {name: index for index, name in enumerate(_names(model, optimiser))}
    for name, tensor in _below(tensors, "optimiser.").items():
        parameter, entry = name.rsplit(".", 1)
        if parameter in indices:
            state.setdefault(indices[parameter], {})[entry] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    for name, tensor in _below(tensors, "average.").items():
        average.mean[name].copy_(tensor)


def weights_sha256(model: nn.Module) -> str:
    """Return a hash over names, types, shapes and values of all weights and buffers of a model."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _names(model: nn.Module, optimiser: Optimizer) -> list[str]:
    """Return the names of the optimiser's parameters, in its order."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [names[id(p)] for group in optimiser.param_groups for p in group["params"]]


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
