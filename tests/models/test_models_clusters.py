"""Parameter counts of the presets, and the quantisation clusters of any module."""

import pytest
import torch
from models_twin import tiny
from torch import nn

from tdnnq_lab.models import (
    MEDIUM_CANDIDATES,
    Tdnnf,
    TdnnfConfig,
    dropout_at,
    kaldi_7q,
    layers,
    medium,
    paper_row2,
    small,
)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_counts_are_those_of_the_recipe_and_of_the_paper():
    with torch.device("meta"):  # shapes without memory
        kaldi, paper = kaldi_7q(), paper_row2()
    assert count(kaldi) == 18_702_628
    assert count(paper) == 12_420_388
    assert count(paper) - count(paper.xent) == 10_081_682  # what recognition needs


def test_the_small_preset_mirrors_the_recipe():
    with torch.device("meta"):
        model, kaldi = small(), kaldi_7q()
    assert count(model) <= 1_100_000
    assert 4 * count(model) < 4_500_000
    assert model.config.strides == kaldi.config.strides
    assert list(layers(model)) == list(layers(kaldi))


def test_the_medium_preset_is_the_recipe_at_a_fifth_and_its_bottleneck_the_sixth_candidate():
    with torch.device("meta"):
        model, kaldi = medium(num_pdfs=300), kaldi_7q()
    assert 3_000_000 <= count(model) <= 5_000_000
    assert set(model.config.bottlenecks) == {MEDIUM_CANDIDATES[5]} == {96}
    assert len(MEDIUM_CANDIDATES) == 8
    assert model.config.strides == kaldi.config.strides
    # By hand: tdnn1, thirteen layers with stride and one without, prefinal-l, two heads; biases of all but the linears.
    hidden, low, prefinal, pdfs = 640, 96, 128, 300
    factored = 14 * hidden + 13 * 4 * hidden * low + 2 * hidden * low
    head = prefinal * hidden + hidden + hidden * prefinal + prefinal * pdfs + pdfs
    assert count(model) == 120 * hidden + hidden + factored + hidden * prefinal + 2 * head


def test_layers_of_a_tdnnf_hold_its_live_matrices_in_order():
    model = Tdnnf(tiny())
    table = layers(model, training_heads=True)
    names = ["tdnn1", "tdnnf2", "tdnnf3", "tdnnf4", "tdnnf5", "prefinal-l", "prefinal-chain", "output"]
    assert list(table) == [*names, "prefinal-xent", "output-xent"]
    assert list(layers(model)) == names == list(layers(Tdnnf(tiny(xent_head=False)), training_heads=True))
    assert table["tdnnf4"].weights == (model.tdnnf4.linear.weight, model.tdnnf4.affine.weight)
    assert table["tdnnf4"].parameters == 2 * 6 * 3 + 6 * 2 * 3
    matrices = sum(p.numel() for p in model.parameters() if p.dim() == 2)
    assert sum(layer.parameters for layer in table.values()) == matrices


class Lm(nn.Module):
    """A Transformer language model in little, its output tied to its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16)
        self.cross = nn.MultiheadAttention(8, 2, kdim=4, vdim=6)
        self.conv = nn.Conv1d(8, 3, 5)
        self.output = nn.Linear(8, 11)
        self.output.weight = self.embedding.weight


def test_layers_of_any_module_cover_every_matrix_once():
    model = Lm()
    table = layers(model)
    assert list(table) == [
        "embedding",
        "block.self_attn.in_proj",
        "block.self_attn.out_proj",
        "block.linear1",
        "block.linear2",
        "cross.in_proj",
        "cross.out_proj",
        "conv",
    ]
    assert table["block.self_attn.in_proj"].parameters == 3 * 8 * 8
    assert [tuple(w.shape) for w in table["cross.in_proj"].weights] == [(8, 8), (8, 4), (8, 6)]
    matrices = {id(p): p.numel() for p in model.parameters() if p.dim() > 1}
    assert {id(w) for layer in table.values() for w in layer.weights} == set(matrices)


def test_a_single_layer_is_a_model_and_a_parametrised_weight_is_its_original():
    assert list(layers(nn.Linear(2, 3))) == ["linear"]
    model = nn.Sequential(nn.Linear(2, 3))
    weight = model[0].weight
    nn.utils.parametrize.register_parametrization(model[0], "weight", nn.Identity())
    assert layers(model)["0"].weights == (weight,)


@pytest.mark.parametrize(
    ("fraction", "proportion"), [(0, 0), (0.1, 0), (0.2, 0), (0.35, 0.25), (0.5, 0.5), (0.75, 0.25), (1, 0)]
)
def test_dropout_follows_the_recipes_schedule(fraction, proportion):
    assert dropout_at(fraction) == pytest.approx(proportion)


def test_dropout_outside_the_training_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        dropout_at(1.01)


def test_a_configuration_travels_as_json():
    config = kaldi_7q(num_pdfs=10).config
    assert TdnnfConfig.from_json(config.to_json()) == config
    for text in ('{"input_dim": 40}', "[1]", "{", '{"colour": 1}'):
        with pytest.raises(ValueError, match="not a TDNN-F configuration"):
            TdnnfConfig.from_json(text)


def test_parameters_are_float32_buffers_are_not_parameters():
    with torch.device("meta"):
        model = kaldi_7q(num_pdfs=3)
    assert model.lda.shape == (220, 221)
    assert all(p.dtype == torch.float32 for p in model.parameters())
