"""Decoding block by block: the same as at once; sentences in a row."""

import math
from itertools import pairwise

import kaldifst
import numpy as np
import pytest
import torch
from decoding_toys import random_likelihoods, toy_graph
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.decoding import decode
from tdnnq_lab.decoding.streaming import StreamingDecoder, sentence_loop


def streamed(x, graph, cuts=(), **options):
    decoder = StreamingDecoder(graph, **options)
    for first, after in pairwise([0, *cuts, len(x)]):
        decoder.accept(x[first:after])
    return decoder


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(0, 20), st.sampled_from([0.4, 1.0, 2.5]))
def test_blocks_of_any_size_give_what_decode_gives(data, seed, scale):
    graph, *_ = toy_graph(seed)
    x = random_likelihoods(data.draw(st.integers(3, 40)), graph.topology.num_pdfs, seed)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(x) - 1))))
    options = {"acoustic_scale": scale, "beam": 12.0, "max_active": 40, "frame_seconds": 0.04}
    decoder = streamed(torch.from_numpy(x), graph, cuts, **options)
    found, want = decoder.result(), decode(x, graph, **options)
    assert (found.words, found.pdfs, found.reached_final) == (want.words, want.pdfs, want.reached_final)
    assert found.times == want.times
    assert found.acoustic == pytest.approx(want.acoustic, abs=1e-3)
    assert found.graph == pytest.approx(want.graph, abs=1e-3)
    assert (decoder.frames, decoder.restarts) == (len(x), [])


def test_the_result_so_far_does_not_disturb_what_follows():
    graph, *_ = toy_graph(4)
    x = random_likelihoods(30, graph.topology.num_pdfs, 4)
    decoder = StreamingDecoder(graph)
    for t in range(30):
        decoder.accept(x[t : t + 1])
        assert decoder.result().pdfs == decode(x[: t + 1], graph).pdfs
    assert decoder.result().words == decode(x, graph).words


def test_a_graph_with_a_dead_end_begins_anew():
    """One phone of two frames, then nothing: five blocks, each of which kills the path before it."""
    graph, *_ = toy_graph(0)
    forward = 2 * graph.topology.index("A") + 1
    graph.fst = kaldifst.compile(f"0 1 {forward} 1 0.5\n1 2 {forward + 1} 0 0.5\n2 0.25\n")
    x = random_likelihoods(9, graph.topology.num_pdfs, 0)
    decoder = streamed(x, graph, (2, 4, 6, 7))  # the fourth is one frame: a path not at its end yet
    found = decoder.result()
    assert found.words == ["a"] * 5
    assert [round(start / 0.03) for start, _ in found.times] == [0, 2, 4, 6, 7]
    assert decoder.restarts == [pytest.approx(0.03 * t) for t in (2, 4, 6, 7)]
    assert not found.reached_final


def test_a_block_without_any_path_is_passed_over():
    graph, *_ = toy_graph(0)
    forward = 2 * graph.topology.index("A") + 1
    graph.fst = kaldifst.compile(f"0 1 {forward} 1 0.5\n1 2 {forward + 1} 0 0.5\n2 0.25\n")
    decoder = streamed(random_likelihoods(7, graph.topology.num_pdfs, 0), graph, (5,))
    found = decoder.result()
    assert found.words == ["a"]
    assert found.times == [(pytest.approx(0.15), pytest.approx(0.06))]
    assert not found.reached_final


def loop_by_hand(arcs, finals):
    """A toy graph with its loop, as text."""
    lines = [" ".join(map(str, arc)) for arc in sorted(arcs, key=lambda arc: arc[0] != 0)]
    lines += [f"{state} 0 0 0 {cost}" for state, cost in finals.items()]
    return "\n".join([*lines, *(f"{state} {cost}" for state, cost in finals.items())]) + "\n"


@pytest.mark.parametrize("seed", range(8))
def test_sentences_in_a_row(seed):
    graph, arcs, finals = toy_graph(seed)
    x = random_likelihoods(25, graph.topology.num_pdfs, seed, spread=4.0)
    by_hand, *_ = toy_graph(seed)
    by_hand.fst = kaldifst.compile(loop_by_hand(arcs, finals), keep_state_numbering=True)
    looped = sentence_loop(graph)
    assert decode(x, looped, beam=200) == decode(x, by_hand, beam=200)
    assert looped.words is graph.words
    assert looped.fst is not graph.fst
    once, again = decode(x, graph, beam=200), decode(x, looped, beam=200)
    total = again.acoustic + again.graph
    assert total >= once.acoustic + once.graph - 1e-3


def test_two_sentences_of_a_grammar_that_allows_one():
    """The grammar says A once; the loop says it twice, and pays both ends."""
    graph, *_ = toy_graph(0)
    a = 2 * graph.topology.index("A") + 1
    graph.fst = kaldifst.compile(f"0 1 {a} 1 0.5\n1 1 {a + 1} 0 0.7\n1 0.25\n")
    x = np.zeros((4, graph.topology.num_pdfs), np.float32)
    x[[0, 2], a - 1] = x[[1, 3], a] = 9
    assert decode(x, graph).words == ["a"]
    found = decode(x, sentence_loop(graph))
    assert found.words == ["a", "a"]
    assert found.graph == pytest.approx(-2 * (0.5 + 0.7 + 0.25))


@pytest.mark.parametrize("option", ["beam", "max_active", "acoustic_scale"])
def test_bad_options_and_frames(option):
    graph, *_ = toy_graph(0)
    with pytest.raises(ValueError, match=f"{option} is nan; give a number above 0"):
        StreamingDecoder(graph, **{option: math.nan})
    decoder = StreamingDecoder(graph)
    with pytest.raises(ValueError, match="no frames were decoded"):
        decoder.result()
    with pytest.raises(ValueError, match="pdf 0 in frame 0 is nan"):
        decoder.accept(np.full((3, 8), np.nan))
    decoder.accept(np.zeros((3, 8)))  # nothing of the bad block was taken
    assert decoder.frames == 3
