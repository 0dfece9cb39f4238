"""Other outputs for a trained network: when its pdfs are split, what it has learnt stays."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from .tdnnf import Tdnnf


@torch.no_grad()
def split_outputs(model: Tdnnf, source: Tensor) -> Tdnnf:
    """A network with other outputs: output i starts as a copy of the given one's output source[i].

    Args:
        model: any TDNN-F.
        source: [P] whole numbers below the model's number of outputs.

    Returns:
        A new model in the same mode. Its chain outputs are the old ones, so that LF-MMI with graphs whose pdfs are
        split the same way begins where it was. In the cross-entropy head the copies share their output's
        probability, so that they still sum to one.

    Raises:
        ValueError: `source` is of another shape or names an output that is not there.
    """
    old = model.config.num_pdfs
    if source.ndim != 1 or source.is_floating_point() or not len(source):
        raise ValueError(f"source must be a list of whole numbers, not {source.dtype} of shape {tuple(source.shape)}")
    if int(source.min()) < 0 or int(source.max()) >= old:
        raise ValueError(f"source names output {int(source.max())}; this model has {old}, 0 to {old - 1}")
    split = Tdnnf(dataclasses.replace(model.config, num_pdfs=len(source))).to(model.input_mean)
    tensors = model.state_dict()
    for name in ("chain.output.weight", "chain.output.bias", "xent.output.weight", "xent.output.bias"):
        if name in tensors:
            tensors[name] = tensors[name][source]
    if "xent.output.bias" in tensors:
        copies = torch.bincount(source, minlength=old)[source]
        tensors["xent.output.bias"] = tensors["xent.output.bias"] - copies.log()
    split.load_state_dict(tensors)
    split.dropout = model.dropout
    return split.train(model.training)
