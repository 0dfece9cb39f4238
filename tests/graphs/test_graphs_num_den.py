import itertools
import math

import numpy as np
import pytest
import torch
from graphs_oracles import lexicons, path_weight, pdfs_of, random_tying, readings, topologies, total, transcripts_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs import (
    Fsa,
    Lexicon,
    PhoneLm,
    Topology,
    Tying,
    denominator,
    minimum_frames,
    numerator,
    numerator_from_phones,
)

TOY = Lexicon({"a": [(1.0, ("x",)), (0.5, ("x", "y"))], "b": [(1.0, ("y", "y"))], "sil": [(1.0, ("SIL",))]})
TOPOLOGY = Topology(TOY.phones)
LM = PhoneLm.estimate([["a", "b"], ["b", "sil", "a"], ["a"]], TOY, order=3, no_backoff_below=3)
BIPHONES = Topology(TOY.phones, random_tying(len(TOY.phones), 4))
EITHER = pytest.mark.parametrize("topology", [TOPOLOGY, BIPHONES], ids=["monophones", "biphones"])
BOTH = pytest.mark.parametrize("initial", ["kaldi", "start"])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_numerator_is_the_denominator_on_its_transcript(data):
    """Every reading has the denominator's weight, so the total is at most the denominator's."""
    lexicon = data.draw(lexicons())
    text = data.draw(st.lists(transcripts_of(lexicon, 3), min_size=1, max_size=3))
    lm = PhoneLm.estimate(
        text,
        lexicon,
        order=data.draw(st.integers(1, 4)),
        no_backoff_below=data.draw(st.integers(1, 3)),
        extra_states=data.draw(st.integers(0, 4)),
        samples=2,
        joins=data.draw(st.sampled_from(["all", "silence"])),
    )
    topology = data.draw(topologies(lexicon.phones))
    words = data.draw(transcripts_of(lexicon, 2))
    initial = data.draw(st.sampled_from(["kaldi", "start"]))
    num, den = numerator(words, lexicon, topology, lm, initial=initial), denominator(lm, topology, initial=initial)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    spoken = readings(words, lexicon)
    assert minimum_frames(num) >= min(map(len, spoken))
    for phones in sorted(spoken)[:6]:
        pdfs = pdfs_of(phones, topology, rng.integers(1, 3, len(phones)).tolist())
        assert path_weight(num, pdfs) == pytest.approx(path_weight(den, pdfs), abs=1e-4)
    other = tuple(rng.choice(lexicon.phones, size=rng.integers(1, 4)))
    if other not in spoken:
        assert path_weight(num, pdfs_of(other, topology)) == -math.inf
    for frames in (minimum_frames(num), 7):
        logits = rng.normal(size=(frames, topology.num_pdfs)) * 4
        assert total(num, logits) <= total(den, logits) + 1e-4


@EITHER
def test_start_is_a_proper_distribution(topology):
    den = denominator(LM, topology, initial="start")
    mass = [math.exp(total(den, np.zeros((frames, topology.num_pdfs)))) for frames in range(200)]
    assert sum(mass) == pytest.approx(1, abs=1e-3)
    phones = ["SIL", "x", "SIL", "y", "y", "SIL"]
    pdfs = pdfs_of(phones, topology, [3, 1, 2, 1, 1, 5])
    assert path_weight(den, pdfs) == pytest.approx(LM.log_prob(phones) + len(pdfs) * math.log(0.5), abs=1e-4)


def test_kaldi_initial_is_the_mean_of_100_steps():
    den = denominator(LM, TOPOLOGY)
    start = denominator(LM, TOPOLOGY, initial="start")
    matrix = np.zeros((den.num_states, den.num_states))
    for (source, target, _), score in zip(den.arcs.tolist(), den.scores.tolist(), strict=True):
        matrix[source, target] += math.exp(score)
    state = np.zeros(den.num_states)
    state[int(start.initial.argmax())] = 1.0
    mean = np.zeros_like(state)
    for _ in range(100):
        mean += state / 100
        state = state @ matrix
        state /= state.sum()
    assert np.allclose(den.initial.double().exp().numpy(), mean, atol=1e-6)
    assert not den.final.any()
    assert torch.equal(den.arcs, start.arcs)


def test_biphones_split_states_only_where_their_loops_differ():
    """All that a state needs to know of the phone before it is which pdf its self-loop has."""
    plain, split = denominator(LM, TOPOLOGY), denominator(LM, BIPHONES)
    assert plain.num_states < split.num_states <= 3 * plain.num_states
    loops = [pdf for source, target, pdf in split.arcs.tolist() if source == target and BIPHONES.owners[pdf, 1]]
    assert len(loops) == split.num_states - 1
    one = Topology(TOY.phones, Tying.monophone(len(TOY.phones)))
    assert torch.equal(denominator(LM, one).arcs, plain.arcs)


def test_states_are_entered_by_one_pdf_and_loop_on_its_partner():
    den = denominator(LM, TOPOLOGY)
    entered, loops = {}, {}
    for source, target, pdf in den.arcs.tolist():
        (loops if source == target and pdf % 2 else entered).setdefault(target, set()).add(pdf)
    assert set(loops) == set(entered) == set(range(1, den.num_states))
    assert all(len(pdfs) == 1 and loops[state] == {min(pdfs) + 1} for state, pdfs in entered.items())


