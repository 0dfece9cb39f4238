"""Matrix products in bfloat16: on a CPU here, for shapes, types and errors; no GPU has run it."""

import pytest
import torch
from models_twin import model_of, tiny

from tdnnq_lab.models import Tdnnf, small


def drawn(config, autocast):
    model = model_of(config).float().train()
    model.autocast = autocast
    return model


def gradients(model: Tdnnf, x, n):
    real = [slice(None, length) for length in model.output_lengths(n)]  # beyond, outputs mean nothing
    both = [torch.cat([y[i, rows] for i, rows in enumerate(real)]) for y in model(x, n, heads="both")]
    draw = torch.Generator().manual_seed(1)
    loss = sum((y * torch.randn(y.shape, generator=draw)).mean() for y in both)
    return both, torch.autograd.grad(loss, list(model.parameters()))


@pytest.mark.parametrize(
    ("config", "apart", "alike"), [(small(num_pdfs=9).config, 0.2, 0.75), (tiny(lda=True), 0.03, 0.97)]
)
def test_outputs_gradients_and_statistics_stay_near_those_of_single_precision(config, apart, alike):
    """A drawn network of 15 layers amplifies rounding more than a trained one: wider bounds."""
    generator, n = torch.Generator().manual_seed(0), torch.tensor([180, 233, 171])
    x = torch.randn(3, 233, config.input_dim, generator=generator)
    plain, lower = drawn(config, None), drawn(config, torch.bfloat16)
    outputs, grads = gradients(plain, x, n)
    found, found_grads = gradients(lower, x, n)
    for want, got in zip(outputs, found, strict=True):
        assert got.dtype == torch.float32
        assert got.shape == want.shape
        assert got.isfinite().all()
        assert 0 < (got - want).square().mean().sqrt() < apart * want.std()
    for want, got in zip(grads, found_grads, strict=True):
        assert got.dtype == torch.float32
        assert torch.cosine_similarity(got.flatten(), want.flatten(), dim=0) > alike
    for (name, want), got in zip(plain.named_buffers(), lower.buffers(), strict=True):
        assert got.dtype == torch.float32
        assert (got - want).norm() <= 0.05 * want.norm() + 0.01 * want.numel() ** 0.5, name


def test_the_sums_of_batch_norm_count_in_single_precision():
    model = drawn(tiny(lda=True), torch.bfloat16)  # after the LDA, tdnn1's input itself is bfloat16
    frames = 2 * 777  # bfloat16 knows 1552 and 1560, nothing between
    counted = []
    model.tdnn1.norm.observe = lambda mean, var, frames: counted.append(float(frames.total))
    model(torch.randn(2, 777, 4))
    assert counted == [frames]


def test_the_callers_own_autocast_is_respected():
    model = drawn(tiny(), None).eval()
    x = torch.randn(1, 20, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x).dtype == torch.bfloat16
    model.autocast = torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x).dtype == torch.bfloat16
    assert model(x).dtype == torch.float32
