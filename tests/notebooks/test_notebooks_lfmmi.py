"""02_lfmmi as a file, and its exercises: checks that know the usual mistakes, and solutions that pass."""

import math
import sys

import numpy as np
import pytest
import torch
from notebooks_files import NOTEBOOKS, has_its_parts, read, reads_without_a_kernel, saved_outputs, solutions, stub

sys.path.insert(0, str(NOTEBOOKS))  # as in a kernel, which starts beside the notebook

from exercises import lfmmi

from tdnnq_lab.graphs import Fsa, Lexicon, PhoneLm, Topology, denominator, numerator
from tdnnq_lab.lfmmi import forward_backward_reference

NAME = "02_lfmmi.ipynb"
WORDS = ["no", "go"]


@pytest.fixture(scope="module")
def notebook() -> dict:
    return read(NAME)


@pytest.fixture(scope="module")
def tiny() -> tuple[Lexicon, Topology, PhoneLm]:
    """The world of three words."""
    lexicon = Lexicon({"go": [(1.0, ("G", "OW"))], "no": [(1.0, ("N", "OW"))], "oh": [(1.0, ("OW",))]}, silence=None)
    sayings = [["go"], ["no"], ["no", "go"], ["oh", "no"], ["go", "go"]]
    phone_lm = PhoneLm.estimate(sayings, lexicon, order=2, no_backoff_below=2, extra_states=0)
    return lexicon, Topology(lexicon.phones), phone_lm


def test_saved_with_its_outputs_and_small() -> None:
    checked = saved_outputs(NAME)
    for figure in ("objective F = -", "gradient = difference: True", "it rose by more than 0.1: True"):
        assert figure in checked


def test_pages_without_a_kernel_show_pictures(notebook: dict) -> None:
    pictures = (
        "tiny_everything,\n        pdfs",
        "ui.flip(ui.trellis",
        "ui.flip(drawings",
        "shown.update(",
        "recorded(",
        "numerator: what was said",
        "The broken numerator",
    )
    reads_without_a_kernel(notebook, pictures, beside_print=True)


def test_lesson_has_its_parts(notebook: dict) -> None:
    has_its_parts(notebook, 2)


def names(tiny: tuple[Lexicon, Topology, PhoneLm]) -> dict:
    found = dict(zip(("tiny_lexicon", "tiny_topology", "tiny_lm"), tiny, strict=True))
    return found | {"np": np, "math": math, "numerator": numerator, "objective": lambda fsa: 0.0}


def test_stubs_are_answered_kindly(notebook: dict, tiny: tuple, capsys: pytest.CaptureFixture) -> None:
    for check in ("check_forward", "check_above_zero"):
        exec(stub(notebook, check), names(tiny))
        assert capsys.readouterr().out.startswith("Nothing yet")


def test_solutions_pass(notebook: dict, tiny: tuple, capsys: pytest.CaptureFixture) -> None:
    found = names(tiny)
    for solution in solutions(notebook).values():
        exec(solution, found)
    lfmmi.check_forward(found["forward"])
    assert "Right. It agrees with the library" in capsys.readouterr().out
    lfmmi.check_above_zero(found["cause"], found["repaired"], WORDS, *tiny)
    said = capsys.readouterr().out
    assert said.startswith(lfmmi.RIGHT)
    assert "And your numerator weighs its paths as the denominator does" in said


def underflowing(fsa: Fsa, logits: torch.Tensor) -> float:
    """The recursion with weights instead of logs."""
    alpha = fsa.initial.exp().tolist()
    for row in logits.exp().tolist():
        new = [0.0] * len(alpha)
        for (a, b, p), score in zip(fsa.arcs.tolist(), fsa.scores.exp().tolist(), strict=True):
            new[b] += alpha[a] * score * row[p]
        alpha = new
    return math.log(sum(a * b for a, b in zip(alpha, fsa.final.exp().tolist(), strict=True)))


