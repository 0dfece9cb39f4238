"""A small recogniser in float64, batches of noise, and a criterion, for tests of sensitivities."""

import math

import torch

from tdnnq_lab.graphs import Fsa
from tdnnq_lab.lfmmi import LfmmiLoss
from tdnnq_lab.models import Tdnnf, TdnnfConfig

PDFS = 7
NONE = -math.inf


def model_of(seed: int = 0, **changes) -> Tdnnf:
    """Every kind of layer that the recipe has: strides 1, 0 and 3, before and after the subsampling."""
    torch.manual_seed(seed)
    shape = {"input_dim": 4, "hidden_dim": 12, "bottlenecks": (5, 4, 4, 5), "strides": (1, 1, 0, 3), "prefinal_dim": 6}
    return Tdnnf(TdnnfConfig(**{**shape, "num_pdfs": PDFS, **changes})).double()


def graph(seed: int = 0, states: int = 4) -> Fsa:
    """A random graph in which every state can follow every other."""
    generator = torch.Generator().manual_seed(seed)
    pairs = [(i, j) for i in range(states) for j in range(states)]
    pdfs = torch.randint(PDFS, (len(pairs),), generator=generator)
    arcs = torch.cat([torch.tensor(pairs), pdfs[:, None]], 1).int()
    return Fsa(arcs, torch.randn(len(pairs), generator=generator), torch.zeros(states), torch.zeros(states))


def sequence(pdfs: list[int]) -> Fsa:
    """The pdfs in order, each once or more."""
    arcs = [[i, i + 1, p] for i, p in enumerate(pdfs)] + [[i + 1, i + 1, p] for i, p in enumerate(pdfs)]
    initial, final = (torch.full((len(pdfs) + 1,), NONE) for _ in range(2))
    initial[0] = final[-1] = 0.0
    return Fsa(torch.tensor(arcs, dtype=torch.int32), torch.zeros(len(arcs)), initial, final)


def utterances(lengths=(23, 9, 31, 14), seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 4, dtype=torch.float64, generator=generator) for n in lengths]


def batch_of(parts: list[torch.Tensor], heads: str = "both", padding: int = 0, offset: int = 0):
    """(inputs, targets, ids); what lies beyond an utterance is filled with large numbers."""
    lengths = torch.tensor([len(x) for x in parts])
    features = torch.full((len(parts), int(lengths.max()) + padding, 4), 100.0, dtype=torch.float64)
    for row, x in zip(features, parts, strict=True):
        row[: len(x)] = x
    numerators = [sequence([(b + offset) % PDFS, 3, 1]) for b in range(len(parts))]
    ids = [str(b + offset) for b in range(len(parts))]
    return (features, lengths, None, None, heads), (numerators, (lengths + 2) // 3), ids


def batches_of(heads: str = "both", padding: int = 0):
    """Two batches of two utterances."""
    parts = utterances()
    return [batch_of(parts[:2], heads, padding), batch_of(parts[2:], heads, padding, offset=2)]


class Criterion:
    """LF-MMI with, for both heads, cross-entropy; it counts how often it was asked."""

    def __init__(self) -> None:
        self.lfmmi = LfmmiLoss(graph(), xent=0.1)
        self.alone = LfmmiLoss(graph())
        self.asked = 0

    def __call__(self, outputs, numerators, lengths):
        self.asked += 1
        if isinstance(outputs, tuple):
            return self.lfmmi(outputs[0], numerators, lengths, outputs[1])
        return self.alone(outputs, numerators, lengths)
