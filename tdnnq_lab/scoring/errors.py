"""Word error rate with edit counts, its confidence interval, and errors by speaker, accent or voice."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .alignment import Words, check_ids, edits

BOOTSTRAP_DRAWS = 1_000_000  # random numbers held at once


@dataclass(frozen=True)
class Wer:
    """Errors of one system on one set.

    `percent` is 100 * errors / words; with no reference words at all it is 0.0 without errors and infinite
    with some. `per_utterance[id]` is (substitutions, insertions, deletions); `lengths[id]` the number of
    reference words.
    """

    errors: int
    substitutions: int
    insertions: int
    deletions: int
    words: int
    percent: float
    per_utterance: dict[str, tuple[int, int, int]] = field(repr=False)
    lengths: dict[str, int] = field(repr=False)


def wer(references: Mapping[str, Words], hypotheses: Mapping[str, Words]) -> Wer:
    """Count word (or phone) errors, aligned as sclite does.

    Args:
        references: What was said: words by utterance id.
        hypotheses: What was recognised: words by the same ids, an empty list for nothing.

    Raises:
        ValueError: An id is in one and not in the other (the first is named), or words are one string.

    >>> wer({"u1": "x y z t".split()}, {"u1": "x q z t".split()})
    Wer(errors=1, substitutions=1, insertions=0, deletions=0, words=4, percent=25.0)
    """
    check_ids(references, hypotheses, "the hypotheses")
    steps = edits([(words, hypotheses[id]) for id, words in references.items()])
    counts = {id: (s.count("S"), s.count("I"), s.count("D")) for id, s in zip(references, steps, strict=True)}
    return _total(counts, {id: len(words) for id, words in references.items()})


def sum_by(result: Wer, groups: Mapping[str, str]) -> dict[str, Wer]:
    """Errors by group: by speaker, accent, voice, condition.

    Args:
        result: What `wer` returned.
        groups: The group of every utterance id (further ids do not matter).

    Returns:
        A Wer for each group, in order of their names.

    Raises:
        ValueError: An utterance has no group.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for id in result.per_utterance:
        members[_group(groups, id)].append(id)
    return {name: _part(result, members[name]) for name in sorted(members)}


def wer_interval(
    result: Wer,
    groups: Mapping[str, str] | None = None,
    *,
    level: float = 0.95,
    replicas: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap confidence interval of a word error rate.

    Utterances are drawn with replacement and the rate computed anew, `replicas` times; the interval lies
    between quantiles of these rates (Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR
    performance evaluation", ICASSP 2004). Utterances of one speaker err together: with `groups` (speaker by
    utterance id) whole speakers are drawn, and the interval says what to expect of other speakers.

    Returns:
        (low, high) in percent, the same for the same seed.

    Raises:
        ValueError: An utterance has no group, or `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: give a share between 0 and 1, such as 0.95")
    blocks = [_part(result, [id]) for id in result.lengths] if groups is None else sum_by(result, groups).values()
    counts = np.array([(block.errors, block.words) for block in blocks], np.int64).reshape(-1, 2)
    if not len(counts):
        return (0.0, 0.0)
    rates = _bootstrap(counts, replicas, np.random.default_rng(seed))
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return float(low), float(high)


def _bootstrap(counts: np.ndarray, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """counts [blocks, 2] (errors, words) -> rates [replicas] in percent."""
    blocks = len(counts)
    at_once = max(1, BOOTSTRAP_DRAWS // blocks)
    totals = []
    for start in range(0, replicas, at_once):
        drawn = rng.integers(blocks, size=(min(at_once, replicas - start), blocks))
        totals.append(np.stack([counts[:, 0][drawn].sum(1), counts[:, 1][drawn].sum(1)], axis=1))
    return np.array([_percent(int(errors), int(words)) for errors, words in np.concatenate(totals)])


def _total(counts: dict[str, tuple[int, int, int]], lengths: dict[str, int]) -> Wer:
    s, i, d = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0, 0)
    words = sum(lengths.values())
    return Wer(s + i + d, s, i, d, words, _percent(s + i + d, words), counts, lengths)


def _part(result: Wer, ids: Iterable[str]) -> Wer:
    ids = list(ids)
    return _total({id: result.per_utterance[id] for id in ids}, {id: result.lengths[id] for id in ids})


def _percent(errors: int, words: int) -> float:
    if words == 0:
        return math.inf if errors else 0.0
    return 100 * errors / words


def _group(groups: Mapping[str, str], id: str) -> str:
    if id not in groups:
        raise ValueError(f"utterance {id!r} has no group: give the group (speaker, accent, …) of every utterance")
    return groups[id]
