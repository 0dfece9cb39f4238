import gzip
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs import Ngram, estimate_ngram, mix, read_arpa

TEXT = [s.split() for s in ["a b a c", "a b", "c a b a b", "b b a", "да a", "a b a c", "c c a", "b a b a c a"]]
SENTENCES = st.lists(st.lists(st.sampled_from(["a", "b", "да", "#0"]), max_size=5), min_size=1, max_size=8)


def direct_sums(model):
    """Sums over all words, word by word, after every possible history of words up to the model's length."""
    words = model.vocabulary
    for n in range(model.order):
        for history in itertools.product(["<s>", *words], repeat=n):
            if "<s>" not in history[1:]:
                yield sum(math.exp(model.log_prob(w, history)) for w in [*words, "</s>"])


@settings(deadline=None, max_examples=60)
@given(SENTENCES, st.integers(1, 4), st.sampled_from(["kneser-ney", "witten-bell"]), st.sampled_from([0, 1e-3, 0.1]))
def test_sums_to_one_in_every_context(text, order, smoothing, threshold):
    vocabulary = ["a", "b", "да", "#0", "never"]
    model = estimate_ngram(text, order, vocabulary=vocabulary, smoothing=smoothing)
    other = estimate_ngram(text[:1], 2, vocabulary=vocabulary)
    for made in (model, model.prune(threshold), mix(model, other, 0.3)):
        assert all(total == pytest.approx(1, abs=1e-6) for total in direct_sums(made))
        assert made.worst_sum() < 1e-6
    assert math.isfinite(model.log_prob("never", ("a", "b")))


def test_witten_bell_by_hand():
    model = estimate_ngram([["a"], ["b", "a"]], 2, smoothing="witten-bell")
    # unigrams: a 2, b 1, end 2 of 5 and 3 kinds; uniform 1/3
    low = {"a": (2 + 3 / 3) / 8, "b": (1 + 3 / 3) / 8, "</s>": (2 + 3 / 3) / 8}
    assert math.exp(model.log_prob("a")) == pytest.approx(low["a"])
    # after a: end twice of 2, 1 kind
    assert math.exp(model.log_prob("</s>", ["a"])) == pytest.approx((2 + low["</s>"]) / 3)
    assert math.exp(model.log_prob("b", ["a"])) == pytest.approx(low["b"] / 3)


def test_kneser_ney_by_hand():
    """Few counts, so the discounts are 0.5, 1 and 1.5 (KenLM's fallback)."""
    model = estimate_ngram([["a", "b"], ["c", "b"], ["a", "b"]], 2)
    # continuations: a after <s>; c after <s>; b after a, c; end after b: 5 in all
    spare = 0.5 * 3 + 1.0
    low = {w: (n - d + spare / 4) / 5 for w, n, d in [("a", 1, 0.5), ("b", 2, 1.0), ("c", 1, 0.5), ("</s>", 1, 0.5)]}
    for word, value in low.items():
        assert math.exp(model.log_prob(word)) == pytest.approx(value)
    # after <s>: a twice, c once
    assert math.exp(model.log_prob("a", ["<s>"])) == pytest.approx((2 - 1 + 1.5 * low["a"]) / 3)
    assert math.exp(model.log_prob("b", ["<s>"])) == pytest.approx(1.5 * low["b"] / 3)


def test_estimated_discounts_are_chen_and_goodmans():
    counts = {"a": 1, "b": 1, "c": 1, "d": 2, "e": 2, "f": 3, "g": 4, "h": 9}  # n1 3, n2 2, n3 1, n4 1
    model = estimate_ngram([[w] * n for w, n in counts.items()], 1)
    y = 3 / (3 + 2 * 2)
    d1, d2, d3 = 1 - 2 * y * 2 / 3, 2 - 3 * y * 1 / 2, 3 - 4 * y * 1 / 1
    total = sum(counts.values()) + len(counts)  # the ends: 8, a count of the third kind
    spare = 3 * d1 + 2 * d2 + 4 * d3
    assert math.exp(model.log_prob("a")) == pytest.approx((1 - d1 + spare / 9) / total)
    assert math.exp(model.log_prob("h")) == pytest.approx((9 - d3 + spare / 9) / total)


