"""Tiny models and plans to pack."""

import torch

from tdnnq_lab.models import Tdnnf, TdnnfConfig, layers
from tdnnq_lab.quantize import BITS, BitPlan


def toy_model(seed: int = 0, **changes) -> Tdnnf:
    """A network of a few hundred weights with batch norm that is not the default, in evaluation mode."""
    shape = {"input_dim": 3, "hidden_dim": 6, "bottlenecks": (3, 2), "strides": (1, 3), "prefinal_dim": 4}
    torch.manual_seed(seed)
    model = Tdnnf(TdnnfConfig(**{**shape, "num_pdfs": 7, **changes}))
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer))
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.1)
    model.set_input_transform(torch.randn(model.config.input_dim), torch.rand(model.config.input_dim) + 0.5)
    return model.eval()


def toy_plan(model: Tdnnf, bits: int | None = None, **more) -> BitPlan:
    """The same bits everywhere, or every width in turn."""
    return BitPlan({name: bits or BITS[i % len(BITS)] for i, name in enumerate(layers(model))}, **more)