R = "recursion(fsa, logits"
NO = "float('-inf')"
FORWARD = [
    (f"{R})", "Right. It agrees with the library"),
    (f"torch.tensor({R}))", "Right."),
    (f"{R}, final=[0.0] * 3)", "You forgot the final weights"),
    (f"{R}, initial=[0.0] * 3)", "begin anywhere at no cost"),
    (f"{R}, initial=[0.0, {NO}, {NO}])", "You begin in state 0 only"),
    (f"{R}, initial=[0.0] * 3, final=[0.0] * 3)", "Neither initial nor final"),
    (f"{R}, scores=False)", "The arcs' own scores are missing"),
    ("recursion(fsa, 0 * logits)", "The logits are missing"),
    (f"{R}, add=max)", "the best path (Viterbi)"),
    (f"{R}, begin=0.0)", "begins at 0, which is log 1"),
    ("recursion(fsa, logits[:-1])", "the last one is missing"),
    ("recursion(fsa, logits[1:])", "frame 0 is missing"),
    ("recursion(fsa, logits.roll(1, 0))", "logits[t - 1]"),
    ("recursion(fsa, logits.roll(-1, 0))", "off by one: alpha_{t+1} takes logits[t]."),
    (f"{R}, in_place=True)", "while you still read it"),
    (f"{R}, backwards=True)", "Source and destination are exchanged"),
    (f"{R}, add=lambda a, b: a + b)", "Usually log weights were added up"),  # the log of a sum is no sum of logs
    (f"math.exp({R}))", "its log is wanted"),
    (f"-{R})", "The sign is turned"),
    (f"{R}) / math.log(10)", "natural logs"),
    (f"{R}) / len(logits)", "You divide by the number of frames"),
    ("7", "Follow one path by hand"),
    ("underflowing(fsa, logits)", "Right on 4 frames, but on 1,500 it raised ValueError"),
    (f"{R}) if len(logits) < 9 else {NO}", "Right on 4 frames, but on 1,500 you have -inf"),
    ("None", "Nothing yet"),
    ("[][0]", "raised IndexError"),
]


@pytest.mark.parametrize(("body", "message"), FORWARD)
def test_mistakes_of_exercise_1(body: str, message: str, capsys: pytest.CaptureFixture) -> None:
    known = {"recursion": lfmmi.recursion, "underflowing": underflowing, "math": math, "torch": torch}
    lfmmi.check_forward(eval(f"lambda fsa, logits: {body}", known))
    assert message in capsys.readouterr().out


def test_explanations_of_exercise_1_stand_apart() -> None:
    """Each mistake has a total of its own, so that none is explained as another."""
    fsa, logits = lfmmi.example()
    known = {"recursion": lfmmi.recursion, "underflowing": underflowing, "math": math, "torch": torch}
    totals = [float(eval(body, known | {"fsa": fsa, "logits": logits})) for body, _ in FORWARD[2:16]]
    assert totals[0] != pytest.approx(float(forward_backward_reference(fsa, logits)[0]), abs=1e-3)
    gaps = np.diff(sorted([*totals, lfmmi.recursion(fsa, logits)]))
    assert gaps.min() > 1e-3


def test_the_broken_numerator_is_too_heavy_by_the_phone_lm(tiny: tuple) -> None:
    """By exactly the LM's probability, whatever the network says; the right one never exceeds the denominator."""
    lexicon, topology, phone_lm = tiny
    phones = ["N", "OW", "G", "OW"]
    broken = lfmmi.broken_numerator(phones, topology)
    right = numerator(WORDS, lexicon, topology, phone_lm, initial="start")
    everything = denominator(phone_lm, topology, initial="start")
    for seed in range(3):
        y = torch.randn(7, topology.num_pdfs, generator=torch.Generator().manual_seed(seed))
        totals = [float(forward_backward_reference(fsa, y)[0]) for fsa in (broken, right, everything)]
        assert totals[0] - totals[1] == pytest.approx(-phone_lm.log_prob(phones), abs=1e-5)
        assert totals[1] <= totals[2]


def test_mistakes_of_exercise_2(tiny: tuple, capsys: pytest.CaptureFixture) -> None:
    lexicon, topology, phone_lm = tiny

    def said(cause: object, repaired: object = None) -> str:
        lfmmi.check_above_zero(cause, repaired, WORDS, *tiny)
        return capsys.readouterr().out

    def made(words: list[str], initial: str = "start") -> Fsa:
        return numerator(words, lexicon, topology, phone_lm, initial=initial)

    assert "Nothing yet" in said(None)
    assert "one of the letters" in said("e")
    assert "one of the letters" in said(3)
    assert "its pdf sequences are all in the denominator" in said("a")
    assert "the loops weigh 0.5" in said("b")
    assert "No network output puts a part above the whole" in said("d")
    alone = said("c")
    surplus = -phone_lm.log_prob(["N", "OW", "G", "OW"])
    assert f"-log P(N OW G OW) = {surplus:.2f}" in alone
    assert f"= {math.exp(surplus):.0f} times" in alone
    assert "Now repair it" in alone
    assert "as the denominator does" in said("c", made(WORDS))
    assert "initial='kaldi'" in said("c", made(WORDS, "kaldi"))
    assert "the broken one still" in said("c", lfmmi.broken_numerator(["N", "OW", "G", "OW"], topology))
    assert "of other words" in said("c", made(["no", "go", "go", "go", "go"]))
    assert "the same words and the same phone LM" in said("c", made(["go", "no"]))
    assert "an Fsa is wanted" in said("c", "numerator")
    foreign = Fsa(torch.tensor([[0, 0, 99]]), torch.zeros(1), torch.zeros(1), torch.zeros(1))
    assert "another lexicon" in said("c", foreign)
