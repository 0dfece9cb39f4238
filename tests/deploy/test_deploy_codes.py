"""Codes in bytes, and codes found again in values that are codes times a scale already."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.deploy.bits import pack_bits, packed_bytes, unpack_bits
from tdnnq_lab.deploy.codes import exact_codes, table_alphas
from tdnnq_lab.quantize import BITS, dequantize, largest_code, quantize

CLUSTERS = ["matrix", "channel", ("group", 4), "layer"]


def slow_bits(codes, bits):
    """The stored form spelt out: a string of binary digits, lowest first."""
    offset = {1: 1, 16: 0}.get(bits, 2 ** (bits - 1))
    numbers = [(c + offset) // 2 if bits == 1 else (c + offset) % 2**bits for c in codes]
    text = "".join(format(number, f"0{bits}b")[::-1] for number in numbers)
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8)]


@given(st.data(), st.sampled_from(BITS))
def test_codes_lie_bit_by_bit_and_come_back(data, bits):
    top = largest_code(bits)
    legal = st.sampled_from([-1, 1]) if bits == 1 else st.integers(-top, top)
    codes = data.draw(st.lists(legal, min_size=1, max_size=40))
    dtype = torch.int8 if bits <= 8 else torch.int16
    packed = pack_bits(torch.tensor(codes, dtype=dtype), bits)
    assert packed.tolist() == slow_bits(codes, bits)
    assert len(packed) == packed_bytes(len(codes), bits)
    back = unpack_bits(packed, bits, (len(codes),))
    assert back.dtype == dtype
    assert back.tolist() == codes
    with pytest.raises(ValueError, match="bytes for"):
        unpack_bits(packed, bits, (len(codes) + 16,))


@st.composite
def tables(draw):
    """Codes and a scale of any size: the values of one cluster."""
    bits = draw(st.sampled_from(BITS))
    top = draw(st.integers(1, largest_code(bits)))
    legal = st.sampled_from([-1, 1]) if bits == 1 else st.integers(-top, top)
    codes = draw(st.lists(legal, min_size=1, max_size=30))
    alpha = np.float32(draw(st.floats(2.0**-148, 2.0**100, width=32)))
    return bits, np.array(codes, np.float32) * alpha


@settings(deadline=None)
@given(tables())
def test_values_of_any_table_are_kept_to_the_bit(table):
    bits, values = table
    (q,) = exact_codes([torch.from_numpy(values)], bits, "matrix")
    assert torch.equal(dequantize(q), torch.from_numpy(values))
    if values.any():
        assert float(q.alpha) == table_alphas(values[None], bits)[0]


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("seed", range(3))
def test_rounding_what_was_rounded_changes_neither_codes_nor_scales(bits, cluster, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(5, 7, generator=generator), torch.randn(3, 11, generator=generator) * 0.01]
    weights[0][2] = 0.0  # a cluster of zeros
    weights[1][0, :4] = torch.tensor([0.5, -0.5, 0.5, 0.0])
    once = exact_codes(weights, bits, cluster)
    twice = exact_codes([dequantize(q) for q in once], bits, cluster)
    for a, b in zip(once, twice, strict=True):
        assert torch.equal(a.codes, b.codes)
        assert torch.equal(a.alpha, b.alpha)


@pytest.mark.parametrize("cluster", CLUSTERS[:3])
@pytest.mark.parametrize("bits", BITS)
def test_weights_on_no_table_get_the_values_of_quantize(bits, cluster):
    weight = torch.randn(6, 50, generator=torch.Generator().manual_seed(bits))
    (q,) = exact_codes([weight], bits, cluster)
    back, want = dequantize(q), dequantize(quantize(weight, bits, cluster=cluster))
    assert ((back == want) | (back == weight)).all()  # a table of 16 bits may meet a few weights by chance
    assert (back == want).float().mean() > 0.8


def test_a_cluster_on_its_table_keeps_its_values_beside_one_that_is_on_none():
    """Codes -2, 2, 6 of 8 bits: the error is zero only with the scale that made them."""
    weight = torch.stack([torch.tensor([-2.0, 2.0, 6.0]) * 0.013, torch.tensor([0.1, 0.123, 0.77])])
    (q,) = exact_codes([weight], 8, "channel")
    back = dequantize(q)
    assert torch.equal(back[0], weight[0])
    assert (back[1] - weight[1]).abs().max() < 0.004


def test_values_beyond_float32_are_refused():
    with pytest.raises(ValueError, match="too large for float32"):
        exact_codes([torch.tensor([1.16e38, 2.32e38, 1.16e38, 2.32e38, 3.38e38])], 3, "matrix")
