"""The network against its slow twin, and the promises of its forward pass."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_twin import model_of, tiny, twin

from tdnnq_lab.models import Tdnnf, small


def batch(seed: int, lengths: list[int], f: int = 4) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Utterances padded by their last frame, their lengths, and the utterances."""
    generator = torch.Generator().manual_seed(seed)
    utterances = [torch.randn(n, f, generator=generator).double() for n in lengths]
    longest = max(lengths)
    padded = torch.stack([torch.cat([x, x[-1:].expand(longest - len(x), -1)]) for x in utterances])
    return padded, torch.tensor(lengths), utterances


SHAPES = st.fixed_dictionaries(
    {
        "strides": st.lists(st.sampled_from([0, 1, 2, 3, 6]), max_size=5),
        "subsampling": st.sampled_from([1, 2, 3]),
        "splice": st.sampled_from([(-1, 0, 1), (0,), (-2, 0, 1), (-1,), (-3, -1), (0, 2)]),
        "lda": st.booleans(),
    }
)


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.lists(st.integers(1, 25), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_any_shape_equals_the_twin(shape, lengths, training, fused):
    model = model_of(tiny(**shape, bottlenecks=[2 + i for i in range(len(shape["strides"]))]))
    model.train(training)
    model.fused = fused
    padded, n, utterances = batch(len(lengths), lengths)
    chain, xent = model(padded, n, heads="both")
    outputs = model.output_lengths(torch.tensor([max(lengths)]))
    assert chain.shape == (len(lengths), int(outputs), 7)
    for b, (want_chain, want_xent) in enumerate(twin(model, utterances, measured=training)):
        assert len(want_chain) == int(model.output_lengths(n)[b])
        torch.testing.assert_close(chain[b, : len(want_chain)], want_chain)
        torch.testing.assert_close(xent[b, : len(want_xent)], want_xent)


def test_the_small_preset_equals_the_twin_and_its_context_is_34_frames():
    model = model_of(small(num_pdfs=9).config).eval()
    assert model.config.context == (34, 34)
    padded, n, utterances = batch(1, [70, 1, 2, 3, 4], f=40)
    outputs = model(padded, n)
    for b, (want, _) in enumerate(twin(model, utterances, measured=False)):
        torch.testing.assert_close(outputs[b, : len(want)], want, rtol=1e-7, atol=1e-9)


def test_an_utterance_padded_by_its_last_frame_gives_the_outputs_it_gives_alone():
    torch.manual_seed(0)
    model = small().eval()
    x = torch.randn(1, 50, 40)
    alone = model(x)
    padded = model(torch.cat([x, x[:, -1:].expand(-1, 61, -1)], dim=1))
    torch.testing.assert_close(padded[:, :17], alone, rtol=0, atol=1e-5)


def test_frames_beyond_the_length_are_never_read():
    model = model_of(tiny()).train()
    padded, n, _ = batch(3, [12, 5])
    want = model(padded, n)
    padded[1, 5:] = float("nan")
    torch.testing.assert_close(model(padded, n), want, rtol=0, atol=0)


@pytest.mark.parametrize("lengths", [None, [13, 13]])
def test_a_batch_without_padding_needs_no_lengths(lengths):
    model = model_of(tiny()).train()
    padded, n, utterances = batch(4, [13, 13])
    outputs = model(padded, None if lengths is None else n)
    for b, (want, _) in enumerate(twin(model, utterances, measured=True)):
        torch.testing.assert_close(outputs[b], want)


def losses(model, padded, n, seed):
    """A random linear functional of both heads' real outputs, at a fixed dropout mask."""
    torch.manual_seed(seed)
    chain, xent = model(padded, n, heads="both")
    torch.manual_seed(seed + 1)
    real = (torch.arange(chain.shape[1]) < model.output_lengths(n)[:, None])[..., None]
    return (((chain * torch.randn_like(chain)) + xent * torch.randn_like(xent)) * real).sum()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_by_hand_are_those_of_autograd(frozen, dropout):
    model = model_of(tiny(strides=(1, 2, 0, 3))).train()
    model.set_dropout(dropout)
    if frozen:
        for module in model.modules():
            if type(module).__name__ == "BatchNorm":
                module.eval()
    padded, n, _ = batch(5, [11, 4, 20])
    padded.requires_grad_()
    found = []
    for fused in (True, False):
        model.fused = fused
        wanted = [padded, *model.parameters()]
        found.append(torch.autograd.grad(losses(model, padded, n, 7), wanted))
    for fast, plain in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain)


