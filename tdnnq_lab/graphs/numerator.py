"""The numerators: all ways to speak one transcript, composed with the phone LM (eq. 1's sum over the paths of w).

A numerator accepts every sequence of pronunciations with the silences that the lexicon permits. Its weights are those
of the same paths in the denominator: the phone LM and the transitions. The lexicon's own probabilities do not enter;
they shaped the phone LM through the sequences that were drawn for it. Where two readings of a transcript give the same
phones (a word spoken as silence, `a b` + `c` against `a` + `b c`) they are one path here, as in the denominator.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .denominator import Expanded, check_initial, expand, phone_numbers, to_fsa
from .fsa import Fsa
from .lexicon import Lexicon
from .phone_lm import PhoneLm
from .topology import LEAVE, LOOP, Topology

Moves = dict[int, tuple[int, ...]]  # phone -> nodes


@dataclass
class _Acceptor:
    """Phone sequences as nodes (each entered by one phone only): where each leads, which may be last; 0 begins."""

    moves: list[Moves]
    last: set[int]


@dataclass
class _Composer:
    """What composing with one phone LM needs, laid out for plain Python."""

    successors: list[dict[int, tuple[int, float]]]  # LM state -> phone -> (LM state, log weight with leaving)
    first: dict[int, list[tuple[int, int, int, float]]]  # first phone -> [(LM state, forward, loop pdf, log weight)]
    begun: dict[tuple[int, int, int], float]  # (LM state, phone, loop pdf) -> log weight of beginning inside it
    final: list[float]
    pdfs: list[list[tuple[int, int]]]  # [last phone + 1][phone] -> (forward, loop pdf); phones as the LM numbers them
    index: dict[str, int]  # of phones in the LM


_composers: weakref.WeakKeyDictionary[PhoneLm, dict[tuple[Topology, str], _Composer]] = weakref.WeakKeyDictionary()


def numerator(
    words: Sequence[str], lexicon: Lexicon, topology: Topology, phone_lm: PhoneLm, *, initial: str = "kaldi"
) -> Fsa:
    """The numerator automaton of one transcript: epsilon-free, trimmed, every path a path of the denominator.

    Args:
      words: the transcript.
      lexicon: all pronunciations of each word are accepted, silence between words and at the ends wherever its
        probability is above zero (and demanded where it is one).
      topology, phone_lm: as for the denominator.
      initial: as for the denominator: "kaldi" or "start".

    Returns:
      Fsa; `forward_backward` of it is at most that of `denominator(phone_lm, topology, initial=initial)`.

    Raises:
      ValueError: an empty transcript; a word outside the lexicon (named); or a transcript without a path, which
        can only be if the phone LM was estimated with another lexicon.
    """
    composer = _composer(phone_lm, topology, initial)
    if not words:
        raise ValueError("empty transcript: there is nothing to make a numerator of; leave out the utterance")
    return _compose(_transcript(words, lexicon, composer.index), composer, f"transcript {' '.join(words)!r}")


def numerator_from_phones(
    phones: Sequence[str],
    topology: Topology,
    phone_lm: PhoneLm,
    *,
    initial: str = "kaldi",
    inside: bool = False,
) -> Fsa:
    """The numerator of one phone sequence, silences included, as `numerator` otherwise.

    Args:
      inside: the first phone may also have begun before the first frame (a chunk that was cut within a phone); only
        where `initial` is "kaldi", whose denominator begins so too.

    Raises:
      ValueError: no phones, an unknown phone, or a sequence that the phone LM does not allow.
    """
    composer = _composer(phone_lm, topology, initial)
    if not phones:
        raise ValueError("empty phone sequence: there is nothing to make a numerator of")
    if inside and initial != "kaldi":
        raise ValueError(f"a sequence that begins inside a phone needs initial='kaldi', not {initial!r}")
    numbers = _lookup(phones, composer.index)
    moves: list[Moves] = [{phone: (i + 1,)} for i, phone in enumerate(numbers)]
    begun = composer.begun if inside else {}
    return _compose(_Acceptor([*moves, {}], {len(numbers)}), composer, f"phone sequence {' '.join(phones)!r}", begun)


def minimum_frames(fsa: Fsa) -> int:
    """The fewest frames that any path of `fsa` takes; a shorter utterance has no path.

    Raises:
      ValueError: no path at all.
    """
    follow: dict[int, set[int]] = {}
    usable = (fsa.scores > -math.inf).tolist()
    for (source, destination, _), use in zip(fsa.arcs.tolist(), usable, strict=True):
        if use and source != destination:
            follow.setdefault(source, set()).add(destination)
    front = {s for s, weight in enumerate(fsa.initial.tolist()) if weight > -math.inf}
    ends = {s for s, weight in enumerate(fsa.final.tolist()) if weight > -math.inf}
    reached: set[int] = set()
    frames = 0
    while front:
        if front & ends:
            return frames
        reached |= front
        front = {target for source in front for target in follow.get(source, ())} - reached
        frames += 1
    raise ValueError("the automaton has no path from an initial to a final state")


def _lookup(phones: Iterable[str], index: dict[str, int]) -> list[int]:
    try:
        return [index[phone] for phone in phones]
    except KeyError as error:
        raise ValueError(
            f"phone {error.args[0]!r} is unknown to the phone LM; estimate it with the lexicon in use"
        ) from None


def _composer(phone_lm: PhoneLm, topology: Topology, initial: str) -> _Composer:
    by_key = _composers.setdefault(phone_lm, {})
    if (topology, initial) not in by_key:
        check_initial(initial)
        by_key[topology, initial] = _make_composer(phone_lm, topology, initial)
    return by_key[topology, initial]


def _make_composer(phone_lm: PhoneLm, topology: Topology, initial: str) -> _Composer:
    graph = expand(phone_lm, topology)
    successors = [
        {phone: (target, weight + LEAVE) for phone, (target, weight) in row.items()} for row in phone_lm.successors
    ]
    numbers = phone_numbers(phone_lm, topology)
    table = topology.table[np.concatenate([[0], numbers + 1])][:, numbers]  # left contexts and phones of the LM
    pdfs = [[(forward, loop) for forward, loop in row] for row in table.tolist()]
    kaldi = initial == "kaldi"
    begun: dict[tuple[int, int, int], float] = {}
    if kaldi:
        first = _first_anywhere(phone_lm, graph, topology, numbers)
        names = {number: phone for phone, number in enumerate(numbers.tolist())}
        spoken = [names.get(number, -1) for number in graph.spoken.tolist()]
        loops = graph.arcs[graph.forward :, 2].tolist()  # of states 1, 2, …
        states = zip(graph.lm_state[1:].tolist(), spoken[1:], loops, strict=True)
        begun = dict(zip(states, graph.initial[1:].tolist(), strict=True))
    else:
        first = {phone: [(step[0], *pdfs[0][phone], step[1])] for phone, step in phone_lm.successors[0].items()}
    final = [0.0] * phone_lm.num_states if kaldi else (phone_lm.final + LEAVE).tolist()
    index = {phone: i for i, phone in enumerate(phone_lm.phones)}
    return _Composer(successors, first, begun, final, pdfs, index)


def _first_anywhere(
    phone_lm: PhoneLm, graph: Expanded, topology: Topology, numbers: NDArray[np.int64]
) -> dict[int, list[tuple[int, int, int, float]]]:
    """First arcs out of any initial state of the denominator; those alike in all but weight are one, weights summed."""
    sums: dict[tuple[int, int, int, int], float] = {}
    here: dict[tuple[int, int], float] = {}  # LM state and phone before -> log of being there and leaving that phone
    for state, (lm_state, spoken) in enumerate(zip(graph.lm_state.tolist(), graph.spoken.tolist(), strict=True)):
        weight = float(graph.initial[state]) + (LEAVE if state else 0.0)
        here[lm_state, spoken] = float(np.logaddexp(here.get((lm_state, spoken), -math.inf), weight))
    for (lm_state, spoken), weight in here.items():
        for phone, (target, log_prob) in phone_lm.successors[lm_state].items() if weight > -math.inf else ():
            forward, loop = topology.table[spoken + 1, numbers[phone]].tolist()
            key = (phone, target, forward, loop)
            sums[key] = float(np.logaddexp(sums.get(key, -math.inf), weight + log_prob))
    first: dict[int, list[tuple[int, int, int, float]]] = {}
    for (phone, target, forward, loop), weight in sorted(sums.items()):
        first.setdefault(phone, []).append((target, forward, loop, weight))
    return first


def _transcript(words: Sequence[str], lexicon: Lexicon, index: dict[str, int]) -> _Acceptor:
    """All pronunciations of the words in turn, a tree of phones for each word, optional silences between."""
    silence = None if lexicon.silence is None else _lookup([lexicon.silence], index)[0]
    edge, between = lexicon.edge_silence_probability, lexicon.silence_probability
    moves: list[Moves] = [{}]
    ends, chance = [0], edge  # nodes after which the next word begins; chance of silence there
    for word in words:
        enter = ends if chance < 1 else []
        if silence is not None and chance > 0:
            _add_silence(moves, ends, silence)
            enter = [*enter, len(moves) - 1]
        ends = _add_word(moves, enter, [_lookup(pron, index) for _, pron in lexicon.variants(word)])
        chance = between
    last = set(ends) if edge < 1 else set()
    if silence is not None and edge > 0:
        _add_silence(moves, ends, silence)
        last.add(len(moves) - 1)
    return _Acceptor(moves, last)


def _add_silence(moves: list[Moves], before: list[int], silence: int) -> None:
    """A new last node that `before` lead to by a silence."""
    for node in before:
        moves[node][silence] = (*moves[node].get(silence, ()), len(moves))
    moves.append({})


def _add_word(moves: list[Moves], enter: list[int], variants: list[list[int]]) -> list[int]:
    """Add the word's tree of phones, entered from `enter`; return the nodes at which a variant ends."""
    root: dict[int, int] = {}
    tree: dict[int, dict[int, int]] = {}
    ends = []
    for phones in variants:
        branch, node = root, -1
        for phone in phones:
            node = branch.get(phone, -1)
            if node < 0:
                node = branch[phone] = len(moves)
                tree[node] = {}
                moves.append({})
            branch = tree[node]
        ends.append(node)
    for node, branch in tree.items():
        for phone, target in branch.items():
            moves[node][phone] = (target,)
    for node in enter:
        for phone, target in root.items():
            moves[node][phone] = (*moves[node].get(phone, ()), target)
    return ends


