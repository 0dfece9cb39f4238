"""A model as one safetensors file: tensors, and its configuration as JSON in the header."""

from __future__ import annotations

import json
import os

import safetensors
import safetensors.torch

from .config import TdnnfConfig
from .files import write_atomically
from .tdnnf import Tdnnf

FORMAT = "tdnnq-lab model 1"


def save_model(model: Tdnnf, path: str | os.PathLike[str]) -> None:
    """Write a model; under a temporary name first, so that the file is whole or not there.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # One entry: safetensors writes several in no fixed order, and the same model should give the same bytes.
    header = json.dumps({"format": FORMAT, "config": model.config.to_json()})
    write_atomically(path, safetensors.torch.save(tensors, {"tdnnq-lab": header}))


def load_model(path: str | os.PathLike[str]) -> Tdnnf:
    """Read what `save_model` wrote; the model is in evaluation mode, on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is truncated, or not a model of ours.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"{os.fspath(path)}: there is no such file")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("tdnnq-lab", "{}"))
            if metadata.get("format") != FORMAT:
                found = metadata.get("format", "none")
                raise ValueError(f"its format is {found!r}, not {FORMAT!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        model = Tdnnf(TdnnfConfig.from_json(metadata.get("config", "")))
        model.to(tensors["prefinal_l.weight"].dtype).load_state_dict(tensors)
    except (safetensors.SafetensorError, RuntimeError, KeyError, ValueError, OSError) as error:
        raise ValueError(f"{os.fspath(path)}: not a whole model file of ours ({error})") from error
    return model.eval()
