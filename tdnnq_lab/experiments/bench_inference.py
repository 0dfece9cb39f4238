"""`tdnnq-lab bench inference`: the network's forward pass beside ONNX Runtime's, and a packed model at work."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console, Group
from rich.table import Table
from torch import Tensor

from ..deploy import load, pack
from ..models import BatchNorm, Tdnnf, fold_batchnorm, kaldi_7q, layers, small
from ..quantize import BitPlan, quantize
from .onnx_twin import onnx_twin
from .timing import ROUNDS, keep, milliseconds, side_by_side

NETWORKS: dict[str, Callable[[], Tdnnf]] = {"small()": small, "kaldi_7q()": kaldi_7q}
SECONDS = (3, 10)


def bench_inference(threads: int) -> Group:
    """One utterance through the networks, beside ONNX Runtime where it is installed; a packed model's ways."""
    return Group(forward_table(forward_rows(threads), threads), packed_table(threads))


def forward_table(rows: list[dict[str, Any]], threads: int) -> Table:
    """The rows of `forward_rows` for the terminal."""
    title = f"forward pass, one utterance, float32, {threads} threads, median ms (ratio to ONNX Runtime)"
    table = Table(title=title, title_justify="left")
    for name in ("network", "speech, s", "ONNX Runtime", "Tdnnf", "folded"):
        table.add_column(name, justify="left" if name == "network" else "right")
    for row in rows:
        runtime = f"{row['onnxruntime_ms']:.1f}" if "onnxruntime_ms" in row else "not installed"
        ours = [
            f"{row[f'{kind}_ms']:.1f}" + (f" ({row[f'{kind}_ratio']:.2f})" if f"{kind}_ratio" in row else "")
            for kind in ("tdnnf", "folded")
        ]
        table.add_row(row["network"], str(row["seconds"]), runtime, *ours)
    return table


def forward_rows(threads: int, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Times of each network and length: `Tdnnf.forward`, the folded network, ONNX Runtime and the ratios to it.

    Raises:
        RuntimeError: outputs differ by more than 1e-4.
    """
    torch.set_num_threads(threads)
    rows = []
    for name, network in NETWORKS.items():
        model, features, ivector = drawn(network, 100 * max(SECONDS))
        for seconds in SECONDS:
            row = _compared(model, features[:, : 100 * seconds], ivector, threads, rounds)
            rows.append({"network": name, "seconds": seconds, **row})
    return rows


def drawn(network: Callable[[], Tdnnf], frames: int) -> tuple[Tdnnf, Tensor, Tensor | None]:
    """A drawn network with batch norm as of a trained one, features [1, T, F] and i-vector [1, D] for it.

    Its outputs have unit variance.
    """
    torch.manual_seed(0)
    model = network().eval()
    features = torch.randn(1, frames, model.config.input_dim)
    ivector = torch.randn(1, model.config.ivector_dim) if model.config.ivector_dim else None
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.running_mean.uniform_(0.2, 0.6)
                module.running_var.uniform_(0.3, 1.0)
        deviation = model(features, None, ivector).std()
        model.chain.output.weight.div_(deviation)
        model.chain.output.bias.div_(deviation)
    return model, features, ivector


def _compared(model: Tdnnf, features: Tensor, ivector: Tensor | None, threads: int, rounds: int) -> dict[str, float]:
    folded = fold_batchnorm(model)
    works: dict[str, Callable[[], Any]] = {
        "tdnnf": lambda: model(features, None, ivector),
        "folded": lambda: folded(features, None, ivector),
    }
    runtime = _runtime(model, features, ivector, threads)
    if runtime is not None:
        works["onnxruntime"] = runtime
    with torch.inference_mode():
        outputs = {name: torch.as_tensor(work()) for name, work in works.items()}
        apart = max(float((out - outputs["tdnnf"]).abs().max()) for out in outputs.values())
        if not apart <= 1e-4:
            raise RuntimeError(f"the forward passes of {', '.join(outputs)} differ by {apart:.2g}")
        took = side_by_side(works, rounds, block=0.03)  # short ones: noise of the machine meets all alike
    row = {f"{name}_ms": round(value, 3) for name, value in took.items()}
    if runtime is not None:
        row |= {f"{name}_ratio": round(took[name] / took["onnxruntime"], 3) for name in ("tdnnf", "folded")}
    return row | {"apart": apart}


def _runtime(model: Tdnnf, features: Tensor, ivector: Tensor | None, threads: int) -> Callable[[], Any] | None:
    """The same forward pass in ONNX Runtime, None where it is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    graph = onnx_twin(model, features.shape[1])
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    given = {"features": features[0].numpy()} | ({} if ivector is None else {"ivectors": ivector.numpy()})
    return lambda: session.run(None, given)[0]


def packed_table(threads: int) -> Table:
    """A packed model's way back to words' scores: unpacking, and its forward pass against the unpacked one's."""
    table = Table(title=f"small() at 4 bits, {threads} threads", title_justify="left")
    for name in ("what", "ms", "ratio"):
        table.add_column(name, justify="left" if name == "what" else "right")
    model = small().eval()
    plan = BitPlan(bits=dict.fromkeys(layers(model), 4))
    features = torch.randn(1, 1000, 40, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "model.safetensors"
        pack(model, plan, path)
        packed = load(path)
        full = milliseconds(lambda: model(features))
        rows = {
            "forward, 10 s of speech, float32": full,
            "forward, 10 s of speech, unpacked": milliseconds(lambda: packed(features)),
            "load the packed file": milliseconds(lambda: load(path)),
            "pack": milliseconds(lambda: pack(model, plan, path), runs=3),
            "α of 1536 x 320 at 4 bits": milliseconds(lambda: quantize(torch.randn(1536, 320), 4), runs=3),
        }
    for what, took in rows.items():
        table.add_row(what, f"{took:.1f}", f"{took / full:.2f}")
    return table


def main() -> None:
    """Time the forward passes at each number of threads and keep the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    found = {threads: forward_rows(threads) for threads in options.threads}
    for threads, rows in found.items():
        Console().print(forward_table(rows, threads))
    if options.json:
        keep(options.json, {"threads": found})


if __name__ == "__main__":
    main()
