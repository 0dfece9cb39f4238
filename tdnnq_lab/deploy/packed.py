"""The packed file: a quantised TDNN-F as one safetensors file of three tensors.

    codes    uint8, every weight's codes bit by bit (`bits.pack_bits`), each weight from a whole byte on
    alphas   float32, every weight's α (one a layer where the plan's cluster is "layer")
    vectors  float16 or float32: biases, batch norm, input transforms

Three, because safetensors spends some 80 bytes of header on each. What lies where is in the header's only entry of
metadata, "tdnnq-lab", as JSON: names and shapes in the order of the data, with the configuration of the model, the
bits of each layer, and a SHA-256 of the whole file in which the digest's own 64 digits count as zeros.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ..models import Tdnnf, TdnnfConfig, write_atomically
from ..quantize import BitPlan, Cluster, Quantized, dequantize, vectors
from .bits import pack_bits, packed_bytes, unpack_bits
from .codes import exact_codes
from .seal import BLANK, is_sealed, sealed

FORMAT, VERSION = "tdnnq-lab packed", 1
_HALF = {16: torch.float16, 32: torch.float32}


@dataclass(frozen=True)
class PackedReport:
    """What a packed file weighs.

    Attributes:
        bytes_on_disk: size of the file.
        bytes_by_part: the same by part: "codes", "alphas", "vectors", "header".
    """

    bytes_on_disk: int
    bytes_by_part: dict[str, int]


@dataclass(frozen=True, eq=False)
class Packed:
    """The content of a packed file.

    Attributes:
        config: the model's shape, without the cross-entropy head.
        plan: bits of each layer, cluster, and bits of the vectors; nothing of what made it.
        weights: codes and α of every weight by its name in the model's `state_dict`.
        vectors: float32 tensors by the same names.
        report: sizes of the file.
    """

    config: TdnnfConfig
    plan: BitPlan
    weights: dict[str, Quantized]
    vectors: dict[str, Tensor]
    report: PackedReport

    def model(self) -> Tdnnf:
        """The model with its weights as float32 values, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):  # the initial weights are drawn, then overwritten
            model = Tdnnf(self.config)
        tensors = {name: dequantize(q) for name, q in self.weights.items()} | self.vectors
        missing, unexpected = model.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if not name.endswith(".batches")]  # counters of training
        if missing or unexpected:
            raise ValueError(f"its tensors do not fit its configuration: {', '.join([*missing, *unexpected])}")
        return model.eval()


def pack(model: nn.Module, plan: BitPlan, path: str | os.PathLike[str]) -> PackedReport:
    """Write a model's codes, α and vectors, and nothing that recognition does not use.

    Weights that are codes · α already (after `quantize.fit` or `round_model` with this plan) keep their values bit
    for bit; others are rounded as `quantize` does. The same model and plan give the same bytes, and so does the
    model that `load` returns.

    Args:
        model: a `Tdnnf`; it is not changed, and its cross-entropy head and counters of training are left out.
        plan: bits of each layer, cluster, and whether vectors take 16 or 32 bits.
        path: the file, written under a temporary name and renamed.

    Returns:
        Bytes on disk, part by part.

    Raises:
        ValueError: not a Tdnnf, a plan that does not fit, a weight or vector that is NaN or infinite, or a value
            in a vector that half precision cannot hold (above 65504): the layer or tensor is named.
        OSError: the file cannot be written.
    """
    if not isinstance(model, Tdnnf):
        raise ValueError(f"only a Tdnnf can be packed for now, not a {type(model).__name__}")
    header, tensors = _contents(model, plan)
    data = sealed(safetensors.torch.save(tensors, {"tdnnq-lab": json.dumps(header, separators=(",", ":"))}))
    write_atomically(path, data)
    return _report(data, tensors)


def load(path: str | os.PathLike[str]) -> Tdnnf:
    """The model in a packed file: weights dequantised to float32, in evaluation mode, without cross-entropy head.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged in any bit, of a newer format version, or not a packed model.
    """
    with _named(path):
        return read_packed(path).model()


def read_packed(path: str | os.PathLike[str]) -> Packed:
    """Codes, α and vectors of a packed file as they are stored. Raises as `load`."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"{os.fspath(path)}: there is no such file")
    with _named(path):
        data = Path(path).read_bytes()
        header = _checked_header(data)
        return _unpacked(header, safetensors.torch.load(data), data)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever goes wrong inside into a ValueError that begins with the file's name."""
    try:
        yield
    except (FileNotFoundError, _Named):
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise _Named(f"{os.fspath(path)}: {error}") from error
    except safetensors.SafetensorError as error:
        raise _Named(f"{os.fspath(path)}: {error}") from error


class _Named(ValueError):
    """A ValueError that names its file already."""