def test_more_context_helps_and_perplexity_is_that_of_the_sentences():
    heldout = [["a", "b", "a", "c"], ["c", "a", "b"]]
    models = [estimate_ngram(TEXT, order) for order in (1, 2, 3)]
    assert models[0].perplexity(heldout) > models[1].perplexity(heldout) > models[2].perplexity(heldout)
    model = models[2]
    total = sum(map(model.sentence_log_prob, heldout))
    assert model.perplexity(heldout) == pytest.approx(math.exp(-total / 9))
    assert model.sentence_log_prob(["a"]) == pytest.approx(
        model.log_prob("a", ["<s>"]) + model.log_prob("</s>", ["<s>", "a"])
    )
    with pytest.raises(ValueError, match="'zz' is not in the vocabulary"):
        model.perplexity([["a", "zz"]])
    assert model.perplexity([["a", "zz"]], skip_unknown=True) < math.inf
    with pytest.raises(ValueError, match="no sentences"):
        model.perplexity([])


def test_mix_interpolates_what_either_lists():
    first, second = estimate_ngram(TEXT[:4], 3), estimate_ngram(TEXT[4:], 2)
    both = mix(first, second, 0.25)
    assert set(both.vocabulary) == {"a", "b", "c", "да"}
    want = 0.25 * math.exp(first.log_prob("b", ["<s>", "a"])) + 0.75 * math.exp(second.log_prob("b", ["a"]))
    assert math.exp(both.log_prob("b", ["<s>", "a"])) == pytest.approx(want)
    assert math.exp(both.log_prob("да")) == pytest.approx(0.75 * math.exp(second.log_prob("да")))
    with pytest.raises(ValueError, match="weight of the first model is 2"):
        mix(first, second, 2)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_without_a_word_the_others_share_what_it_had(order):
    text = [s.split() for s in ("a b x a b", "b x x a", "a a b c", "x c a b", "c b a x")]
    model = estimate_ngram(text, order, vocabulary=["a", "b", "c"], unknown="x")
    found = model.without("x")
    assert found.vocabulary == ["a", "b", "c"]
    assert found.worst_sum() < 1e-9
    assert not any("x" in gram for gram in found.probs)
    for history in itertools.product(["<s>", "a", "b", "c"], repeat=2):
        rest = 1 - math.exp(model.log_prob("x", history))
        for word in ("a", "b", "c", "</s>"):
            expected = math.exp(model.log_prob(word, history)) / rest
            assert math.exp(found.log_prob(word, history)) == pytest.approx(expected)
    with pytest.raises(ValueError, match="'y' is not in the vocabulary"):
        model.without("y")


