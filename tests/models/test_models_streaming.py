"""An utterance in pieces gives the outputs of the whole, whatever the pieces and the network's geometry."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_twin import model_of, tiny
from test_models_tdnnf import SHAPES

from tdnnq_lab.models import Stream, fold_batchnorm, small


def streamed(stream: Stream, pieces: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([*(stream.feed(piece) for piece in pieces), stream.finish()])


def frames(count: int, f: int = 4) -> torch.Tensor:
    return torch.randn(count, f, generator=torch.Generator().manual_seed(count)).double()


@settings(deadline=None, max_examples=80)
@given(SHAPES, st.lists(st.integers(0, 20), min_size=1, max_size=5), st.sampled_from([0, 2]))
def test_pieces_of_any_size_through_any_geometry(shape, sizes, ivector_dim):
    config = tiny(**shape, bottlenecks=[2 + i for i in range(len(shape["strides"]))], ivector_dim=ivector_dim)
    model, x = model_of(config).eval(), frames(sum(sizes))
    ivector = torch.randn(ivector_dim).double() if ivector_dim else None
    found = streamed(Stream(model, ivector), list(x.split(sizes)))
    if not len(x):
        assert found.shape == (0, config.num_pdfs)
        return
    want = model(x[None], ivectors=None if ivector is None else ivector[None])[0].detach()
    torch.testing.assert_close(found, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("splice", [(2, 4), (0, 2), (1,), (-5, -3), (-3,)])
@pytest.mark.parametrize("strides", [(), (3,), (1,), (0, 2)])
def test_one_sided_splices_frame_by_frame(splice, strides):
    model = model_of(tiny(splice=splice, strides=strides, bottlenecks=(2,) * len(strides))).eval()
    for count in range(1, 12):
        x = frames(count)
        want = model(x[None])[0].detach()
        torch.testing.assert_close(streamed(Stream(model), list(x.split(1))), want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 33, 100, 101, 102])
@pytest.mark.parametrize("chunk", [1, 2, 7, 30, 1000])
def test_the_small_network_in_chunks_of_every_kind(count, chunk):
    torch.manual_seed(0)
    folded = fold_batchnorm(small().eval())
    x = frames(count, 40).float()
    found = streamed(Stream(folded), list(x.split(chunk)))
    torch.testing.assert_close(found, folded(x[None])[0], rtol=0, atol=1e-4)


def test_outputs_come_as_soon_as_their_context_is_there():
    model = small().eval()
    stream, (_, right) = Stream(model), model.config.context
    came = [len(stream.feed(x)) for x in torch.zeros(70, 40).split(1)]
    assert [i for i, rows in enumerate(came) if rows] == list(range(right, 70, 3))
    assert set(came) == {0, 1}
    assert sum(came) + len(stream.finish()) == 24


def test_what_is_kept_does_not_grow():
    stream = Stream(small().eval())

    def held() -> int:
        tensors = [stream._frames, *(t for layer in stream._layers for t in (layer.x, layer.z))]
        return sum(t.untyped_storage().nbytes() for t in tensors)

    seen = set()
    for _ in range(6):
        stream.feed(torch.zeros(300, 40))
        seen.add(held())
    assert len(seen) == 1
    assert seen.pop() < 250_000


def test_after_its_end_another_utterance_begins():
    model = model_of(tiny()).eval()
    stream = Stream(model)
    for count in (11, 0, 4):
        x = frames(count)
        found = streamed(stream, [x[:3], x[3:]])
        want = model(x[None])[0].detach() if count else torch.zeros(0, 7).double()
        torch.testing.assert_close(found, want, rtol=1e-9, atol=1e-9)


def test_bad_input_is_told():
    with pytest.raises(ValueError, match=r"call model\.eval\(\) first"):
        Stream(model_of(tiny()).train())
    with pytest.raises(ValueError, match="i-vector of 2 dimensions, got none"):
        Stream(model_of(tiny(ivector_dim=2)).eval())
    with pytest.raises(ValueError, match=r"i-vector of 0 dimensions, got shape \(3,\)"):
        Stream(model_of(tiny()).eval(), torch.zeros(3))
    stream = Stream(model_of(tiny()).eval())
    with pytest.raises(ValueError, match=r"frames of shape \(5, 3\): this model takes \(t, 4\)"):
        stream.feed(torch.zeros(5, 3))
