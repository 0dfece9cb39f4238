import math

import numpy as np
import pytest
import torch
from decoding_toys import all_paths, random_likelihoods, toy_graph, toy_lexicon

from tdnnq_lab.decoding import decode


def score(path, x, finals=None, scale=1.0):
    """Total log weight of a path of `all_paths`; without finals every state may end."""
    state, inputs, _, cost = path
    end = 0.0 if finals is None else finals.get(state, math.inf)
    return scale * sum(float(x[t, label - 1]) for t, label in enumerate(inputs)) - cost - end


def rounded(times):
    return [(round(start, 9), round(duration, 9)) for start, duration in times]


def times_of(path, graph):
    """(start, duration) by the frames of the labels, which stand at the beginning of each word."""
    _, inputs, outputs, _ = path
    silence = 2 * graph.topology.index("SIL") + 1
    starts = [frame for _, frame in outputs]
    ends = [*starts[1:], len(inputs)][: len(starts)]
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        ends[n] = next((t for t in range(start, end) if inputs[t] == silence), end)
    return [(start * 0.03, (end - start) * 0.03) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("seed", range(25))
def test_best_of_all_paths(seed):
    graph, arcs, finals = toy_graph(seed)
    frames, scale = 3 + seed % 4, (1.0, 0.4, 2.5)[seed % 3]
    x = random_likelihoods(frames, graph.topology.num_pdfs, seed)
    best = max(all_paths(arcs, finals, frames), key=lambda path: score(path, x, finals, scale))
    found = decode(torch.from_numpy(x), graph, acoustic_scale=scale, beam=200)
    assert found.words == [graph.words[label] for label, _ in best[2]]
    assert found.pdfs == [label - 1 for label in best[1]]
    assert found.acoustic == pytest.approx(score(best, x) + best[3], abs=1e-4)
    assert found.graph == pytest.approx(-best[3] - finals[best[0]], abs=1e-4)
    assert rounded(found.times) == rounded(times_of(best, graph))
    assert found.reached_final


@pytest.mark.parametrize("seed", range(8))
def test_times_do_not_depend_on_where_labels_stand(seed):
    (early, *_), (late, *_) = toy_graph(seed), toy_graph(seed, late=True)
    x = random_likelihoods(12, early.topology.num_pdfs, seed)
    assert decode(x, early, beam=200) == decode(x, late, beam=200)


@pytest.mark.parametrize("seed", range(8))
def test_no_final_state_gives_the_best_partial_path(seed):
    graph, arcs, finals = toy_graph(seed, finals={})
    x = random_likelihoods(4, graph.topology.num_pdfs, seed)
    best = max(all_paths(arcs, finals, 4), key=lambda path: score(path, x))
    found = decode(x, graph, beam=200)
    assert not found.reached_final
    assert found.words == [graph.words[label] for label, _ in best[2]]
    assert found.acoustic + found.graph == pytest.approx(score(best, x), abs=1e-4)
    assert rounded(found.times) == rounded(times_of(best, graph))


def test_too_short_for_any_word():
    """`ab` alone needs three frames: its label comes, its phones do not."""
    from tdnnq_lab.graphs.lexicon import Lexicon

    lexicon = Lexicon({"ab": [(1.0, ("A", "B", "C"))]})
    for late, words, times in ((False, ["ab"], [(0.0, 0.06)]), (True, [], [])):
        graph, *_ = toy_graph(0, lexicon=lexicon, late=late)
        x = np.zeros((2, graph.topology.num_pdfs), np.float32)
        x[0, 2 * graph.topology.index("A")] = x[1, 2 * graph.topology.index("B")] = 9
        found = decode(x, graph)
        assert (found.words, found.reached_final) == (words, False)
        assert rounded(found.times) == rounded(times)


def test_paths_that_die():
    """A graph of one phone of one frame; then nothing."""
    import kaldifst

    graph, *_ = toy_graph(0)
    forward = 2 * graph.topology.index("A") + 1
    graph.fst = kaldifst.compile(f"0 1 {forward} 1 0.5\n1 2 {forward + 1} 0 0.5\n2 0.25\n")
    found = decode(random_likelihoods(9, graph.topology.num_pdfs, 0), graph)
    assert found.words == ["a"]
    assert not found.reached_final
    assert found.pdfs == [forward - 1, forward]
    assert found.times == [(0.0, pytest.approx(0.06))]
    assert found.graph == pytest.approx(-1.0, abs=0.3)


def test_narrow_beam_is_no_better():
    graph, *_ = toy_graph(3)
    x = random_likelihoods(40, graph.topology.num_pdfs, 3)
    wide, narrow = decode(x, graph, beam=200), decode(x, graph, beam=0.5, max_active=5)
    assert narrow.acoustic + narrow.graph <= wide.acoustic + wide.graph + 1e-3
    assert len(narrow.pdfs) == len(wide.pdfs) == 40


def test_frames_of_another_length():
    graph, *_ = toy_graph(1)
    x = random_likelihoods(9, graph.topology.num_pdfs, 1)
    slow, fast = decode(x, graph, frame_seconds=0.04), decode(x, graph, frame_seconds=0.01)
    assert slow.times == [(pytest.approx(4 * a), pytest.approx(4 * b)) for a, b in fast.times]


def test_more_pdfs_than_the_graph_asks_for_do_not_matter():
    graph, *_ = toy_graph(2)
    x = random_likelihoods(7, graph.topology.num_pdfs + 3, 2)
    assert decode(x, graph) == decode(x[:, :-3], graph) == decode(x.astype(np.float64)[:, :-3], graph)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 8)), "have no frames"),
        (np.zeros(8), r"have shape \(8,\); \(frames, pdfs\)"),
        (np.zeros((2, 3, 8)), r"have shape \(2, 3, 8\)"),
        (np.zeros((4, 7)), "have 7 pdfs but the graph has 8"),
        (np.where(np.arange(8) == 3, np.nan, np.zeros((4, 8))), "pdf 3 in frame 0 is nan"),
        (np.where(np.arange(8) == 5, np.inf, np.zeros((4, 8))), "pdf 5 in frame 0 is inf"),
        (np.where(np.arange(8) == 0, -np.inf, np.zeros((4, 8))), "pdf 0 in frame 0 is -inf"),
    ],
)
def test_bad_likelihoods(x, message):
    graph, *_ = toy_graph(0)
    assert graph.topology.num_pdfs == 8
    for given in (x, torch.from_numpy(x)):
        with pytest.raises(ValueError, match=message):
            decode(given, graph)


@pytest.mark.parametrize("option", ["beam", "max_active", "acoustic_scale"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_bad_options(option, value):
    graph, *_ = toy_graph(0)
    with pytest.raises(ValueError, match=f"{option} is {value}; give a number above 0"):
        decode(np.zeros((4, 8)), graph, **{option: value})


def test_another_lexicon_than_the_graphs():
    graph, *_ = toy_graph(0)
    x = random_likelihoods(6, 8, 0)
    graph.lexicon = type(toy_lexicon())({w: [(1.0, ("C", "C"))] for w in graph.words[1:]})
    with pytest.raises(ValueError, match=r"no pronunciation of .*lexicon"):
        decode(x, graph)
