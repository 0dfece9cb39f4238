"""Codes, scales and round trips against brute force over every assignment that some α makes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tdnnq_lab.quantize import BITS, dequantize, largest_code, quantize
from tdnnq_lab.quantize import least_squares as ls


def error(weight: torch.Tensor, q) -> float:
    return float((dequantize(q).double() - weight.double()).square().sum())


def least(weight: torch.Tensor, bits: int) -> float:
    """The least squared error over all α, one assignment between every two breakpoints."""
    a, top = weight.abs().double().flatten(), largest_code(bits)
    if bits == 1:
        return float((a - a.mean()).square().sum())
    if not a.any():
        return 0.0
    cuts = (a[:, None] / (torch.arange(1, top + 1) - 0.5)).flatten().sort().values
    alphas = torch.cat([cuts[:1] / 2, (cuts[1:] + cuts[:-1]) / 2, cuts])
    m = (a / alphas[alphas > 0][:, None]).round().clamp(max=top)
    m = m[m.any(1)]
    return float((a - (m @ a / m.square().sum(1))[:, None] * m).square().sum(1).min())


WEIGHTS = arrays(
    np.float32,
    st.integers(1, 30),
    elements=st.one_of(
        st.sampled_from([0.0, 1.0, -1.0, 0.5]), st.floats(-8, 8, width=32).filter(lambda x: abs(x) > 1e-3)
    ),
)


@settings(deadline=None, max_examples=150)
@given(WEIGHTS, st.sampled_from([1, 2, 3, 4, 5, 6, 7]))
def test_no_alpha_does_better(weights, bits):
    w = torch.from_numpy(weights)
    best, energy = least(w, bits), float(w.double().square().sum())
    rounding = 3e-7 * (best * energy) ** 0.5 + 1e-13 * energy  # α and what it gives are float32
    assert error(w, quantize(w, bits)) <= best * (1 + 1e-6) + rounding


@settings(deadline=None, max_examples=100)
@given(WEIGHTS, st.sampled_from(BITS), st.sampled_from(["matrix", "channel", ("group", 3)]))
def test_codes_lie_in_the_table_and_survive_a_round_trip(weights, bits, cluster):
    w = torch.from_numpy(weights).reshape(-1, 2) if len(weights) % 2 == 0 else torch.from_numpy(weights)
    q = quantize(w, bits, cluster=cluster)
    assert q.codes.dtype == (torch.int16 if bits == 16 else torch.int8)
    assert q.alpha.dtype == torch.float32
    assert q.codes.shape == w.shape
    assert int(q.codes.abs().max()) <= largest_code(bits)
    if bits == 1:
        assert torch.equal(q.codes > 0, w >= 0)
    back = dequantize(q)
    again = quantize(back, bits, q.alpha, cluster=cluster)
    assert torch.equal(again.codes, q.codes)
    assert torch.equal(dequantize(again), back)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("shape", ["normal", "cubed", "constant", "outlier", "two values"])
def test_a_long_row_is_exact_by_bracketing(bits, shape, monkeypatch):
    torch.manual_seed(bits)
    w = torch.randn(3000).double()
    w = {
        "normal": w,
        "cubed": w**3,
        "constant": torch.full_like(w, 0.3),
        "outlier": torch.cat([w[1:], torch.tensor([1e4]).double()]),
        "two values": torch.where(w > 1, 1.0, 0.01).double(),
    }[shape]
    top = largest_code(bits)
    want = ls.best_alphas(w.abs()[None], top)
    monkeypatch.setattr(ls, "ENUMERATED", 500)
    got = ls.best_alphas(w.abs()[None], top)
    assert (
        float(ls._errors(w.abs()[None], got, top)) <= float(ls._errors(w.abs()[None], want, top)) * (1 + 1e-9) + 1e-15
    )


@pytest.mark.parametrize("bits", [5, 6, 7, 8])
@pytest.mark.parametrize("power", [1, 3])
def test_the_search_with_many_codes_is_within_three_parts_in_a_thousand(bits, power, monkeypatch):
    torch.manual_seed(power)
    w = torch.randn(1, 4000).abs() ** power
    top = largest_code(bits)
    want = float(ls._errors(w, ls.best_alphas(w, top), top))  # few enough to be exact
    monkeypatch.setattr(ls, "ENUMERATED", 0)
    monkeypatch.setattr(ls, "EXACT_ROW", 0)
    for rows in (w, w.repeat(2, 1)):  # one long row, and several side by side
        got = ls._errors(rows, ls.best_alphas(rows, top), top)
        plain = ls._errors(rows, rows.amax(1).double() / top, top)
        assert want <= float(got[0]) * (1 + 1e-6)
        assert float(got[0]) <= 1.003 * want
        assert float(got[0]) <= float(plain[0])


def test_sixteen_bits_are_never_worse_than_the_largest_over_the_top():
    torch.manual_seed(0)
    for w in (torch.randn(64, 64), torch.randn(64, 64) ** 5, torch.tensor([[1e6, *[0.5] * 100]])):
        plain = w.abs().max().double() / 32767
        rounded = (w.double() / plain).round() * plain
        assert error(w, quantize(w, 16)) <= float((rounded - w.double()).square().sum()) * (1 + 1e-4)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_each_cluster_is_at_its_own_best(bits):
    torch.manual_seed(0)
    w = torch.randn(4, 3, 5) * torch.tensor([0.01, 1, 10, 100])[:, None, None]  # a convolution
    by_channel = quantize(w, bits, cluster="channel")
    by_group = quantize(w, bits, cluster=("group", 4))
    assert by_channel.alpha.shape == (4, 1)
    assert by_group.alpha.shape == (4, 4)
    for r in range(4):
        row = w[r].flatten()
        alone = quantize(row, bits)
        assert torch.equal(by_channel.codes[r].flatten(), alone.codes)
        assert float(by_channel.alpha[r, 0]) == pytest.approx(float(alone.alpha))
        for g, part in enumerate(row.split(4)):  # the last has three weights, and a mean of three
            alone = quantize(part, bits)
            assert torch.equal(by_group.codes[r].flatten()[4 * g : 4 * g + 4], alone.codes)
            assert float(by_group.alpha[r, g]) == pytest.approx(float(alone.alpha))


@pytest.mark.parametrize("bits", BITS)
def test_zeros_stay_zeros(bits):
    q = quantize(torch.zeros(3, 4), bits)
    assert float(q.alpha) == 0
    assert not dequantize(q).any()
    mixed = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    assert not dequantize(quantize(mixed, bits, cluster="channel"))[0].any()
    assert torch.equal(quantize(torch.tensor([0.0, -0.0, -1.0]), 1).codes, torch.tensor([1, 1, -1], dtype=torch.int8))


@pytest.mark.parametrize("bits", BITS)
def test_one_constant_is_kept_and_scale_does_not_matter(bits):
    w = torch.full((5, 7), -0.37)
    torch.testing.assert_close(dequantize(quantize(w, bits)), w)
    torch.manual_seed(1)
    w = torch.randn(6, 6)
    scaled = quantize(w * 2**-40, bits)
    assert torch.equal(scaled.codes, quantize(w, bits).codes)


def test_a_given_alpha_is_used():
    w = torch.tensor([[0.4, -2.6], [9.0, 1.5]])
    q = quantize(w, 3, torch.tensor(1.0))
    assert q.codes.tolist() == [[0, -3], [3, 2]]
    q = quantize(w, 3, torch.tensor([[0.4], [3.0]]))
    assert q.cluster == "channel"
    assert q.codes.tolist() == [[1, -3], [3, 0]]


BAD = {
    "2 of 3 weights of shape (3,) are NaN or infinite": lambda: quantize(
        torch.tensor([1, float("nan"), float("inf")]), 4
    ),
    "9 bits: a table has 1 to 8, or 16": lambda: quantize(torch.ones(2), 9),
    "0 bits": lambda: quantize(torch.ones(2), 0),
    "weights of torch.int64": lambda: quantize(torch.ones(2).long(), 4),
    "cluster 'row': choose": lambda: quantize(torch.ones(2), 4, cluster="row"),
    "cluster ('group', 0)": lambda: quantize(torch.ones(2), 4, cluster=("group", 0)),
    "alpha of shape (3,): this cluster needs ()": lambda: quantize(torch.ones(2), 4, torch.ones(3)),
    "alpha must be finite": lambda: quantize(torch.ones(2), 4, torch.tensor(-1.0)),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told(message):
    with pytest.raises(ValueError) as told:  # noqa: PT011 (the text is compared whole, not as a pattern)
        BAD[message]()
    assert message in str(told.value)
