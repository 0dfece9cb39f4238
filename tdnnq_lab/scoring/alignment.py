"""The alignment of a hypothesis with its reference, as NIST's sclite makes it.

sclite minimises 4 a substitution, 3 an insertion, 3 a deletion (not 1 / 1 / 1), so `p q` against `q x` is one
deletion and one insertion, not two substitutions. Of equal costs the last step is a match or substitution
before an insertion before a deletion. Words are compared as they are, letter case included (`sclite -s`).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

SUBSTITUTION, GAP = 4, 3  # sclite's costs
CORRECT_OP, SUBSTITUTION_OP, INSERTION_OP, DELETION_OP = b"CSID"
BATCH_CELLS = 2_000_000  # cells of the dynamic programme held at once, a byte each

Words = Sequence[str]


def align(reference: Words, hypothesis: Words) -> list[tuple[str, str | None, str | None]]:
    """Align two lists of words as sclite does.

    Args:
        reference: What was said.
        hypothesis: What was recognised.

    Returns:
        One (op, reference word, hypothesis word) a step; op is C (correct), S (substitution), I (insertion,
        no reference word: None) or D (deletion, no hypothesis word: None).

    >>> align("p q".split(), "q x".split())
    [('D', 'p', None), ('C', 'q', 'q'), ('I', None, 'x')]
    """
    ref, hyp = iter(reference), iter(hypothesis)
    (ops,) = edits([(reference, hypothesis)])
    return [(op, None if op == "I" else next(ref), None if op == "D" else next(hyp)) for op in ops]


def edits(pairs: Sequence[tuple[Words, Words]]) -> list[str]:
    """The steps of many alignments at once: for each (reference, hypothesis) a string over C, S, I and D."""
    ids: dict[str, int] = {}
    coded = [tuple([ids.setdefault(word, len(ids)) for word in words] for words in pair) for pair in pairs]
    result = [""] * len(pairs)
    for batch in _batches([(len(ref), len(hyp)) for ref, hyp in coded]):
        refs = _padded([coded[n][0] for n in batch], -1)
        hyps = _padded([coded[n][1] for n in batch], -2)
        lengths = np.array([[len(coded[n][0]), len(coded[n][1])] for n in batch])
        for n, ops in zip(batch, _trace(_steps(refs, hyps), lengths), strict=True):
            result[n] = ops
    return result


def _batches(sizes: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Indices of pairs of similar size, as many at a time as BATCH_CELLS allows."""
    batch: list[int] = []
    longest = (0, 0)
    for n in sorted(range(len(sizes)), key=sizes.__getitem__):
        grown = max(longest[0], sizes[n][0]), max(longest[1], sizes[n][1])
        if batch and (len(batch) + 1) * (grown[0] + 1) * (grown[1] + 1) > BATCH_CELLS:
            yield batch
            batch, grown = [], sizes[n]
        batch.append(n)
        longest = grown
    if batch:
        yield batch


def _padded(rows: list[list[int]], fill: int) -> np.ndarray:
    padded = np.full((len(rows), max(map(len, rows))), fill, np.int32)
    for n, row in enumerate(rows):
        padded[n, : len(row)] = row
    return padded


def _steps(refs: np.ndarray, hyps: np.ndarray) -> np.ndarray:
    """The last step of the best alignment of every pair of prefixes.

    Args:
        refs: Word numbers [N, I]. hyps: word numbers [N, J].

    Returns:
        Ops [I + 1, N, J + 1] as letters' codes; 0 where both prefixes are empty.
    """
    (pairs, I), J = refs.shape, hyps.shape[1]
    ramp = GAP * np.arange(J + 1, dtype=np.int32)
    steps = np.full((I + 1, pairs, J + 1), DELETION_OP, np.uint8)
    steps[0], steps[0, :, 0] = INSERTION_OP, 0
    cost = np.broadcast_to(ramp, (pairs, J + 1))
    for i in range(1, I + 1):
        wrong = hyps != refs[:, i - 1, None]
        diagonal = cost[:, :-1] + SUBSTITUTION * wrong  # (N, J)
        best = cost + np.int32(GAP)  # a deletion
        np.minimum(best[:, 1:], diagonal, out=best[:, 1:])
        # insertions chain along the row: cost[j] = min over k <= j of best[k] + GAP * (j - k)
        cost = np.minimum.accumulate(best - ramp, axis=1) + ramp
        row = steps[i, :, 1:]
        row[cost[:, 1:] == cost[:, :-1] + GAP] = INSERTION_OP
        same = cost[:, 1:] == diagonal
        row[same & wrong] = SUBSTITUTION_OP
        row[same & ~wrong] = CORRECT_OP
    return steps


def _trace(steps: np.ndarray, lengths: np.ndarray) -> list[str]:
    """Follow the steps back from the ends of all pairs. steps [I + 1, N, J + 1], lengths [N, 2] -> N strings."""
    i, j = lengths[:, 0].copy(), lengths[:, 1].copy()
    pair = np.arange(len(lengths))
    taken = []
    while i.any() or j.any():
        op = steps[i, pair, j]
        i -= (op != INSERTION_OP) & (op != 0)
        j -= (op != DELETION_OP) & (op != 0)
        taken.append(op)
    if not taken:
        return [""] * len(lengths)
    ops = np.ascontiguousarray(np.stack(taken[::-1], axis=1))  # (N, steps)
    return [row.tobytes().replace(b"\0", b"").decode("ascii") for row in ops]


def check_ids(references: Mapping[str, Words], hypotheses: Mapping[str, Words], name: str) -> None:
    """ValueError naming the first utterance that one has and the other lacks, or whose words are one string."""
    for id in references:
        if id not in hypotheses:
            raise ValueError(f"utterance {id!r} is in the references but not in {name}: score the same utterances")
    for id in hypotheses:
        if id not in references:
            raise ValueError(f"utterance {id!r} is in {name} but not in the references: score the same utterances")
    for kind, words in (("the references", references), (name, hypotheses)):
        for id, utterance in words.items():
            if isinstance(utterance, str):
                raise ValueError(f"utterance {id!r} in {kind} is one string: give a list of words (text.split())")
