"""Batch norm counts real frames only; recalibration is exact and knows nothing of batches."""

import pytest
import torch
from models_twin import model_of, tiny, twin
from test_models_tdnnf import batch

from tdnnq_lab.models import BatchNorm, Frames, batchnorm_recalibrate


def statistics(model):
    return {n: b.clone() for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var"))}


def test_a_padded_batch_has_the_statistics_of_its_utterances_alone():
    found = []
    for extra in (0, 17):
        model = model_of(tiny()).train()
        padded, n, _ = batch(0, [8, 21, 3])
        model(torch.cat([padded, torch.full((3, extra, 4), 1e3).double()], dim=1), n, heads="both")
        found.append(statistics(model))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value)


def test_batch_norm_takes_the_moments_of_the_picked_frames():
    torch.manual_seed(0)
    x = torch.randn(3, 5, 4) * 3 + 1
    weights = (torch.rand(3, 5) > 0.4).float()
    norm = BatchNorm(4)
    y = norm(x, Frames(weights, weights.sum()))
    picked = x[weights.bool()]
    torch.testing.assert_close(norm.running_mean, picked.mean(0))
    torch.testing.assert_close(norm.running_var, picked.var(0, unbiased=False))
    torch.testing.assert_close(y, (x - picked.mean(0)) / (picked.var(0, unbiased=False) + 1e-3).sqrt())


def test_running_averages_are_plain_at_first_and_of_the_mixture():
    torch.manual_seed(1)
    norm = BatchNorm(2, momentum=0.1)
    parts = [torch.randn(1, 50, 2) * (i + 1) + 10 * i for i in range(8)]
    for x in parts:
        norm(x, Frames(torch.ones(1, 50), torch.tensor(50.0)))
    whole = torch.cat(parts, dim=1)[0]
    torch.testing.assert_close(norm.running_mean, whole.mean(0))
    torch.testing.assert_close(norm.running_var, whole.var(0, unbiased=False))
    for _ in range(200):
        norm(parts[0], Frames(torch.ones(1, 50), torch.tensor(50.0)))
    torch.testing.assert_close(norm.running_mean, parts[0][0].mean(0), rtol=1e-3, atol=1e-3)


def test_in_evaluation_nothing_moves():
    model = model_of(tiny()).eval()
    before = statistics(model)
    model(batch(1, [9])[0], heads="both")
    for name, value in statistics(model).items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("strides", [(1, 0, 3, 3), (3, 3, 3, 0), (1, 1, 1, 1)])
def test_recalibrated_statistics_are_those_of_one_batch_of_everything(strides):
    lengths = [12, 5, 19, 1, 8]
    padded, n, utterances = batch(2, lengths)
    model = model_of(tiny(strides=strides)).train()
    pieces = [(utterances[0][None],), ((padded[1:3], n[1:3]), "targets"), (padded[3:], n[3:])]
    batchnorm_recalibrate(model, pieces)
    assert model.training
    # In training the twin's layers see moments of all utterances, layer by layer: the same fixed point.
    want = twin(model, utterances, measured=True)
    outputs, xent = model.eval()(padded, n, heads="both")
    for b, (chain, cross) in enumerate(want):
        torch.testing.assert_close(outputs[b, : len(chain)], chain)
        torch.testing.assert_close(xent[b, : len(cross)], cross)


def test_recalibration_does_not_depend_on_the_cut_into_batches():
    padded, n, utterances = batch(3, [12, 5, 19])
    found = []
    for cut in ([(padded, n)], [(x[None], torch.tensor([len(x)])) for x in reversed(utterances)]):
        model = model_of(tiny())
        batchnorm_recalibrate(model, cut)
        found.append(statistics(model))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value)


def test_recalibration_needs_data_and_leaves_other_models_alone():
    with pytest.raises(ValueError, match="no batch"):
        batchnorm_recalibrate(model_of(tiny()), [])
    with pytest.raises(ValueError, match="not in a Sequential"):
        batchnorm_recalibrate(torch.nn.Sequential(BatchNorm(3)), [])
    batchnorm_recalibrate(torch.nn.Linear(2, 2), [])


def test_a_failed_recalibration_leaves_the_modes_as_they_were():
    model = model_of(tiny()).train()
    with pytest.raises(ValueError, match="features of shape"):
        batchnorm_recalibrate(model, [torch.randn(1, 5, 9)])
    assert model.training
    assert model.tdnn1.norm.gathering is None