def test_gradients_by_hand_are_finite_differences():
    model = model_of(tiny(bottlenecks=(2, 2), strides=(1, 3), hidden_dim=3)).train()
    padded, n, _ = batch(6, [7, 3])
    losses(model, padded, n, 1).backward()
    for name, p in model.named_parameters():
        index = int(p.grad.abs().argmax())
        moved = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                p.flatten()[index] += step
                moved.append(float(losses(model, padded, n, 1)))
                p.flatten()[index] -= step
        assert p.grad.flatten()[index] == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-4, abs=1e-7), name


def test_second_derivatives_exist_without_the_fused_gradients():
    model = model_of(tiny()).eval()
    x = batch(7, [9])[0].requires_grad_()
    weight = model.tdnnf2.affine.weight
    model.fused = False
    (g,) = torch.autograd.grad(model(x).square().sum(), weight, create_graph=True)
    (h,) = torch.autograd.grad(g.square().sum(), weight)
    assert h.abs().max() > 0
    model.fused = True
    (g,) = torch.autograd.grad(model(x).square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(g.square().sum(), weight)


def test_dropout_is_constant_in_time_within_its_range_and_absent_in_evaluation():
    model = model_of(tiny(bypass=0.0)).train()
    padded, n, _ = batch(8, [30, 30])
    without = model.layer(0, model.begin(padded, n))
    model.set_dropout(0.4)
    ratio = model.layer(0, model.begin(padded, n)) / without
    assert ratio.std(dim=1).max() < 1e-9  # one value a dimension and utterance
    mask = ratio[:, 0]
    assert mask.min() >= 0.2
    assert mask.max() <= 1.8
    assert mask.unique().numel() == mask.numel()
    model.eval()
    torch.testing.assert_close(model(padded, n), model(padded, n), rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        model.set_dropout(0.6)


def test_speaker_scales_of_one_change_nothing_and_have_gradients():
    model = model_of(tiny()).eval()
    padded, n, _ = batch(9, [14, 8])
    want = model(padded, n)
    scales = {"tdnn1": torch.ones(6), "tdnnf3": torch.ones(2, 6), "tdnnf4.bottleneck": torch.ones(2, 3)}
    scales = {name: scale.double().requires_grad_() for name, scale in scales.items()}
    outputs = model(padded, n, speaker_scales=scales)
    torch.testing.assert_close(outputs, want)
    outputs.square().sum().backward()
    for name, scale in scales.items():
        moved = []
        for step in (1e-6, -1e-6):
            bent = {k: v.detach().clone() for k, v in scales.items()}
            bent[name].view(-1)[-1] += step
            moved.append(float(model(padded, n, speaker_scales=bent).square().sum().detach()))
        assert scale.grad.view(-1)[-1] == pytest.approx((moved[0] - moved[1]) / 2e-6, rel=1e-5, abs=1e-6), name


def test_an_ivector_is_an_input_that_is_constant_in_time():
    model = model_of(tiny(ivector_dim=2)).eval()
    padded, n, utterances = batch(10, [10, 6])
    ivectors = torch.randn(2, 2).double()
    outputs = model(padded, n, ivectors)
    for b in range(2):  # the same network, its i-vector moved into the bias
        bare = model_of(tiny()).eval()
        bare.load_state_dict({**model.state_dict(), "tdnn1.affine.weight": model.tdnn1.affine.weight[:, :12]})
        with torch.no_grad():
            bare.tdnn1.affine.bias += model.tdnn1.affine.weight[:, 12:] @ ivectors[b]
        want = bare(utterances[b][None])
        torch.testing.assert_close(outputs[b : b + 1, : want.shape[1]], want)


def test_the_same_seed_gives_the_same_model():
    torch.manual_seed(3)
    first = small(num_pdfs=5)
    torch.manual_seed(3)
    for a, b in zip(first.parameters(), small(num_pdfs=5).parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    deviation = float(first.tdnnf7.linear.weight.detach().std())
    assert deviation == pytest.approx(512**-0.5, rel=0.02)  # Kaldi's 1/sqrt(inputs)


BAD = {
    "features of shape (2, 9, 5): this model takes (B, T, 4)": lambda m: m(torch.randn(2, 9, 5)),
    "features of shape (9, 4)": lambda m: m(torch.randn(9, 4)),
    "features of shape (1, 0, 4): an utterance needs at least one frame": lambda m: m(torch.randn(1, 0, 4)),
    "lengths from 0 to 9": lambda m: m(torch.randn(2, 9, 4), torch.tensor([0, 9])),
    "lengths from 4 to 10: they must lie between 1 and 9": lambda m: m(torch.randn(2, 9, 4), torch.tensor([4, 10])),
    "lengths must be 2 whole numbers": lambda m: m(torch.randn(2, 9, 4), torch.tensor([4.0, 9.0])),
    "lengths must be 2": lambda m: m(torch.randn(2, 9, 4), torch.tensor([9])),
    "ivector_dim=0": lambda m: m(torch.randn(2, 9, 4), ivectors=torch.randn(2, 3)),
    "this model takes i-vectors of shape (2, 3), got none": lambda _: Tdnnf(tiny(ivector_dim=3))(torch.randn(2, 9, 4)),
    "speaker_scales for 'tdnnf9'": lambda m: m(torch.randn(2, 9, 4), speaker_scales={"tdnnf9": torch.ones(6)}),
    "speaker_scales for 'tdnn1' of shape (5,): need (2, 6)": lambda m: m(
        torch.randn(2, 9, 4), speaker_scales={"tdnn1": torch.ones(5)}
    ),
    'heads must be "chain" or "both"': lambda m: m(torch.randn(2, 9, 4), heads="xent"),
    "without its cross-entropy head": lambda _: Tdnnf(tiny(xent_head=False))(torch.randn(1, 9, 4), heads="both"),
    "mean of shape (3,): this model's frames have 4 features": lambda m: m.set_input_transform(torch.zeros(3)),
    "needs lda=True": lambda m: m.set_input_transform(matrix=torch.eye(12)),
    "a transform of shape (4, 4)": lambda _: Tdnnf(tiny(lda=True)).set_input_transform(matrix=torch.eye(4)),
    "2 bottlenecks but 1 strides": lambda _: tiny(bottlenecks=(3, 3), strides=(1,)),
    "every bottleneck must be a whole number of at least 1, not 0": lambda _: tiny(bottlenecks=(0,), strides=(1,)),
    "num_pdfs must be a whole number": lambda _: tiny(num_pdfs=2.5),
    "splice must be rising": lambda _: tiny(splice=(1, 0)),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told(message):
    with pytest.raises(ValueError) as told:  # noqa: PT011 (the text is compared whole, not as a pattern)
        BAD[message](Tdnnf(tiny()))
    assert message in str(told.value)


def test_a_model_without_its_training_head_recognises_the_same():
    model = model_of(tiny()).eval()
    bare = Tdnnf(tiny(xent_head=False)).double().eval()
    bare.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("xent.")})
    x = batch(11, [10])[0]
    torch.testing.assert_close(bare(x), model(x), rtol=0, atol=0)


def test_a_pass_resumed_in_the_middle_is_the_whole_pass():
    model = model_of(tiny()).eval()
    padded, n, _ = batch(12, [10, 7])
    state = model.begin(padded, n)
    for i in range(5):
        state.x = model.layer(i, state)
    torch.testing.assert_close(model.finish(state), model(padded, n), rtol=0, atol=0)
