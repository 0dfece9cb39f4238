import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sctk import GOLDEN, installed, score, trial

from tdnnq_lab.scoring import align, mapsswe, wer
from tdnnq_lab.scoring import alignment as alignment_module
from tdnnq_lab.scoring.alignment import edits

GOLDEN_TRIALS = json.loads(GOLDEN.read_text())
words = st.lists(st.sampled_from("abc"), max_size=6)


def all_alignments(ref, hyp):
    """Every alignment of two lists as a string of ops."""
    if not ref and not hyp:
        yield ""
    if ref and hyp:
        for rest in all_alignments(ref[:-1], hyp[:-1]):
            yield rest + ("C" if ref[-1] == hyp[-1] else "S")
    if hyp:
        yield from (rest + "I" for rest in all_alignments(ref, hyp[:-1]))
    if ref:
        yield from (rest + "D" for rest in all_alignments(ref[:-1], hyp))


def cheapest(ref, hyp):
    """Of all alignments the cheapest, ties: from the end, a diagonal step before I before D."""
    costs = {"C": 0, "S": 4, "I": 3, "D": 3}
    order = {"C": 0, "S": 0, "I": 1, "D": 2}
    return min(all_alignments(ref, hyp), key=lambda ops: (sum(costs[o] for o in ops), [order[o] for o in ops[::-1]]))


@settings(deadline=None, max_examples=60)
@given(words.filter(lambda w: len(w) < 5), words.filter(lambda w: len(w) < 5))
def test_best_of_all_alignments(ref, hyp):
    assert edits([(ref, hyp)]) == [cheapest(ref, hyp)]


@settings(deadline=None)
@given(st.lists(st.tuples(words, words), max_size=12))
def test_batches_do_not_matter(pairs):
    alone = [edits([pair])[0] for pair in pairs]
    assert edits(pairs) == alone
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment_module, "BATCH_CELLS", 60)
        assert edits(pairs) == alone


@settings(deadline=None)
@given(words, words)
def test_align_reads_back(ref, hyp):
    steps = align(ref, hyp)
    assert [r for op, r, h in steps if op != "I"] == ref
    assert [h for op, r, h in steps if op != "D"] == hyp
    assert all((r == h) == (op == "C") for op, r, h in steps)
    assert all((r is None) == (op == "I") and (h is None) == (op == "D") for op, r, h in steps)


@pytest.mark.parametrize("number", range(len(GOLDEN_TRIALS)))
def test_golden_sctk(number):
    stored = GOLDEN_TRIALS[number]
    ref, a, b = (
        {id: text.split() for id, text in stored[part].items()}
        for part in ("reference", "hypothesis a", "hypothesis b")
    )
    agrees_with(stored["sctk"], ref, a, b)


@pytest.mark.skipif(not installed(), reason="sctk is not installed")
@pytest.mark.parametrize("seed", range(8))
def test_live_sctk(seed, tmp_path):
    size, share = list(itertools.product((2, 5, 40, 200), (0.1, 0.5)))[seed]
    trio = trial(100 + seed, 80, size, share, share * 1.2)
    agrees_with(score(*trio, tmp_path), *trio)


def agrees_with(sctk, ref, a, b):
    for name, hyp in (("a", a), ("b", b)):
        assert dict(zip(ref, edits([(ref[id], hyp[id]) for id in ref]), strict=True)) == sctk[name]
        result = wer(ref, hyp)
        counts = {id: tuple(ops.count(op) for op in "SID") for id, ops in sctk[name].items()}
        assert result.per_utterance == counts
        assert result.errors == sum(map(sum, counts.values()))
    found, printed = mapsswe(ref, a, b), sctk["mapsswe"]
    assert found.segments == printed["segments"]
    assert -found.z == pytest.approx(printed["z"], abs=6e-4)
    mean = found.difference * sum(map(len, ref.values())) / found.segments
    assert -mean == pytest.approx(printed["mean"], abs=6e-4)
