"""Chunks: they cover every frame, hold the phones that were spoken in them, and train."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.experiments.acoustic import inner
from tdnnq_lab.experiments.chunks import cut_up


@settings(deadline=None)
@given(st.integers(1, 600), st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_chunks_cover_every_frame_and_have_the_sizes_asked_for(frames: int, sizes: list[int]) -> None:
    pieces = cut_up(frames, sizes)
    covered = {frame for start, length in pieces for frame in range(start, start + length)}
    assert covered == set(range(frames))
    if frames > min(sizes):
        assert {length for _, length in pieces} <= set(sizes)
        assert len(pieces) <= math.ceil(frames / max(s for s in sizes if s <= frames))
    else:
        assert pieces == [(0, frames)]


def test_no_sizes_are_refused() -> None:
    for sizes in ([], [50, 0]):
        with pytest.raises(ValueError, match="at least one frame"):
            cut_up(100, sizes)


def test_inner_frames_are_those_behind_the_context() -> None:
    outputs = torch.arange(2 * 9 * 3.0).reshape(2, 9, 3)
    found = inner(outputs, torch.tensor([2, 0]), torch.tensor([4, 6]))
    assert found.shape == (2, 6, 3)
    assert torch.equal(found[0, :4], outputs[0, 2:6])
    assert torch.equal(found[1], outputs[1, :6])
