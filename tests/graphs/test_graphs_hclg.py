import itertools
import json
import math

import kaldifst
import numpy as np
import pytest
from graphs_oracles import accept, pdfs_of, random_tying

from tdnnq_lab.graphs import Hclg, Lexicon, Topology, estimate_ngram, hclg

LEXICON = Lexicon(
    {
        "to": [(1.0, ("t", "u"))],
        "two": [(1.0, ("t", "u"))],  # the same sound
        "tulip": [(1.0, ("t", "u", "l")), (0.4, ("t", "l"))],  # begins as others end
        "#0": [(1.0, ("ʔ",))],  # a name that could clash
        "да": [(0.7, ("ʔ", "u"))],
    },
    silence_probability=0.2,
    edge_silence_probability=0.7,
)
TOPOLOGY = Topology(LEXICON.phones)
TEXT = [s.split() for s in ["to tulip да", "two two", "#0 two tulip", "да", "to #0 да", "to tulip"]]
MODEL = estimate_ngram(TEXT, 3)


BIPHONES = Topology(LEXICON.phones, random_tying(len(LEXICON.phones), 1))


@pytest.fixture(scope="module", params=[TOPOLOGY, BIPHONES], ids=["monophones", "biphones"])
def graph(request, tmp_path_factory):
    return hclg(LEXICON, MODEL, request.param, tmp_path_factory.mktemp("hclg"))


def spoken(words, lexicon=LEXICON, model=MODEL):
    """All ways to say a sentence: (phones, cost without the frames)."""

    def silences(probability):
        return [((), -math.log(1 - probability)), (("SIL",), -math.log(probability))]

    edge, between = lexicon.edge_silence_probability, lexicon.silence_probability
    parts = [silences(edge)]
    for i, word in enumerate(words):
        parts.append([(pron, -math.log(prob)) for prob, pron in lexicon.variants(word)])
        parts.append(silences(between if i < len(words) - 1 else edge))
    for choice in itertools.product(*parts):
        phones = tuple(itertools.chain.from_iterable(part for part, _ in choice))
        yield phones, sum(cost for _, cost in choice) + sentence_cost(words, model)


def sentence_cost(words, model):
    """The cheapest way through the n-gram as an automaton: it may back off even from a history that lists the word.

    The next word can be likelier after the shorter history that this leads to than after the true one.
    """

    def with_backoffs(front):
        for length in range(model.order - 1, 0, -1):
            for context, cost in [item for item in front.items() if len(item[0]) == length]:
                less = cost - model.backoffs.get(context, 0.0)
                front[context[1:]] = min(less, front.get(context[1:], math.inf))
        return front

    front = with_backoffs({("<s>",): 0.0})
    for word in words:
        step = {}
        for context, cost in front.items():
            if (*context, word) in model.probs:
                following = (*context, word)[-(model.order - 1) :] if model.order > 1 else ()
                step[following] = min(cost - model.probs[(*context, word)], step.get(following, math.inf))
        front = with_backoffs(step)
    return min(cost - model.probs[(*c, "</s>")] for c, cost in front.items() if (*c, "</s>") in model.probs)


def test_every_path_costs_what_a_hand_count_says(graph):
    """For each pdf sequence, the sentences that can be heard in it and the cost of each."""
    expected = {}
    for n in (1, 2):
        for words in itertools.product(LEXICON.pronunciations, repeat=n):
            for phones, cost in spoken(words):
                best = expected.setdefault(phones, {})
                best[words] = min(best.get(words, math.inf), cost)
    rng = np.random.default_rng(0)
    short = [phones for phones in expected if len(phones) <= 3]
    assert len(short) > 20
    for phones in sorted(short):
        pdfs = pdfs_of(phones, graph.topology, rng.integers(1, 3, len(phones)).tolist())
        heard = accept(graph.fst, [pdf + 1 for pdf in pdfs])
        heard = {tuple(graph.words[i] for i in labels): cost for labels, cost in heard.items()}
        frames = len(pdfs) * math.log(2)
        for words, cost in expected[phones].items():
            assert heard[words] == pytest.approx(cost + frames, abs=2e-3)
        assert {w for w in heard if 1 <= len(w) <= 2} == set(expected[phones])


def test_best_path_is_the_best_of_all_sentences(graph):
    """Viterbi through the graph against every sentence, every pronunciation, every alignment of three frames."""
    frames = 3
    candidates = [
        (words, phones, cost)
        for n in range(frames + 1)
        for words in itertools.product(LEXICON.pronunciations, repeat=n)
        for phones, cost in spoken(words)
        if 1 <= len(phones) <= frames
    ]
    rng = np.random.default_rng(5)
    for _ in range(10):
        loglik = rng.normal(size=(frames, graph.topology.num_pdfs)) * 6
        best = min((cost - _align(phones, loglik, graph.topology), words) for words, phones, cost in candidates)
        line = kaldifst.StdVectorFst()
        for _ in range(frames + 1):
            line.add_state()
        for t, p in itertools.product(range(frames), range(graph.topology.num_pdfs)):
            line.add_arc(t, kaldifst.StdArc(p + 1, p + 1, -float(loglik[t, p]), t + 1))
        line.start = 0
        line.set_final(frames, 0.0)
        path = kaldifst.shortest_path(kaldifst.compose(line, graph.fst))
        _, _, labels, weight = kaldifst.get_linear_symbol_sequence(path)
        assert float(weight.value) == pytest.approx(best[0] + frames * math.log(2), abs=2e-3)
        assert tuple(graph.words[i] for i in labels) == best[1]


