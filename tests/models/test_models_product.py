"""A fixed matrix product is the same by both libraries, and hides no fault of its input."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_twin import model_of
from torch.nn.functional import linear

from tdnnq_lab.models import fold_batchnorm, product, small
from tdnnq_lab.models.product import Product


@pytest.fixture
def always_onednn(monkeypatch):
    """Small products go to oneDNN too; the list has the number of products that did."""
    if not product._onednn():
        pytest.skip("this PyTorch was built without oneDNN's operators")
    monkeypatch.setattr(product, "LARGE", 0)
    by_onednn, done = Product.by_onednn, []
    monkeypatch.setattr(Product, "by_onednn", lambda self, x: (done.append(1), by_onednn(self, x))[1])
    return done


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=2), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans())
def test_any_shape_equals_linear(shape, inputs, outputs, biased, rectify):
    weight, x = drawn(0, outputs, inputs), drawn(1, *shape, inputs)
    bias = drawn(2, outputs) if biased else None
    want = linear(x.double(), weight.double(), bias if bias is None else bias.double())
    want = want.relu() if rectify else want
    torch.testing.assert_close(Product(weight, bias, rectify)(x).double(), want, rtol=1e-4, atol=1e-4)
    if product._onednn():
        by_onednn = Product(weight, bias).by_onednn(x)
        torch.testing.assert_close(by_onednn, linear(x, weight, bias), rtol=1e-4, atol=1e-4)


def test_frames_that_are_not_contiguous(always_onednn):
    weight, x = drawn(0, 64, 32), drawn(1, 3, 40, 32)[:, 1:30:3]
    torch.testing.assert_close(Product(weight)(x), linear(x, weight))
    assert always_onednn


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("rectify", [False, True])
def test_what_is_not_finite_stays_so(bad, rectify, always_onednn):
    weight, x = drawn(0, 64, 32), drawn(1, 1, 5, 32)
    x[0, 2, 3] = bad
    want = linear(x, weight).relu() if rectify else linear(x, weight)
    torch.testing.assert_close(Product(weight, rectify=rectify)(x), want, equal_nan=True)
    assert always_onednn


def test_the_small_network_gives_the_same_outputs_either_way(always_onednn):
    model = model_of(small().config).float().eval()
    x = drawn(0, 2, 130, 40)
    want = model(x).detach()
    torch.testing.assert_close(fold_batchnorm(model)(x), want, rtol=0, atol=1e-4 * float(want.std()))
    assert len(always_onednn) == 1 + 2 * 14 + 4  # tdnn1, two a factored layer, prefinal-l and the head's three


def test_only_large_products_in_single_precision_go_to_onednn(always_onednn, monkeypatch):
    monkeypatch.setattr(product, "LARGE", 3 * 5 * 7)
    Product(drawn(0, 7, 5))(drawn(1, 1, 2, 5))
    Product(drawn(0, 7, 5).double())(drawn(1, 1, 3, 5).double())
    assert not always_onednn
    Product(drawn(0, 7, 5))(drawn(1, 1, 3, 5))
    assert len(always_onednn) == 1


def test_without_onednn_linear_does_the_work(always_onednn, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    weight, x = drawn(0, 64, 32), drawn(1, 1, 5, 32)
    torch.testing.assert_close(Product(weight)(x), linear(x, weight), rtol=0, atol=0)
    assert not always_onednn


def test_the_weights_are_copied(always_onednn):
    x, weight, bias = drawn(1, 1, 5, 32), drawn(0, 64, 32), drawn(2, 64)
    made = Product(weight, bias)
    want = made(x)
    weight.mul_(2.0), bias.mul_(2.0)
    torch.testing.assert_close(made(x), want, rtol=0, atol=0)
    torch.testing.assert_close(copy.deepcopy(made)(x), want, rtol=0, atol=0)
