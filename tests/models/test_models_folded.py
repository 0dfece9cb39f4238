"""The folded network gives the outputs of the network, and of its slow twin."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_twin import model_of, tiny, twin
from test_models_tdnnf import SHAPES, batch

from tdnnq_lab.models import Tdnnf, fold_batchnorm, small


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.lists(st.integers(1, 25), min_size=1, max_size=3), st.sampled_from([0, 2]))
def test_any_shape_equals_the_model_and_its_twin(shape, lengths, ivector_dim):
    config = tiny(**shape, bottlenecks=[2 + i for i in range(len(shape["strides"]))], ivector_dim=ivector_dim)
    model = model_of(config).eval()
    padded, n, utterances = batch(len(lengths), lengths)
    ivectors = torch.randn(len(lengths), ivector_dim).double() if ivector_dim else None
    outputs = fold_batchnorm(model)(padded, n, ivectors)
    torch.testing.assert_close(outputs, model(padded, n, ivectors).detach(), rtol=1e-9, atol=1e-9)
    if ivectors is None:
        for b, (want, _) in enumerate(twin(model, utterances, measured=False)):
            torch.testing.assert_close(outputs[b, : len(want)], want.detach())


def test_in_single_precision_the_small_network_is_within_a_ten_thousandth():
    model = model_of(small().config).float().eval()
    x = torch.randn(2, 130, 40, generator=torch.Generator().manual_seed(0))
    want = model(x).detach()
    found = fold_batchnorm(model)(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, want, rtol=0, atol=1e-4 * float(want.std()))


def test_its_model_may_change_afterwards():
    model = model_of(tiny()).eval()
    x = batch(0, [9])[0]
    folded = fold_batchnorm(model)
    want = folded(x)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.add_(1.0)
    torch.testing.assert_close(folded(x), want, rtol=0, atol=0)


def test_it_has_nothing_to_train_or_to_quantise():
    folded = fold_batchnorm(model_of(tiny(xent_head=False)).eval())
    assert not isinstance(folded, torch.nn.Module)
    assert not any(isinstance(part, torch.nn.Module) for part in vars(folded).values())
    hidden = [product for layer in folded.hidden for product in (layer.low, layer.wide)]
    products = [folded.first.wide, folded.first.shift, *hidden, *folded.head]
    tensors = [t for product in products for t in (product.weight, product.bias) if t is not None]
    assert len(tensors) == 4 + 3 * len(folded.hidden) + 6
    assert not any(isinstance(t, torch.nn.Parameter) or t.requires_grad for t in tensors)
    assert not folded(batch(0, [9])[0].requires_grad_()).requires_grad


def test_a_model_in_training_is_refused():
    model = model_of(tiny()).eval()
    model.tdnnf3.norm.train()
    with pytest.raises(ValueError, match=r"call model\.eval\(\) first"):
        fold_batchnorm(model)


def test_bad_input_is_told_as_by_the_model():
    folded = fold_batchnorm(Tdnnf(tiny()).eval())
    with pytest.raises(ValueError, match=r"features of shape \(9, 4\)"):
        folded(torch.randn(9, 4))
    with pytest.raises(ValueError, match="lengths from 0 to 9"):
        folded(torch.randn(2, 9, 4), torch.tensor([0, 9]))
    with pytest.raises(ValueError, match="ivector_dim=0"):
        folded(torch.randn(2, 9, 4), ivectors=torch.randn(2, 3))