def _align(phones, loglik, topology):
    """The best log likelihood of phones over all frames: every division into durations."""
    n, frames = len(phones), len(loglik)
    best = -math.inf
    for cuts in itertools.combinations(range(1, frames), n - 1):
        bounds = (0, *cuts, frames)
        pdfs = pdfs_of(phones, topology, [b - a for a, b in itertools.pairwise(bounds)])
        best = max(best, sum(loglik[t, pdf] for t, pdf in enumerate(pdfs)))
    return best


def test_silence_alone_is_the_empty_sentence(graph):
    heard = accept(graph.fst, [pdf + 1 for pdf in pdfs_of(["SIL"], graph.topology, [3])])
    want = sentence_cost([], MODEL) - math.log(0.7) + 3 * math.log(2)
    assert heard[()] == pytest.approx(want, abs=2e-3)


def test_same_input_same_bytes_and_round_trip(tmp_path, graph):
    for name in ("a", "b"):
        hclg(LEXICON, MODEL, graph.topology, tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    again = Hclg.load(tmp_path / "a")
    assert again.words == graph.words
    assert again.words[0] == "<eps>"
    assert again.topology == graph.topology
    assert again.lexicon.pronunciations == {w: LEXICON.variants(w) for w in again.lexicon.pronunciations}
    assert again.lexicon.phones == LEXICON.phones
    assert again.lexicon.edge_silence_probability == 0.7
    assert again.info == graph.info
    assert again.info["states"] == again.fst.num_states
    assert again.fst.to_str() == graph.fst.to_str()


def test_an_arpa_file_gives_the_same_graph(tmp_path, graph):
    MODEL.write_arpa(tmp_path / "lm.arpa")
    again = hclg(LEXICON, tmp_path / "lm.arpa", graph.topology, None)
    labels = [pdf + 1 for pdf in pdfs_of(["t", "u", "t", "l"], graph.topology)]
    first, second = accept(graph.fst, labels), accept(again.fst, labels)
    assert first.keys() == second.keys()
    assert all(first[k] == pytest.approx(second[k], abs=1e-3) for k in first)


def test_words_on_one_side_only(tmp_path):
    smaller = Lexicon({"to": [(1.0, ("t", "u"))], "new": [(1.0, ("l",))]}, phones=LEXICON.phones)
    graph = hclg(smaller, MODEL, TOPOLOGY, None)
    assert graph.words == ["<eps>", "to"]
    assert graph.info["unheard"] == ["new"]
    assert graph.info["unspoken"] == 4
    assert set(accept(graph.fst, [p + 1 for p in pdfs_of(["t", "u", "t", "u"], TOPOLOGY)])) == {(1, 1)}
    with pytest.raises(ValueError, match="no word in common"):
        hclg(Lexicon({"new": [(1.0, ("l",))]}, phones=LEXICON.phones), MODEL, TOPOLOGY, None)
    with pytest.raises(ValueError, match="phone 'ʔ'"):
        hclg(LEXICON, MODEL, Topology(["SIL", "t", "u", "l"]), None)


@pytest.mark.parametrize("chances", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_certain_and_forbidden_silences(chances):
    between, edge = chances
    lexicon = Lexicon({"to": [(1.0, ("t",))]}, "SIL", between, edge)
    graph = hclg(lexicon, estimate_ngram([["to", "to"], ["to"]], 2), Topology(lexicon.phones), None)
    for silences in itertools.product([0, 1], repeat=3):
        phones = ["SIL"] * silences[0] + ["t"] + ["SIL"] * silences[1] + ["t"] + ["SIL"] * silences[2]
        heard = accept(graph.fst, [p + 1 for p in pdfs_of(phones, Topology(lexicon.phones))])
        assert ((1, 1) in heard) == (silences == (edge, between, edge))


def test_without_silence_and_with_a_word_of_silence():
    bare = Lexicon({"a": [(1.0, ("x",))]}, silence=None)
    graph = hclg(bare, estimate_ngram([["a", "a"]], 2), Topology(bare.phones), None)
    assert set(accept(graph.fst, [1, 1])) == {(1, 1)}
    hush = Lexicon({"a": [(1.0, ("x",))], "<sil>": [(1.0, ("SIL",))]})
    graph = hclg(hush, estimate_ngram([["a", "<sil>", "a"]], 2), Topology(hush.phones), None)
    heard = accept(graph.fst, [p + 1 for p in pdfs_of(["x", "SIL", "x"], Topology(hush.phones))])
    assert {tuple(graph.words[i] for i in labels) for labels in heard} == {("a", "a"), ("a", "<sil>", "a")}


def test_nothing_on_the_standard_error(capfd):
    hclg(LEXICON, MODEL, TOPOLOGY, None)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_damage_is_noticed(tmp_path):
    hclg(LEXICON, MODEL, TOPOLOGY, tmp_path / "g")
    whole = (tmp_path / "g" / "HCLG.fst").read_bytes()
    (tmp_path / "g" / "HCLG.fst").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"HCLG\.fst: damaged"):
        Hclg.load(tmp_path / "g")
    (tmp_path / "g" / "HCLG.fst").write_bytes(whole)
    words = (tmp_path / "g" / "words.txt").read_bytes()
    (tmp_path / "g" / "words.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"words\.txt"):
        Hclg.load(tmp_path / "g")
    (tmp_path / "g" / "words.txt").write_bytes(words)
    assert Hclg.load(tmp_path / "g").fst.num_states > 0
    (tmp_path / "g" / "hclg.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ValueError, match=r"hclg\.json: not the description"):
        Hclg.load(tmp_path / "g")
    with pytest.raises(FileNotFoundError, match=r"hclg\.json"):
        Hclg.load(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        hclg(LEXICON, MODEL, TOPOLOGY, tmp_path / "file")