@BOTH
@EITHER
def test_a_numerator_accepts_its_readings_and_nothing_else(initial, topology):
    words = ["a", "sil", "b"]
    num = numerator(words, TOY, topology, LM, initial=initial)
    accepted = {
        phones
        for n in range(1, 8)
        for phones in itertools.product(TOY.phones, repeat=n)
        if path_weight(num, pdfs_of(phones, topology)) > -math.inf
    }
    assert accepted == {phones for phones in readings(words, TOY) if len(phones) < 8}
    assert minimum_frames(num) == 4


@BOTH
@EITHER
def test_held_out_transcripts_never_exceed_the_denominator(initial, topology):
    den = denominator(LM, topology, initial=initial)
    rng = np.random.default_rng(0)
    for words in itertools.product(TOY.pronunciations, repeat=3):
        num = numerator(words, TOY, topology, LM, initial=initial)
        logits = rng.normal(size=(9, topology.num_pdfs)) * 5
        assert -math.inf < total(num, logits) <= total(den, logits) + 1e-4


@BOTH
@EITHER
def test_one_phone_sequence(initial, topology):
    phones = ["SIL", "x", "y", "y", "SIL"]
    num = numerator_from_phones(phones, topology, LM, initial=initial)
    den = denominator(LM, topology, initial=initial)
    pdfs = pdfs_of(phones, topology, [1, 2, 1, 1, 3])
    assert path_weight(num, pdfs) == pytest.approx(path_weight(den, pdfs), abs=1e-4)
    assert path_weight(num, pdfs_of(["SIL", "x", "SIL"], topology)) == -math.inf
    assert minimum_frames(num) == 5
    assert num.initial.isfinite().sum() == 1


@EITHER
def test_a_chunk_may_begin_inside_a_phone(topology):
    """Then every path that begins with the first phone's self-loop weighs what it weighs in the denominator."""
    phones = ["x", "y", "SIL"]
    num = numerator_from_phones(phones, topology, LM, inside=True)
    den = denominator(LM, topology)
    for left in (-1, *range(topology.num_phones)):
        whole = pdfs_of(phones, topology, [3, 2, 2])
        begun = [topology.loop_pdf(topology.index("x"), left)] * 2 + whole[3:]
        assert path_weight(num, begun) == pytest.approx(path_weight(den, begun), abs=1e-4)
        assert path_weight(num, begun) > -math.inf
    assert path_weight(num, whole) == pytest.approx(path_weight(den, whole), abs=1e-4)
    assert path_weight(numerator_from_phones(phones, topology, LM), begun) == -math.inf
    assert minimum_frames(num) == 2
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(size=(6, topology.num_pdfs)) * 5
        assert total(num, logits) <= total(den, logits) + 1e-4
    with pytest.raises(ValueError, match="initial='kaldi'"):
        numerator_from_phones(phones, topology, LM, initial="start", inside=True)


def test_numerators_are_trimmed_and_valid():
    num = numerator(["a", "b"], TOY, TOPOLOGY, LM)
    Fsa(num.arcs, num.scores, num.initial, num.final)  # the checks that numerator skips for speed
    follow = {s: set() for s in range(num.num_states)}
    for source, target, _ in num.arcs.tolist():
        follow[source].add(target)

    def reach(states, graph):
        seen, waiting = set(states), list(states)
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    back = {t: {s for s in follow if t in follow[s]} for t in follow}
    assert reach([0], follow) == set(follow)
    assert reach([s for s, f in enumerate(num.final.tolist()) if f > -math.inf], back) == set(follow)


def test_topology_order_is_respected():
    other = Topology([*reversed(TOY.phones), "unused"])
    words, phones = ["a"], ("SIL", "x", "SIL")
    num, den = numerator(words, TOY, other, LM), denominator(LM, other)
    assert path_weight(num, pdfs_of(phones, other)) == pytest.approx(path_weight(den, pdfs_of(phones, other)), abs=1e-4)
    assert path_weight(den, pdfs_of(phones, other)) == pytest.approx(
        path_weight(denominator(LM, TOPOLOGY), pdfs_of(phones, TOPOLOGY)), abs=1e-4
    )


def test_bad_input():
    with pytest.raises(ValueError, match="empty transcript"):
        numerator([], TOY, TOPOLOGY, LM)
    with pytest.raises(ValueError, match="'dog' is not in the lexicon"):
        numerator(["a", "dog"], TOY, TOPOLOGY, LM)
    with pytest.raises(ValueError, match="initial is 'end'"):
        denominator(LM, TOPOLOGY, initial="end")
    with pytest.raises(ValueError, match="initial is 'end'"):
        numerator(["a"], TOY, TOPOLOGY, LM, initial="end")
    with pytest.raises(ValueError, match="phone 'SIL'"):
        denominator(LM, Topology(["x", "y"]))
    with pytest.raises(ValueError, match="'q' is unknown"):
        numerator_from_phones(["q"], TOPOLOGY, LM)
    wider = Lexicon({"c": [(1.0, ("y", "x", "x", "y"))]}, silence=None)
    narrow = PhoneLm.estimate([["c"]], Lexicon({"c": [(1.0, ("x", "y"))]}, silence=None), order=2)
    with pytest.raises(ValueError, match="transcript 'c' has no path"):
        numerator(["c"], wider, Topology(wider.phones), narrow)
    dead = Fsa(torch.zeros(0, 3, dtype=torch.int32), torch.zeros(0), torch.zeros(2), torch.full((2,), -math.inf))
    with pytest.raises(ValueError, match="no path"):
        minimum_frames(dead)