def test_pruning_removes_the_least_missed():
    model = estimate_ngram(TEXT, 3)
    sizes = [sum(model.prune(threshold).sizes()) for threshold in (0, 1e-3, 1e-2, 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] == len(model.vocabulary) + 2
    light = model.prune(1e-3)
    assert set(light.probs) < set(model.probs)
    for gram in light.probs:  # the ARPA format wants the history of every n-gram
        assert len(gram) == 1 or gram[:-1] in light.probs
    with pytest.raises(ValueError, match="threshold"):
        model.prune(-1)


def test_vocabulary_and_unknown_words():
    with pytest.raises(ValueError, match="'да' is not in the vocabulary"):
        estimate_ngram(TEXT, 2, vocabulary=["a", "b", "c"])
    model = estimate_ngram(TEXT, 2, vocabulary=["a", "b", "c"], unknown="<unk>")
    assert model.vocabulary == ["a", "b", "c", "<unk>"]
    assert model.log_prob("a", ["<unk>"]) > model.log_prob("c", ["<unk>"])
    assert TEXT[4] == ["да", "a"]  # the caller's sentences stay as they were
    with pytest.raises(ValueError, match="<s> stands in a sentence"):
        estimate_ngram([["<s>", "a"]], 2)
    with pytest.raises(ValueError, match="no sentences"):
        estimate_ngram([], 2)
    with pytest.raises(ValueError, match="order of the n-gram is 0"):
        estimate_ngram(TEXT, 0)
    with pytest.raises(ValueError, match="smoothing is"):
        estimate_ngram(TEXT, 2, smoothing="none")


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_arpa_round_trip(tmp_path, name):
    model = estimate_ngram(TEXT, 3, vocabulary=["a", "b", "c", "да", "no\u00a0break"])
    model.write_arpa(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    model.write_arpa(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    again = read_arpa(tmp_path / name)
    assert again.order == 3
    assert sorted(again.vocabulary) == sorted(model.vocabulary)
    assert set(again.probs) == set(model.probs)
    assert again.worst_sum() < 1e-5
    assert again.sentence_log_prob(["да", "a", "c"]) == pytest.approx(
        model.sentence_log_prob(["да", "a", "c"]), abs=1e-5
    )


def test_kaldilm_reads_our_arpa(tmp_path, capfd):
    import kaldifst
    import kaldilm

    model = estimate_ngram(TEXT, 3)
    model.write_arpa(tmp_path / "lm.arpa")
    words = ["<eps>", *model.vocabulary, "#0", "<s>", "</s>"]
    (tmp_path / "words.txt").write_text("".join(f"{w} {i}\n" for i, w in enumerate(words)), encoding="utf-8")
    text = kaldilm.arpa2fst(
        str(tmp_path / "lm.arpa"), disambig_symbol="#0", read_symbol_table=str(tmp_path / "words.txt")
    )
    grammar = kaldifst.compile(text)
    backoff = words.index("#0")
    for sentence in [["a", "b"], ["да", "да", "c"], ["c", "b", "a", "a"]]:
        loops = kaldifst.StdVectorFst()
        for state in range(len(sentence) + 1):
            loops.add_state()
            loops.add_arc(state, kaldifst.StdArc(backoff, backoff, 0.0, state))
        for state, word in enumerate(sentence):
            loops.add_arc(state, kaldifst.StdArc(words.index(word), words.index(word), 0.0, state + 1))
        loops.start = 0
        loops.set_final(len(sentence), 0.0)
        kaldifst.arcsort(grammar, "ilabel")
        best = kaldifst.shortest_path(kaldifst.compose(loops, grammar))
        cost = kaldifst.get_linear_symbol_sequence(best)[-1]
        assert float(cost.value) == pytest.approx(-model.sentence_log_prob(sentence), abs=1e-4)


GOOD = """\\data\\
ngram 1=3
ngram 2=1

\\1-grams:
-99 <s> -0.3
-0.5 a -0.2
-0.5 </s>

\\2-grams:
-0.1 <s> a

\\end\\
"""


def test_reads_spaces_for_tabs_and_comments_before(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text("made by hand\n" + GOOD)
    model = read_arpa(path)
    assert model.log_prob("a", ["<s>"]) == pytest.approx(-0.1 * math.log(10))
    assert model.log_prob("a", ["a"]) == pytest.approx(-0.7 * math.log(10))
    assert isinstance(model, Ngram)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\end\\\n", "", r"lm\.arpa:12: the file ends without"),
        ("-0.5 a -0.2", "-0.5 a b c", r"lm\.arpa:7: .* is not a log10"),
        ("-0.5 a -0.2", "nan a", r":7: .* is not a log10"),
        ("-0.5 a -0.2", "0.5 a", r":7: .* above 0"),
        ("-0.5 a -0.2", "-0.5 a\n-0.6 a", r":8: the 1-gram 'a' is listed twice"),
        ("ngram 2=1", "ngram 2=2", "1 2-grams were read, 2 announced"),
        ("ngram 2=1", "ngram 2=x", r":3: 'ngram 2=x'"),
        ("ngram 2=1\n", "", r"2-grams: was not announced"),
        ("<s> a", "<s> z", "'<s> z' has a word"),
        ("-0.5 </s>", "-0.5 b", "no </s>"),
    ],
)
def test_bad_arpa_names_the_line(tmp_path, old, new, message):
    path = tmp_path / "lm.arpa"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_arpa(path)


def test_damaged_and_missing_arpa(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.arpa"):
        read_arpa(tmp_path / "none.arpa")
    (tmp_path / "cut.arpa.gz").write_bytes(gzip.compress(GOOD.encode())[:-12])
    with pytest.raises(ValueError, match=r"cut\.arpa\.gz: damaged"):
        read_arpa(tmp_path / "cut.arpa.gz")
    (tmp_path / "x.arpa").write_bytes(b"\\data\\\n\xff\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_arpa(tmp_path / "x.arpa")
