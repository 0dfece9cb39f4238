"""HCLG = H ∘ C ∘ min(det(L ∘ G)) with kaldifst: Kaldi's recipe for monophones or left biphones (`mkgraph.sh`)."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from .lexicon import Lexicon, Pronunciation
from .ngram import BOS, EOS, Gram, Ngram
from .topology import LEAVE, LOOP, Topology

if TYPE_CHECKING:
    from kaldifst import StdVectorFst

_DELTA = 1e-4  # weights closer than this are the same when states are merged


def build(lexicon: Lexicon, model: Ngram, topology: Topology) -> tuple[StdVectorFst, list[str]]:
    """Make the graph; input label pdf + 1, output label number of the word in the returned table (0: none).

    Raises:
      ValueError: the lexicon and the language model have no word in common, or the graph is empty.
    """
    import kaldifst

    words = ["<eps>", *(w for w in sorted(lexicon.pronunciations) if (w,) in model.probs)]
    if len(words) == 1:
        raise ValueError("the lexicon and the language model have no word in common")
    symbols = _Symbols(lexicon, topology, words)
    lexicon_fst = _lexicon_fst(lexicon, symbols, words)
    kaldifst.arcsort(lexicon_fst, "olabel")
    graph = kaldifst.compose(lexicon_fst, _grammar_fst(model, words))
    kaldifst.determinize_star(graph, use_log=True)
    kaldifst.minimize_encoded(graph, delta=_DELTA)
    kaldifst.arcsort(graph, "ilabel")
    graph = kaldifst.compose(_hmm_fst(topology, symbols), graph)
    kaldifst.minimize_encoded(graph, delta=_DELTA)
    kaldifst.arcsort(graph, "ilabel")
    if not graph.num_states:
        raise ValueError("the graph is empty: no word of the lexicon can be said under the language model")
    return graph, words


class _Symbols:
    """Labels between H and L: phones 1 … n, then the disambiguation symbols."""

    def __init__(self, lexicon: Lexicon, topology: Topology, words: list[str]) -> None:
        spoken: Counter[Pronunciation] = Counter()
        begins: set[Pronunciation] = set()
        for word in words[1:]:
            for _, pron in lexicon.variants(word):
                spoken[pron] += 1
                begins.update(pron[:k] for k in range(1, len(pron)))
        self.phones = {phone: topology.index(phone) + 1 for phone in lexicon.phones}
        self.unclear = {pron for pron, times in spoken.items() if times > 1 or pron in begins}
        self.backoff = topology.num_phones + 1
        self.homophone = self.backoff + 1  # the first of as many as the most ambiguous pronunciation needs
        self.silence = self.homophone + max((spoken[pron] for pron in self.unclear), default=0)
        self.closing = self.silence + 1
        self.all_disambiguation = range(self.backoff, self.closing + 1)


def _cost(prob: float) -> float:
    return -math.log(prob)


def _lexicon_fst(lexicon: Lexicon, symbols: _Symbols, words: list[str]) -> StdVectorFst:
    """L: pronunciations in a loop; silences before, between and after with their probabilities.

    States: 0 before everything, 1 before a word, 2 after a word, 3 after the closing silence. G's back-off symbol
    passes at 0 and 2 only: were there two places for it at one join, the log semiring would count the path twice.
    """
    import kaldifst

    fst = kaldifst.StdVectorFst()
    for _ in range(4):
        fst.add_state()
    fst.start = 0
    used: Counter[Pronunciation] = Counter()
    for number, word in enumerate(words[1:], 1):
        for prob, pron in lexicon.variants(word):
            labels = [symbols.phones[phone] for phone in pron]
            if pron in symbols.unclear:
                labels.append(symbols.homophone + used[pron])
                used[pron] += 1
            _add_path(fst, 1, 2, labels, number, _cost(prob))
    _add_silences(fst, lexicon, symbols)
    for state in (0, 2):
        fst.add_arc(state, kaldifst.StdArc(symbols.backoff, len(words), 0.0, state))
    return fst


def _add_silences(fst: StdVectorFst, lexicon: Lexicon, symbols: _Symbols) -> None:
    edge, between = lexicon.edge_silence_probability, lexicon.silence_probability
    fst.set_final(3, 0.0)
    if edge < 1:
        _add_path(fst, 0, 1, [0], 0, _cost(1 - edge))
        fst.set_final(0, _cost(1 - edge))
        fst.set_final(2, _cost(1 - edge))
    if between < 1:
        _add_path(fst, 2, 1, [0], 0, _cost(1 - between))
    if lexicon.silence is None:
        return
    silence = symbols.phones[lexicon.silence]
    if edge > 0:
        _add_path(fst, 0, 1, [silence, symbols.silence], 0, _cost(edge))
        for state in (0, 2):  # a silence alone is the empty sentence
            _add_path(fst, state, 3, [silence, symbols.closing], 0, _cost(edge))
    if between > 0:
        _add_path(fst, 2, 1, [silence, symbols.silence], 0, _cost(between))


def _add_path(fst: StdVectorFst, source: int, target: int, labels: list[int], word: int, cost: float) -> None:
    """Arcs for `labels`; the first carries the word and the cost."""
    import kaldifst

    for i, label in enumerate(labels):
        following = target if i == len(labels) - 1 else fst.add_state()
        fst.add_arc(source, kaldifst.StdArc(label, word if i == 0 else 0, cost if i == 0 else 0.0, following))
        source = following


def _grammar_fst(model: Ngram, words: list[str]) -> StdVectorFst:
    """G: a state for each history that lists words, an arc for each n-gram, and a back-off arc (input: #0) a state.

    N-grams with words outside the table are left out. A history that lists nothing is passed over, its weight paid
    on the way. (Built here: kaldilm, against which it is tested, ends the whole process at an unusual model.)
    """
    import kaldifst

    label = {word: number for number, word in enumerate(words) if number}
    grams = {g: p for g, p in model.probs.items() if g != (BOS,) and all(w in label or w in (BOS, EOS) for w in g)}
    fst = kaldifst.StdVectorFst()
    states: dict[Gram, int] = {}
    for context in ((BOS,), *(gram[:-1] for gram in grams)):
        if context not in states:
            states[context] = fst.add_state()
    fst.start = states[BOS,]

    def arrive(context: Gram, log_prob: float) -> tuple[float, int]:
        while context not in states:
            log_prob += model.backoffs.get(context, 0.0)
            context = context[1:]
        return -log_prob, states[context]

    for context, state in states.items():
        if context:
            cost, target = arrive(context[1:], model.backoffs.get(context, 0.0))
            fst.add_arc(state, kaldifst.StdArc(len(words), 0, cost, target))
    for gram, log_prob in grams.items():
        if gram[-1] == EOS:
            fst.set_final(states[gram[:-1]], -log_prob)
        else:
            number = label[gram[-1]]
            cost, target = arrive(gram[1:] if len(gram) == model.order else gram, log_prob)
            fst.add_arc(states[gram[:-1]], kaldifst.StdArc(number, number, cost, target))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    return fst


def _hmm_fst(topology: Topology, symbols: _Symbols) -> StdVectorFst:
    """H and C in one: each phone as forward pdf, then self-loop pdfs; disambiguation symbols become epsilons.

    State 0 begins; any other is in a phone, at one of its self-loop pdfs: which one, the phone before it decides.
    Leaving a phone is paid with the next one, or at the end.
    """
    import kaldifst

    loops = np.unique(topology.table[:, :, 1])  # each belongs to one phone
    place = {pdf: state for state, pdf in enumerate(loops.tolist(), 1)}
    fst = kaldifst.StdVectorFst()
    for state, pdf in enumerate([-1, *loops.tolist()]):
        fst.add_state()
        fst.set_final(state, -LEAVE if state else 0.0)
        if state:
            fst.add_arc(state, kaldifst.StdArc(pdf + 1, 0, -LOOP, state))
        for symbol in symbols.all_disambiguation:
            fst.add_arc(state, kaldifst.StdArc(0, symbol, 0.0, state))
    fst.start = 0
    for state, pdf in enumerate([-1, *loops.tolist()]):
        left = int(topology.owners[pdf, 0]) if state else -1
        for phone, (forward, loop) in enumerate(topology.table[left + 1].tolist()):
            arc = kaldifst.StdArc(forward + 1, phone + 1, -LEAVE if state else 0.0, place[loop])
            fst.add_arc(state, arc)
    kaldifst.arcsort(fst, "olabel")
    return fst
