"""Split outputs: the same function at first, probabilities shared."""

import pytest
import torch

from tdnnq_lab.models import split_outputs
from tdnnq_lab.models.presets import small

SOURCE = torch.tensor([0, 0, 3, 2, 3, 3, 1, 4])


def test_outputs_are_copies_and_probabilities_are_shared():
    torch.manual_seed(0)
    model = small(num_pdfs=5).eval()
    torch.nn.init.normal_(model.xent.output.bias)
    split = split_outputs(model, SOURCE)
    features = torch.randn(2, 60, 40)
    (chain, xent), (chain_split, xent_split) = (m(features, heads="both") for m in (model, split))
    assert torch.allclose(chain_split, chain[..., SOURCE], atol=1e-5)
    shared = torch.exp(xent_split)
    for pdf in range(5):
        together = shared[..., pdf == SOURCE].sum(-1)
        assert torch.allclose(together, torch.exp(xent[..., pdf]), rtol=1e-4)
    assert split.config.num_pdfs == 8
    assert not split.training


def test_what_is_not_there_is_refused():
    model = small(num_pdfs=5)
    with pytest.raises(ValueError, match="output 5; this model has 5"):
        split_outputs(model, torch.tensor([0, 5]))
    with pytest.raises(ValueError, match="whole numbers"):
        split_outputs(model, torch.tensor([0.5]))