def _compose(
    acceptor: _Acceptor, composer: _Composer, name: str, begun: Mapping[tuple[int, int, int], float] | None = None
) -> Fsa:
    """Walk the acceptor (made deterministic on the way) and the phone LM together; `begun`: inside the first phone."""
    moves, successors, pdfs = acceptor.moves, composer.successors, composer.pdfs
    number: dict[tuple[tuple[int, ...], int, int], int] = {}
    # Nodes, LM state, phone, loop pdf; 0: before the first phone.
    walk: list[tuple[tuple[int, ...], int, int, int]] = [((0,), -1, -1, -1)]
    arcs: list[tuple[int, int, int]] = []
    scores: list[float] = []

    def arrive(source: int, phone: int, nodes: tuple[int, ...], step: tuple[int, int, int, float]) -> None:
        lm_state, forward, loop, weight = step
        key = (nodes, lm_state, loop)
        state = number.get(key)
        if state is None:
            state = number[key] = len(walk)
            walk.append((nodes, lm_state, phone, loop))
            arcs.append((state, state, loop))
            scores.append(LOOP)
        arcs.append((source, state, forward))
        scores.append(weight)

    for phone, nodes in moves[0].items():
        for step in composer.first.get(phone, ()):
            arrive(0, phone, nodes, step)
    starts = [0.0, *((begun or {}).get(key[1:], -math.inf) for key in walk[1:])]
    source = 1
    while source < len(walk):
        nodes, lm_state, spoken, _ = walk[source]
        row, pair = successors[lm_state], pdfs[spoken + 1]
        for phone, reached in (moves[nodes[0]] if len(nodes) == 1 else _merged(moves, nodes)).items():
            if phone in row:
                target, weight = row[phone]
                arrive(source, phone, reached, (target, *pair[phone], weight))
        source += 1
    last, final = acceptor.last, composer.final
    ends = [-math.inf] + [
        final[lm_state] if any(node in last for node in nodes) else -math.inf for nodes, lm_state, *_ in walk[1:]
    ]
    return _trimmed(arcs, scores, starts, ends, name)