def _contents(model: Tdnnf, plan: BitPlan) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON and the three tensors of a packed file."""
    names = {id(tensor): name for name, tensor in model.named_parameters()}
    index, codes, alphas = [], [], []
    for name, layer in plan.check(model).items():
        quantised = _quantised(name, list(layer.weights), plan)
        shapes = [[names[id(w)], list(w.shape)] for w in layer.weights]
        index.append({"name": name, "bits": plan.bits[name], "weights": shapes})
        codes += [pack_bits(q.codes, q.bits) for q in quantised]
        alphas += [q.alpha.reshape(-1) for q in (quantised[:1] if plan.cluster == "layer" else quantised)]
    kept = {name: _vector(name, tensor, plan.vectors) for name, tensor in vectors(model).items()}
    header = {
        "sha256": BLANK,
        "format": f"{FORMAT} {VERSION}",
        "config": dataclasses.asdict(dataclasses.replace(model.config, xent_head=False)),
        "cluster": plan.cluster,
        "layers": index,
        "vectors": [[name, list(tensor.shape)] for name, tensor in kept.items()],
    }
    tensors = {
        "codes": torch.from_numpy(np.concatenate(codes)),
        "alphas": torch.cat(alphas),
        "vectors": torch.cat([tensor.reshape(-1) for tensor in kept.values()]),
    }
    return header, tensors


def _quantised(name: str, weights: list[Tensor], plan: BitPlan) -> list[Quantized]:
    try:
        return exact_codes(weights, plan.bits[name], plan.cluster)
    except ValueError as error:
        raise ValueError(f"layer {name!r}: {error}") from None


def _vector(name: str, tensor: Tensor, bits: int) -> Tensor:
    """A vector in 16 or 32 bits; ValueError where a value does not survive that."""
    tensor = tensor.detach().cpu()
    if not tensor.isfinite().all():
        raise ValueError(f"vector {name!r} holds NaN or infinity")
    rounded = tensor.to(_HALF[bits])
    if not rounded.isfinite().all():
        largest = float(tensor.abs().max())
        raise ValueError(f"vector {name!r} reaches {largest:g}, beyond {bits} bits: plan with vectors=32")
    return rounded


def _checked_header(data: bytes) -> dict[str, Any]:
    """The JSON of a file that is whole and ours; ValueError for any other."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError("not a safetensors file, or a truncated one")
    try:
        header = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["tdnnq-lab"])
        format, digest = str(header["format"]), str(header.get("sha256"))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise ValueError("not a packed model: its header is damaged or not ours") from None
    found = re.fullmatch(rf"{FORMAT} ([0-9]{{1,9}})", format)
    if not found:
        hint = "; models.load_model reads it" if format.startswith("tdnnq-lab model") else ""
        raise ValueError(f"not a packed model: its format is {format!r}{hint}")
    if int(found[1]) > VERSION:
        raise ValueError(f"its format version {found[1]} is newer than {VERSION}, the last one known: update tdnnq-lab")
    if not is_sealed(data, digest):
        raise ValueError("damaged: its content does not match its checksum; fetch or pack it again")
    return header


def _unpacked(header: dict[str, Any], tensors: dict[str, Tensor], data: bytes) -> Packed:
    """The content of a checked file."""
    codes, alphas = _Reader(tensors["codes"].numpy()), _Reader(tensors["alphas"].numpy())
    cluster: Cluster = tuple(header["cluster"]) if isinstance(header["cluster"], list) else header["cluster"]
    weights: dict[str, Quantized] = {}
    for layer in header["layers"]:
        bits, shared = layer["bits"], None
        for name, shape in layer["weights"]:
            shared = shared if shared is not None and cluster == "layer" else alphas.take_alpha(shape, cluster)
            unpacked = unpack_bits(codes.take(packed_bytes(int(np.prod(shape)), bits)), bits, tuple(shape))
            weights[name] = Quantized(unpacked, shared, bits, "matrix" if cluster == "layer" else cluster)
    values = _Reader(tensors["vectors"].numpy())
    kept = {name: torch.from_numpy(values.take(int(np.prod(s)))).float().reshape(s) for name, s in header["vectors"]}
    for name, reader in (("codes", codes), ("alphas", alphas), ("vectors", values)):
        reader.finish(name)
    plan = BitPlan(
        bits={layer["name"]: layer["bits"] for layer in header["layers"]},
        vectors=8 * tensors["vectors"].element_size(),
        cluster=cluster,
    )
    return Packed(TdnnfConfig(**header["config"]), plan, weights, kept, _report(data, tensors))


class _Reader:
    """One of the three tensors, read from its beginning to its end."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.at = values, 0

    def take(self, count: int) -> np.ndarray:
        """The next `count` values, a copy."""
        self.at += count
        return self.values[self.at - count : self.at].copy()

    def take_alpha(self, shape: list[int], cluster: Cluster) -> Tensor:
        """The α of the next weight, in the shape that `Quantized` has."""
        rows, columns = shape[0], int(np.prod(shape[1:]))
        if cluster in ("matrix", "layer"):
            return torch.from_numpy(self.take(1)).reshape(())
        groups = 1 if cluster == "channel" else -(-columns // min(int(cluster[1]), columns))
        return torch.from_numpy(self.take(rows * groups)).reshape(rows, groups)

    def finish(self, name: str) -> None:
        """ValueError unless everything was read."""
        if self.at != len(self.values):
            raise ValueError(f"it has {len(self.values)} {name}, its header tells of {self.at}")


def _report(data: bytes, tensors: dict[str, Tensor]) -> PackedReport:
    parts = {name: tensors[name].nbytes for name in ("codes", "alphas", "vectors")}
    return PackedReport(len(data), {**parts, "header": len(data) - sum(parts.values())})
