"""Small graphs whose every path can be listed."""

import math
import random
from types import SimpleNamespace

import kaldifst
import numpy as np

from tdnnq_lab.graphs.lexicon import Lexicon
from tdnnq_lab.graphs.topology import Topology

HALF = math.log(2)  # cost of staying in a phone and of leaving it


def toy_lexicon():
    """Words that can be mistaken for each other: AB is A B, and b has two pronunciations."""
    return Lexicon(
        {
            "a": [(1.0, ("A",))],
            "b": [(0.6, ("B",)), (0.4, ("B", "A"))],
            "ab": [(1.0, ("A", "B", "C"))],
            "çà": [(1.0, ("C", "A"))],
        }
    )


def toy_arcs(lexicon, topology, seed, *, late=False):
    """Words in a loop: (source, destination, ilabel, olabel, cost) and finals {state: cost}; state 0 the start.

    A word begins in the start state 0, after a first silence, or in state 1 where words end. An utterance ends in
    state 1 or in a last silence. `late`: labels on the last phone of a word instead of the first.
    """
    rng = random.Random(seed)
    arcs, states = [], 2
    words = list(lexicon.pronunciations)

    def phone(source, name, label, cost):
        """A phone from `source` on; returns the state at its end."""
        nonlocal states
        here, number = states, topology.phones.index(name)
        states += 1
        arcs.append((source, here, 2 * number + 1, label, cost + HALF))
        arcs.append((here, here, 2 * number + 2, 0, HALF))
        return here

    joins = []
    silence = phone(0, lexicon.silence, 0, 1.0)
    for word, variants in lexicon.pronunciations.items():
        weight = rng.uniform(0.5, 2)
        for probability, phones in variants:
            for source in (0, silence, 1):
                state = source
                for position, name in enumerate(phones):
                    at = len(phones) - 1 if late else 0
                    label = words.index(word) + 1 if position == at else 0
                    cost = weight - math.log(probability) if position == 0 else 0
                    state = phone(state, name, label, cost)
                joins.append(state)
    for state in joins:  # to the next word, at no frame
        arcs.append((state, 1, 0, 0, rng.uniform(0.1, 0.5)))
    return arcs, {1: 0.25, phone(1, lexicon.silence, 0, 1.0): 0.5}


def toy_graph(seed=0, *, late=False, lexicon=None, finals=None):
    """What decoding needs of an Hclg, and its arcs."""
    lexicon = lexicon or toy_lexicon()
    topology = Topology(lexicon.phones)
    arcs, ends = toy_arcs(lexicon, topology, seed, late=late)
    ends = ends if finals is None else finals
    lines = [" ".join(map(str, arc)) for arc in sorted(arcs, key=lambda arc: arc[0] != 0)]
    lines += [f"{state} {cost}" for state, cost in ends.items()]
    words = ["<eps>", *lexicon.pronunciations]
    graph = SimpleNamespace(fst=kaldifst.compile("\n".join(lines) + "\n", keep_state_numbering=True))
    graph.words, graph.topology, graph.lexicon = words, topology, lexicon
    return graph, arcs, ends


def all_paths(arcs, finals, frames, *, start=0):
    """(state, ilabels, (olabel, its frame) …, cost) of every path of so many frames, final costs not included."""
    by_source = {}
    for arc in arcs:
        by_source.setdefault(arc[0], []).append(arc)
    stack = [(start, (), (), 0.0)]
    while stack:
        state, inputs, outputs, cost = stack.pop()
        if len(inputs) == frames:
            yield state, inputs, outputs, cost
        for _, destination, ilabel, olabel, weight in by_source.get(state, []):
            if ilabel == 0 or len(inputs) < frames:
                more_in = (*inputs, ilabel) if ilabel else inputs
                more_out = (*outputs, (olabel, len(inputs))) if olabel else outputs
                stack.append((destination, more_in, more_out, cost + weight))


def random_likelihoods(frames, pdfs, seed, spread=2.0):
    return (np.random.default_rng(seed).standard_normal((frames, pdfs)) * spread).astype(np.float32)