def _merged(moves: list[Moves], nodes: tuple[int, ...]) -> Moves:
    """Where several nodes lead together: the subset construction."""
    merged: dict[int, set[int]] = {}
    for node in nodes:
        for phone, reached in moves[node].items():
            merged.setdefault(phone, set()).update(reached)
    return {phone: tuple(sorted(reached)) for phone, reached in merged.items()}


def _trimmed(
    arcs: list[tuple[int, int, int]], scores: list[float], starts: list[float], ends: list[float], name: str
) -> Fsa:
    """The Fsa of the states from which the end can be reached (all can be reached from the start)."""
    table = np.array(arcs, dtype=np.int32).reshape(-1, 3)
    weights, final = np.array(scores), np.array(ends)
    live = final > -np.inf
    source, destination = table[:, 0], table[:, 1]
    count = -1
    while count != (count := int(live.sum())):
        live[source[live[destination]]] = True
    if not live[0]:
        raise ValueError(f"{name} has no path in the phone LM; estimate the LM with the lexicon in use")
    keep = live[source] & live[destination]
    initial = np.full(len(live), -np.inf)
    initial[: len(starts)] = starts
    return to_fsa(_renumber(table[keep], live), weights[keep], initial[live], final[live])


def _renumber(arcs: np.ndarray, live: np.ndarray) -> np.ndarray:
    number = (np.cumsum(live) - 1).astype(np.int32)
    return np.concatenate([number[arcs[:, :2]], arcs[:, 2:]], axis=1)
