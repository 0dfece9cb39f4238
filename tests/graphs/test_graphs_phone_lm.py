import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from graphs_oracles import lexicons, readings, transcripts_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs import Lexicon, PhoneLm, sample_phones

TOY = Lexicon(
    {"the": [(1.0, ("dh", "ah")), (0.5, ("dh", "iy"))], "cat": [(1.0, ("k", "ae", "t"))], "at": [(1.0, ("ae", "t"))]}
)
TEXT = [["the", "cat"], ["at", "the", "cat"], ["cat"]]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_state_sums_to_one_and_every_transcript_has_a_path(data):
    lexicon = data.draw(lexicons())
    text = data.draw(st.lists(transcripts_of(lexicon), min_size=1, max_size=3))
    lm = PhoneLm.estimate(
        text,
        lexicon,
        order=data.draw(st.integers(1, 4)),
        no_backoff_below=data.draw(st.integers(1, 4)),
        extra_states=data.draw(st.integers(0, 5)),
        samples=2,
        joins=data.draw(st.sampled_from(["all", "silence"])),
    )
    assert np.allclose(lm.sums(), 1, atol=1e-9)
    heldout = data.draw(transcripts_of(lexicon))
    probs = [lm.log_prob(phones) for phones in readings(heldout, lexicon)]
    assert max(probs) > -math.inf
    assert max(probs) <= 0


def test_all_joins_allow_every_reading_of_unseen_transcripts():
    lm = PhoneLm.estimate(TEXT, TOY, order=3, no_backoff_below=3)
    for words in itertools.product(TOY.pronunciations, repeat=3):
        assert all(lm.log_prob(phones) > -math.inf for phones in readings(words, TOY))
    fewer = PhoneLm.estimate(TEXT, TOY, order=3, no_backoff_below=3, joins="silence")
    assert fewer.num_arcs < lm.num_arcs
    assert (
        fewer.log_prob(["SIL", "ae", "t", "k", "ae", "t", "SIL"]) == -math.inf
    )  # "at cat" was never heard in one breath
    assert fewer.log_prob(["SIL", "ae", "t", "SIL", "k", "ae", "t", "SIL"]) > -math.inf


def test_probabilities_over_all_sequences_sum_to_one():
    lexicon = Lexicon({"a": [(1.0, ("x",))], "b": [(1.0, ("y", "x"))]})
    lm = PhoneLm.estimate([["a"], ["b"]], lexicon, order=2)
    # the mass of sequences of at most n phones grows to one
    mass = [
        sum(math.exp(lm.log_prob(s)) for k in range(n + 1) for s in itertools.product(lexicon.phones, repeat=k))
        for n in (2, 5, 8)
    ]
    assert mass[0] < mass[1] < mass[2] <= 1 + 1e-9
    assert mass[2] > 0.9


def test_bigram_is_the_discounted_count():
    lexicon = Lexicon({"a": [(1.0, ("x",))], "b": [(1.0, ("y",))]}, silence=None)
    lm = PhoneLm.estimate([["a", "a", "b"], ["b", "a"]], lexicon, order=2, samples=1, discount=0.5)
    # floor: (count + 0.5) / (total + 0.5 * 3): x 3, y 2, end 2
    low = {"x": 3.5 / 8.5, "y": 2.5 / 8.5, "end": 2.5 / 8.5}
    # after x: x 1, y 1, end 1 of 3, so 1.5 is taken from them; all of x, y, end are possible
    after_x = {event: (0.5 + 1.5 * low[event]) / 3 for event in low}
    # at the start the end cannot come first: x 1, y 1 of 2, 1.0 taken, shared by x and y alone
    start = {e: (0.5 + 1.0 * low[e] / (low["x"] + low["y"])) / 2 for e in ("x", "y")}
    assert math.exp(lm.log_prob(["x"])) == pytest.approx(start["x"] * after_x["end"])
    assert math.exp(lm.log_prob(["x", "y"]) - lm.log_prob(["y"])) == pytest.approx(
        start["x"] * after_x["y"] / start["y"]
    )


def test_longer_histories_come_with_extra_states():
    plain = PhoneLm.estimate(TEXT, TOY, order=4, extra_states=0)
    more = PhoneLm.estimate(TEXT, TOY, order=4, extra_states=4)
    kaldi = PhoneLm.estimate(TEXT, TOY, order=4, no_backoff_below=3, extra_states=0)
    assert max(map(len, plain.histories)) == 1
    assert plain.num_states < more.num_states <= plain.num_states + 4
    pairs = {(a, b) for history in kaldi.histories if len(history) == 2 for a, b in [history]}
    drawn = [
        [-1, *(TOY.phones.index(p) for p in sample_phones(words, TOY, random.Random(seed)))]
        for words in TEXT
        for seed in range(20)
    ]
    likely = Counter(pair for phones in drawn for pair in itertools.pairwise(phones))
    assert {pair for pair, _ in likely.most_common(8)} <= pairs
    text = [["the", "cat"], ["cat"]]
    sequences = [min(readings(w, TOY)) for w in text]  # a set: its order changes from run to run
    assert more.perplexity(sequences) < plain.perplexity(sequences)


def test_same_seed_same_model_and_round_trip(tmp_path):
    first, second = (PhoneLm.estimate(TEXT, TOY, seed=3) for _ in range(2))
    assert np.array_equal(first.arcs, second.arcs)
    assert np.array_equal(first.log_probs, second.log_probs)
    first.save(tmp_path / "lm")
    again = PhoneLm.load(tmp_path / "lm")
    assert again.phones == first.phones
    assert again.histories == first.histories
    assert np.array_equal(again.log_probs, first.log_probs)
    (tmp_path / "cut").write_bytes((tmp_path / "lm").read_bytes()[:-9])
    with pytest.raises(ValueError, match="cut: truncated"):
        PhoneLm.load(tmp_path / "cut")
    with pytest.raises(FileNotFoundError):
        PhoneLm.load(tmp_path / "none")


def test_silences_are_drawn_with_their_probabilities():
    rng = random.Random(1)
    drawn = [sample_phones(["cat", "at"], TOY, rng) for _ in range(4000)]
    inner = sum("SIL" in phones[1:-1] for phones in drawn) / len(drawn)
    edge = sum(phones[0] == "SIL" for phones in drawn) / len(drawn)
    assert inner == pytest.approx(0.15, abs=0.03)
    assert edge == pytest.approx(0.95, abs=0.02)
    iy = sum("iy" in sample_phones(["the"], TOY, rng) for _ in range(4000)) / 4000
    assert iy == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ([["dog"]], {}, "'dog' is not in the lexicon"),
        ([], {}, "no transcripts"),
        ([[]], {}, "empty transcript"),
        (TEXT, {"order": 0}, "order 0"),
        (TEXT, {"joins": "some"}, "joins is 'some'"),
        (TEXT, {"discount": 0}, "discount is 0"),
        (TEXT, {"samples": 0}, "samples"),
    ],
)
def test_bad_input(text, options, message):
    with pytest.raises(ValueError, match=message):
        PhoneLm.estimate(text, TOY, **options)
