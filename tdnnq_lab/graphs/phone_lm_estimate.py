"""How a `PhoneLm` is estimated: draw phone sequences, choose histories, allow what the lexicon needs, smooth."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from .lexicon import Lexicon
from .phone_lm import START, PhoneLm

History = tuple[int, ...]
Counts = dict[History, dict[int, int]]  # history -> next phone (or the end) -> times seen

_FLOOR = 0.5  # added to the count of every phone where no history is left to back off to


def estimate(
    transcripts: Iterable[Sequence[str]],
    lexicon: Lexicon,
    order: int,
    no_backoff_below: int,
    extra_states: int,
    samples: int,
    joins: str,
    discount: float,
    seed: int,
) -> PhoneLm:
    """See `PhoneLm.estimate`."""
    _check_options(order, no_backoff_below, extra_states, samples, joins, discount)
    sequences = _draw(transcripts, lexicon, samples, random.Random(seed))
    if not sequences:
        raise ValueError("PhoneLm.estimate: no transcripts")
    end = len(lexicon.phones)
    smoothed = _Smoothed(_count(sequences, order, end), end, discount * samples)
    histories = _choose(smoothed, min(order, no_backoff_below) - 1, extra_states)
    states = _States(histories, order - 1)
    seen = _visits(sequences, states, end)
    allowed = {history: set(counts) for history, counts in seen.items()}
    _allow_lexicon(allowed, states, lexicon, joins, end)
    return _automaton(allowed, seen, states, smoothed, lexicon.phones, order)


def sample_phones(words: Sequence[str], lexicon: Lexicon, rng: random.Random) -> list[str]:
    """Draw one phone sequence of a transcript: a pronunciation for each word, silences between and around.

    Raises:
      ValueError: a word outside the lexicon.
    """
    phones: list[str] = []
    for i, word in enumerate(words):
        chance = lexicon.silence_probability if i else lexicon.edge_silence_probability
        if lexicon.silence is not None and rng.random() < chance:
            phones.append(lexicon.silence)
        variants = lexicon.variants(word)
        if len(variants) == 1:
            phones.extend(variants[0][1])
        else:
            bounds = list(accumulate(prob for prob, _ in variants))
            phones.extend(variants[min(bisect(bounds, rng.random() * bounds[-1]), len(bounds) - 1)][1])
    if lexicon.silence is not None and rng.random() < lexicon.edge_silence_probability:
        phones.append(lexicon.silence)
    return phones


def _check_options(
    order: int, no_backoff_below: int, extra_states: int, samples: int, joins: str, discount: float
) -> None:
    if not 1 <= order <= 6:
        raise ValueError(f"PhoneLm.estimate: order {order}; from 1 to 6 is possible")
    if no_backoff_below < 1 or extra_states < 0 or samples < 1:
        raise ValueError("PhoneLm.estimate: no_backoff_below and samples are at least 1, extra_states at least 0")
    if joins not in ("silence", "all"):
        raise ValueError(f"PhoneLm.estimate: joins is {joins!r}; 'silence' or 'all'")
    if not 0 < discount <= 1:
        raise ValueError(f"PhoneLm.estimate: discount is {discount}; above 0 and at most 1 is needed")


def _draw(transcripts: Iterable[Sequence[str]], lexicon: Lexicon, samples: int, rng: random.Random) -> list[list[int]]:
    index = {phone: i for i, phone in enumerate(lexicon.phones)}
    sequences = []
    for words in transcripts:
        if not words:
            raise ValueError("PhoneLm.estimate: an empty transcript; leave out the utterance")
        for _ in range(samples):
            sequences.append([index[phone] for phone in sample_phones(words, lexicon, rng)])
    return sequences


def _count(sequences: list[list[int]], order: int, end: int) -> Counts:
    """Counts after every history of 0 … order - 1 phones (the start is one of them)."""
    counts: Counts = {(): {}}
    for n in range(1, order + 1):
        grams: Counter[tuple[int, ...]] = Counter()
        for phones in sequences:
            padded = [START, *phones, end]
            grams.update(zip(*(padded[k:] for k in range(n)), strict=False))
        grams.pop((START,), None)
        for gram, count in grams.items():
            counts.setdefault(gram[:-1], {})[gram[-1]] = count
    return counts


class _Smoothed:
    """Interpolated absolute discounting over all histories counted."""

    def __init__(self, counts: Counts, end: int, discount: float) -> None:
        self.counts, self.end, self.discount = counts, end, discount
        self._memo: dict[tuple[History, int], float] = {}

    def prob(self, event: int, history: History) -> float:
        """P(event | history) over all phones and the end; positive for each of them."""
        key = (history, event)
        if key not in self._memo:
            self._memo[key] = self._prob(event, history)
        return self._memo[key]

    def _prob(self, event: int, history: History) -> float:
        counts = self.counts.get(history)
        if not history:
            total = sum(self.counts[()].values()) + _FLOOR * (self.end + 1)
            return (self.counts[()].get(event, 0) + _FLOOR) / total
        lower = self.prob(event, history[1:])
        if not counts:
            return lower
        kept, spare, total = discounted(counts, self.discount)
        return (kept.get(event, 0.0) + spare * lower) / total


def discounted(counts: dict[int, int], discount: float) -> tuple[dict[int, float], float, float]:
    """(counts less the discount, what was taken away, the sum of both)."""
    kept = {event: max(count - discount, 0.0) for event, count in counts.items()}
    total = float(sum(counts.values()))
    return kept, total - sum(kept.values()), total


def _choose(smoothed: _Smoothed, full: int, extra: int) -> set[History]:
    """The histories with states: all of at most `full` phones, and the `extra` longer ones that gain most.

    The gain is that of Kaldi's pruning: log likelihood of what followed the history, less that of the same under
    its next shorter history. A history can only be reached through its prefix, which is chosen along with it.
    """
    counts = smoothed.counts
    chosen = {history for history in counts if len(history) <= full}
    gains = []
    for history, following in counts.items():
        if len(history) > full:
            shorter = history[1:]
            gain = sum(
                n * math.log(smoothed.prob(event, history) / smoothed.prob(event, shorter))
                for event, n in following.items()
            )
            gains.append((-gain, history))
    room = extra
    for _, history in sorted(gains):
        needed = [history[:k] for k in range(full + 1, len(history) + 1) if history[:k] not in chosen]
        if len(needed) <= room:
            chosen.update(needed)
            room -= len(needed)
    return chosen


class _States:
    """Which history is remembered after each phone: the longest suffix that was chosen."""

    def __init__(self, chosen: set[History], longest: int) -> None:
        self.chosen, self.longest = chosen, longest
        self.start = self._suffix((START,))
        self._memo: dict[tuple[History, int], History] = {}

    def after(self, history: History, phone: int) -> History:
        """The history after one more phone."""
        key = (history, phone)
        if key not in self._memo:
            self._memo[key] = self._suffix((*history, phone))
        return self._memo[key]

    def _suffix(self, phones: History) -> History:
        phones = phones[len(phones) - self.longest :] if len(phones) > self.longest else phones
        while phones and phones not in self.chosen:
            phones = phones[1:]
        return phones


def _visits(sequences: list[list[int]], states: _States, end: int) -> Counts:
    """What followed each state: the counts of a history less those of longer histories with a state of their own."""
    seen: Counts = {}
    for phones in sequences:
        history = states.start
        for phone in phones:
            counts = seen.setdefault(history, {})
            counts[phone] = counts.get(phone, 0) + 1
            history = states.after(history, phone)
        counts = seen.setdefault(history, {})
        counts[end] = counts.get(end, 0) + 1
    return seen


def _allow_lexicon(allowed: dict[History, set[int]], states: _States, lexicon: Lexicon, joins: str, end: int) -> None:
    """Add what is needed so that every sequence of lexicon words has a path."""
    graph, first, last = _language(lexicon, joins)
    reached = {(first, states.start)}
    waiting = list(reached)
    while waiting:
        node, history = waiting.pop()
        follow = allowed.setdefault(history, set())
        if node in last:
            follow.add(end)
        for phone, target in graph[node]:
            follow.add(phone)
            step = (target, states.after(history, phone))
            if step not in reached:
                reached.add(step)
                waiting.append(step)


def _language(lexicon: Lexicon, joins: str) -> tuple[list[list[tuple[int, int]]], int, set[int]]:
    """All transcripts as (arcs (phone, node) of each node, first node, last nodes): pronunciations in a loop."""
    index = {phone: i for i, phone in enumerate(lexicon.phones)}
    start, loop, closing = 0, 1, 2  # before everything; before a word; after the closing silence
    graph: list[dict[int, int]] = [{}, {}, {}]
    ends: set[int] = set()
    for _, pron in _all_pronunciations(lexicon):
        node = loop
        for phone in pron:
            node = graph[node].setdefault(index[phone], len(graph))
            if node == len(graph):
                graph.append({})
        ends.add(node)
    arcs = [list(follow.items()) for follow in graph]
    words = list(graph[loop].items())
    silence = index[lexicon.silence] if lexicon.silence is not None else None
    edge, between = lexicon.edge_silence_probability, lexicon.silence_probability
    if silence is not None and edge > 0:
        arcs[start].append((silence, loop))
    bare_edges = edge == 0 or (joins == "all" and edge < 1)
    bare_joins = between == 0 or (joins == "all" and between < 1)
    if bare_edges:
        arcs[start] += words
    for node in ends:
        if bare_joins:
            arcs[node] += words
        if silence is not None:
            arcs[node] += [(silence, loop)] * (between > 0) + [(silence, closing)] * (edge > 0)
    return arcs, start, {closing} | (ends if bare_edges else set())


def _all_pronunciations(lexicon: Lexicon) -> Iterator[tuple[float, tuple[str, ...]]]:
    for variants in lexicon.pronunciations.values():
        yield from variants


@dataclass
class _Row:
    """One state: where each phone leads and how likely it is; the end apart."""

    arcs: list[tuple[int, History, float]]
    final: float


def _automaton(
    allowed: dict[History, set[int]],
    seen: Counts,
    states: _States,
    smoothed: _Smoothed,
    phones: list[str],
    order: int,
) -> PhoneLm:
    """Number the states that can be reached, in the order of a breadth-first walk, and lay out their arcs."""
    number = {states.start: 0}
    rows: list[_Row] = []
    for history in (walk := [states.start]):
        row = _row(history, allowed[history], seen.get(history), states, smoothed)
        rows.append(row)
        for _, target, _ in row.arcs:
            if target not in number:
                number[target] = len(walk)
                walk.append(target)
    arcs = [(s, number[target], phone) for s, row in enumerate(rows) for phone, target, _ in row.arcs]
    log_probs = [log_prob for row in rows for _, _, log_prob in row.arcs]
    return PhoneLm(
        phones=list(phones),
        histories=walk,
        arcs=np.array(arcs, dtype=np.int32).reshape(-1, 3),
        log_probs=np.array(log_probs, dtype=np.float64),
        final=np.array([row.final for row in rows], dtype=np.float64),
        order=order,
    )


def _row(
    history: History, allowed: set[int], seen: dict[int, int] | None, states: _States, smoothed: _Smoothed
) -> _Row:
    """Probabilities of one state: its own counts discounted, the rest shared by the next shorter history.

    A state that no drawn sequence visited takes the smoothed probabilities of its history. Either way they are
    scaled to sum to one over what is allowed.
    """
    events = sorted(allowed)
    if seen:
        kept, spare, total = discounted(seen, smoothed.discount)
        lower = np.array([smoothed.prob(event, history[1:]) for event in events])
        probs = (np.array([kept.get(event, 0.0) for event in events]) + spare * lower / lower.sum()) / total
    else:
        probs = np.array([smoothed.prob(event, history) for event in events])
        probs /= probs.sum()
    logs = dict(zip(events, np.log(probs).tolist(), strict=True))
    final = logs.pop(smoothed.end, -math.inf)
    return _Row([(phone, states.after(history, phone), log) for phone, log in logs.items()], final)
