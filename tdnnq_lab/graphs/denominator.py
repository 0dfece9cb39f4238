"""The denominator: every phone sequence the phone LM allows, as an automaton over pdfs (eq. 1's sum over all paths).

Weights. An arc carries log P(phone | history) of the phone LM and log 0.5 for leaving the phone before it, a self-loop
log 0.5 for staying: the transition probabilities of the chain topology, which Kaldi includes in its denominator graph
too (`chain-den-graph.cc`, transition and self-loop scale 1). Both being a half, they add T log 0.5 to any path of T
frames, in the numerator, the denominator and HCLG alike, and change no decision.

Beginning and end, two ways, `initial=` here and in `numerator`, which must agree:

"kaldi" (default): an utterance may begin in any state, with the probability of being there at a moment drawn from the
first 100 frames, and may end anywhere at no cost. Kaldi does so because it trains on chunks cut out of utterances
(`DenominatorGraph::SetInitialProbs`); `initial` is also where a leaky model leaks to.
"start": an utterance begins in the start state and ends with the probability of ending; the automaton is then a proper
distribution: the sums over all pdf sequences of 0, 1, 2, … frames add up to one.

Either way a numerator of the same kind holds only paths of the denominator at the same weights (Kaldi reaches this by
composing with its normalisation FST), so its total never exceeds the denominator's, with a leak or without.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .fsa import Fsa
from .phone_lm import PhoneLm
from .topology import LEAVE, LOOP, Topology

_STEPS = 100  # of the HMM, over which Kaldi averages the initial distribution

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Expanded:
    """A phone LM with each phone replaced by its HMM; state 0 is the start, where no frame has passed yet.

    Args:
      lm_state: int array (S,): the state of the phone LM that each state came from.
      spoken: int array (S,): the phone last spoken there, as the topology numbers it; -1 at the start.
      arcs: int32 array (A, 3): source, destination, pdf; self-loops last.
      scores, initial, final: float64 natural logs; `initial` is Kaldi's, `final` that of "start".
      forward: number of arcs that are not self-loops; they come in the order of the source's LM arcs.
    """

    lm_state: NDArray[np.int64]
    spoken: NDArray[np.int64]
    arcs: NDArray[np.int32]
    scores: Floats
    initial: Floats
    final: Floats
    forward: int


_cache: weakref.WeakKeyDictionary[PhoneLm, dict[Topology, Expanded]] = weakref.WeakKeyDictionary()


def denominator(phone_lm: PhoneLm, topology: Topology, *, initial: str = "kaldi") -> Fsa:
    """The denominator automaton: one state for each state of the phone LM (and the phone just spoken, and its loop).

    Args:
      phone_lm: the phone n-gram.
      topology: its pdfs.
      initial: "kaldi": Kaldi's initial distribution and free ends; "start": whole utterances, a proper
        distribution (see the module's text).

    Returns:
      Fsa whose states other than 0 are each entered by the forward pdf of one phone and loop on its self-loop pdf.

    Raises:
      ValueError: a phone of the LM that the topology lacks, or another `initial`.
    """
    check_initial(initial)
    graph = expand(phone_lm, topology)
    start = np.full(len(graph.final), -np.inf)
    start[0] = 0.0
    kaldi = initial == "kaldi"
    return to_fsa(
        graph.arcs,
        graph.scores,
        graph.initial if kaldi else start,
        np.zeros_like(graph.final) if kaldi else graph.final,
    )


def check_initial(initial: str) -> None:
    """Raise ValueError unless `initial` is one of the two ways to begin and end."""
    if initial not in ("kaldi", "start"):
        raise ValueError(f"initial is {initial!r}; 'kaldi' or 'start'")


def to_fsa(arcs: NDArray[np.int32], scores: Floats, initial: Floats, final: Floats) -> Fsa:
    """numpy arrays as an Fsa (float64 weights are rounded to float32)."""
    return Fsa.trusted(
        torch.from_numpy(arcs.astype(np.int32)),  # a copy
        *(torch.from_numpy(weights.astype(np.float32)) for weights in (scores, initial, final)),
    )


def expand(phone_lm: PhoneLm, topology: Topology) -> Expanded:
    """Put the HMM of each phone in its place in the phone LM; computed once for each pair of the two."""
    by_topology = _cache.setdefault(phone_lm, {})
    if topology not in by_topology:
        by_topology[topology] = _expand(phone_lm, topology)
    return by_topology[topology]


def phone_numbers(phone_lm: PhoneLm, topology: Topology) -> NDArray[np.int64]:
    """For each phone of the LM its number in the topology."""
    return np.array([topology.index(phone) for phone in phone_lm.phones], dtype=np.int64)


def _expand(phone_lm: PhoneLm, topology: Topology) -> Expanded:
    numbers, table = phone_numbers(phone_lm, topology), topology.table
    source, destination, phone = phone_lm.arcs.T.astype(np.int64)
    first = np.searchsorted(source, np.arange(phone_lm.num_states + 1))  # LM arcs are sorted by source

    def follow(lm_state: NDArray[np.int64], spoken: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """For LM states with the phone last spoken there: which goes on by which LM arc, and to which state."""
        fan = (first[1:] - first[:-1])[lm_state]
        origin = np.repeat(np.arange(len(lm_state)), fan)
        arc = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan) + np.repeat(first[lm_state], fan)
        loop = table[spoken[origin] + 1, numbers[phone[arc]], 1]
        return origin, arc, np.stack([destination[arc], phone[arc], loop])

    # A state is an LM state, the phone that led there (many may lead to a short history), and its self-loop's pdf.
    start = np.zeros(1, np.int64), np.full(1, -1)
    pairs = np.unique(np.stack([destination, phone]), axis=1)
    before = np.concatenate([start[0], pairs[0]]), np.concatenate([start[1], numbers[pairs[1]]])
    states = np.unique(follow(*before)[2], axis=1)
    lm_state, spoken = np.concatenate([[0], states[0]]), np.concatenate([[-1], numbers[states[1]]])
    origin, arc, targets = follow(lm_state, spoken)
    _, entered = np.unique(np.concatenate([states, targets], axis=1), axis=1, return_inverse=True)
    leave = np.where(np.arange(len(lm_state)) == 0, 0.0, LEAVE)
    loops = np.arange(1, len(lm_state))
    forward = table[spoken[origin] + 1, numbers[phone[arc]], 0]
    arcs = np.concatenate(
        [
            np.stack([origin, entered.reshape(-1)[len(loops) :] + 1, forward], axis=1),
            np.stack([loops, loops, states[2]], axis=1),
        ]
    ).astype(np.int32)
    scores = np.concatenate([leave[origin] + phone_lm.log_probs[arc], np.full(len(loops), LOOP)])
    final = leave + phone_lm.final[lm_state]
    return Expanded(lm_state, spoken, arcs, scores, _kaldi_initial(arcs, scores, final), final, len(origin))


def _kaldi_initial(arcs: NDArray[np.int32], scores: Floats, final: Floats) -> Floats:
    """Log of the mean distribution over states in the first 100 steps from the start (Kaldi's SetInitialProbs).

    Each state's arcs and end are scaled to sum to one; what ends is left out and the rest scaled up again.
    """
    source, destination = arcs[:, 0], arcs[:, 1]
    probs = np.exp(scores)
    total = np.exp(final)
    np.add.at(total, source, probs)
    probs = probs / total[source]
    current: Floats = np.zeros(len(final))
    current[0] = 1.0
    mean = np.zeros_like(current)
    for _ in range(_STEPS):
        mean += current
        moved = np.bincount(destination, weights=current[source] * probs, minlength=len(final))
        if not moved.any():  # a phone LM of finite sequences: nothing goes on
            break
        current = moved / moved.sum()
    mean /= mean.sum()
    with np.errstate(divide="ignore"):
        return np.log(mean)
