"""The network's recognition pass as an ONNX graph, written node by node, to time ONNX Runtime on the same work."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..models import BatchNorm, FactoredLayer, Tdnnf
from ..models.batchnorm import EPSILON
from ..models.functional import stacked, taps
from ..models.geometry import Geometry

OPSET, IR = 17, 9


def onnx_twin(model: Tdnnf, frames: int) -> bytes:
    """The chain output of one utterance, features [T, F] (and ivectors [1, D]) to [T', P], as a serialised model.

    The graph does what an export would keep: the frames that `Geometry` names and no others, dilated layers as
    matrix products of the unspliced input, constants computed beforehand, batch norm as a scale and an offset
    after each ReLU. Fusing is left to the runtime.

    Args:
        model: in evaluation mode.
        frames: T, fixed, so that the runtime can plan its memory.

    Raises:
        ImportError: there is no `onnx` (`pip install onnx onnxruntime`).
    """
    from onnx import helper

    config, graph = model.config, _Graph()
    geometry = Geometry(config, frames)
    x, n = _first(graph, model, geometry)
    for i, layer in enumerate(model.hidden_layers.values()):
        if isinstance(layer, FactoredLayer):
            x, n = _factored(graph, layer, x, n, geometry.taps(i))
        if i == geometry.turn:
            left, right = geometry.repeats
            index = np.clip(np.arange(-left, n + right), 0, n - 1)
            x, n = graph.add("Gather", x, index, axis=0), len(index)
    x, head = graph.linear(x, model.prefinal_l), model.chain
    x = graph.norm(graph.add("Relu", graph.linear(x, head.wide.affine)), head.wide.norm)
    x = graph.linear(graph.norm(graph.linear(x, head.linear), head.norm), head.output)
    inputs = [helper.make_tensor_value_info("features", 1, [frames, config.input_dim])]
    if config.ivector_dim:
        inputs.append(helper.make_tensor_value_info("ivectors", 1, [1, config.ivector_dim]))
    outputs = [helper.make_tensor_value_info(x, 1, [geometry.outputs, config.num_pdfs])]
    made = helper.make_graph(graph.nodes, "tdnnf", inputs, outputs, graph.constants)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opset, ir_version=IR).SerializeToString()


class _Graph:
    """Nodes and constants of a graph under construction; a value is the name of what computes it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str | Tensor | np.ndarray, **attributes: Any) -> str:
        """Add a node; inputs that are not names of values become constants."""
        from onnx import helper

        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        self.nodes.append(helper.make_node(kind, names, [f"value{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]

    def constant(self, value: Tensor | np.ndarray) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        array = value.detach().numpy() if isinstance(value, Tensor) else value
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def linear(self, x: str, layer: torch.nn.Linear) -> str:
        """A linear layer."""
        return self.affine(x, layer.weight, layer.bias)

    def affine(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        """x times the transpose of weight, plus bias."""
        return self.add("Gemm", x, weight, *([] if bias is None else [bias]), transB=1)

    def norm(self, x: str, norm: BatchNorm) -> str:
        """Batch norm by its running statistics."""
        scale = (norm.running_var + EPSILON).rsqrt()
        return self.add("Add", self.add("Mul", x, scale), -norm.running_mean * scale)

    def slice(self, x: str, which: slice, axis: int = 0) -> str:
        """Rows (or, along axis 1, columns) of a value."""
        bounds = (which.start, which.stop, axis, which.step or 1)
        return self.add("Slice", x, *(np.array([bound], np.int64) for bound in bounds))


def _first(graph: _Graph, model: Tdnnf, geometry: Geometry) -> tuple[str, int]:
    """Normalisation, splicing, i-vector, LDA and tdnn1; the value and its number of frames."""
    config, positions = model.config, geometry.positions(0)
    x = graph.add("Mul", graph.add("Sub", "features", model.input_mean), model.input_scale)
    index = np.array(positions)[:, None] + np.array(config.splice)
    x = graph.add("Gather", x, index.clip(0, geometry.length - 1), axis=0)
    x = graph.add("Reshape", x, np.array([len(positions), -1]))
    if config.ivector_dim:
        speaker = graph.add("Expand", "ivectors", np.array([len(positions), config.ivector_dim]))
        x = graph.add("Concat", x, speaker, axis=1)
    if model.lda is not None:
        x = graph.affine(x, model.lda[:, :-1], model.lda[:, -1])
    x = graph.norm(graph.add("Relu", graph.linear(x, model.tdnn1.affine)), model.tdnn1.norm)
    return x, len(positions)


def _factored(graph: _Graph, layer: FactoredLayer, x: str, n: int, where: tuple[int, int]) -> tuple[str, int]:
    """A factored layer on a value of n frames; its output and its number of frames."""
    tap, width = taps(n, *where), len(layer.linear.weight)
    before, at, after = tap.slices()
    residual = x if tap.length == n else graph.slice(x, at)
    if tap.reach == 0:
        u = graph.affine(residual, layer.linear.weight)
    else:
        z = graph.affine(x, stacked(layer.linear.weight))
        old, new = (graph.slice(z, slice(k * width, (k + 1) * width), axis=1) for k in range(2))
        first = graph.add("Add", graph.slice(old, before), graph.slice(new, at))
        second = graph.add("Add", graph.slice(old, at), graph.slice(new, after))
        u = graph.add("Concat", first, second, axis=1)
    y = graph.norm(graph.add("Relu", graph.linear(u, layer.affine)), layer.norm)
    bypass = np.array(layer.bypass, np.float32)
    return graph.add("Add", y, graph.add("Mul", residual, bypass)), tap.length
