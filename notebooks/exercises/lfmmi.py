"""Checks of 02_lfmmi: each prints whether the answer is right, and if not, what usually leads there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from numpy import logaddexp
from torch import Tensor

from tdnnq_lab.graphs import Fsa, Lexicon, PhoneLm, Topology, numerator
from tdnnq_lab.graphs.topology import LEAVE, LOOP
from tdnnq_lab.lfmmi import forward_backward_reference

from .answers import RIGHT, tried

FRAMES, LONG = 4, 1500
NO = -math.inf


def example() -> tuple[Fsa, Tensor]:
    """A graph of three states that may begin in two and end in two, and log weights [4, 3] of its pdfs."""
    arcs = torch.tensor([[0, 1, 0], [0, 2, 1], [1, 2, 2], [1, 1, 1], [2, 0, 0], [2, 2, 2], [0, 0, 2]])
    scores = torch.tensor([0.5, 0.2, 0.6, 0.3, 0.1, 0.7, 0.4]).log()
    weights = torch.tensor([[0.8, 0.2, 0.0], [0.0, 0.3, 0.9]]).log()
    random = torch.Generator().manual_seed(1)
    return Fsa(arcs, scores, *weights), torch.randn(FRAMES, 3, generator=random)


def check_forward(forward: Callable[[Fsa, Tensor], Any]) -> None:
    """Exercise 1: `forward(fsa, logits)` gives the log of the summed weight of all paths, logits being [T, P]."""
    print(_forward(forward))


def _forward(forward: Callable[[Fsa, Tensor], Any]) -> str:
    fsa, logits = example()
    told = f"logits of shape {tuple(logits.shape)}: {FRAMES} frames, 3 pdfs."
    told = f"It was given an Fsa of 3 states and 7 arcs, and {told}"

    def called() -> float | None:
        answer = forward(fsa, logits.clone())
        return None if answer is None else float(answer)

    found, wrong = tried(called, told)
    if wrong:
        return wrong
    right = float(forward_backward_reference(fsa, logits)[0])
    if not math.isclose(found, right, abs_tol=1e-4):
        return f"Not yet: on a small graph you have {found:.4f} instead of {right:.4f}. {_forward_mistake(found)}"
    long = torch.randn(LONG, 3, generator=torch.Generator().manual_seed(2)) - 1
    try:
        found = float(forward(fsa, long))
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        return f"Right on {FRAMES} frames, but on {LONG:,} it raised {type(error).__name__}: {error}. {UNDERFLOW}"
    if not math.isclose(found, float(forward_backward_reference(fsa, long)[0]), rel_tol=1e-5):
        return f"Right on {FRAMES} frames, but on {LONG:,} you have {found:.4g}. {UNDERFLOW}"
    return f"{RIGHT} It agrees with the library on {FRAMES} frames and on {LONG:,}."


UNDERFLOW = "A product of so many weights leaves the range of a float: keep logs all the way, and add with logaddexp."


def recursion(
    fsa: Fsa,
    logits: Tensor,
    *,
    initial: Sequence[float] | None = None,
    final: Sequence[float] | None = None,
    scores: bool = True,
    begin: float = NO,
    add: Callable[[float, float], float] = logaddexp,
    in_place: bool = False,
    backwards: bool = False,
) -> float:
    """The forward recursion, right or with one of the usual mistakes in it."""
    alpha = list(fsa.initial.tolist() if initial is None else initial)
    for row in logits.tolist():
        new = alpha if in_place else [begin] * fsa.num_states
        for (source, destination, pdf), score in zip(fsa.arcs.tolist(), fsa.scores.tolist(), strict=True):
            source, destination = (destination, source) if backwards else (source, destination)
            moved = alpha[source] + (score if scores else 0.0) + row[pdf]
            new[destination] = float(add(new[destination], moved))
        alpha = new
    total = NO
    for weight, end in zip(alpha, fsa.final.tolist() if final is None else final, strict=True):
        total = float(add(total, weight + end))
    return total


def _forward_mistake(found: float) -> str:
    """What usually gives this total."""
    fsa, logits = example()
    zero, right = [0.0] * 3, recursion(fsa, logits)
    causes = [
        (recursion(fsa, logits, final=zero), "You forgot the final weights: a path counts only if it may end where it "
         "is, alpha_T(s) + final(s)."),
        (recursion(fsa, logits, initial=zero), "You let paths begin anywhere at no cost: alpha_0 is `fsa.initial`."),
        (recursion(fsa, logits, initial=[0.0, NO, NO]), "You begin in state 0 only: alpha_0 is `fsa.initial`."),
        (recursion(fsa, logits, initial=zero, final=zero), "Neither initial nor final weights enter your sum."),
        (recursion(fsa, logits, scores=False), "The arcs' own scores are missing: each arc adds `score` and its pdf's "
         "log weight."),
        (recursion(fsa, torch.zeros_like(logits)), "The logits are missing: each arc adds the log weight of its pdf at "
         "that frame."),
        (recursion(fsa, logits, add=max), "That is the best path (Viterbi): you take the maximum where paths are to be "
         "added up, with logaddexp."),
        (recursion(fsa, logits, begin=0.0), "Each state's sum begins at 0, which is log 1, a path that does not exist. "
         "Begin at -inf, log 0."),
        (recursion(fsa, logits[:-1]), "One frame too few: the last one is missing. T frames make T + 1 alphas."),
        (recursion(fsa, logits[1:]), "One frame too few: frame 0 is missing. It makes alpha_1 of alpha_0."),
        (recursion(fsa, logits.roll(1, 0)), "The frames are off by one: alpha_{t+1} takes logits[t], and you take "
         "logits[t - 1] (which is the last frame at t = 0)."),
        (recursion(fsa, logits.roll(-1, 0)), "The frames are off by one: alpha_{t+1} takes logits[t]."),
        (recursion(fsa, logits, in_place=True), "You change alpha while you still read it: an arc must read the alphas "
         "of the frame before. Fill a new list and swap."),
        (recursion(fsa, logits, backwards=True), "Source and destination are exchanged."),
        (math.exp(right), "That is the weight; its log is wanted."),
        (-right, "The sign is turned: that is a cost."),
        (right / math.log(10), "That is log10; natural logs are wanted."),
        (right / FRAMES, "You divide by the number of frames: the total is wanted."),
    ]  # fmt: skip
    for value, cause in causes:
        if math.isclose(found, value, abs_tol=1e-4):
            return cause
    if math.isnan(found) or math.isinf(found):
        return (
            "Usually log weights were added up, which multiplies the weights, where logaddexp was wanted; or a log was "
            "taken of something negative."
        )
    return "Follow one path by hand: initial + (score + logit) for each frame + final. Then add paths with logaddexp."


def broken_numerator(phones: Sequence[str], topology: Topology) -> Fsa:
    """A numerator as many write it at first: the phones in a row, each with its loop. Something is missing."""
    numbers = [topology.index(phone) for phone in phones]
    arcs, scores = [], []
    for state, phone in enumerate(numbers):
        arcs += [(state, state + 1, topology.forward_pdf(phone)), (state + 1, state + 1, topology.loop_pdf(phone))]
        scores += [LEAVE if state else 0.0, LOOP]
    ends = torch.full((len(numbers) + 1,), NO)
    starts = ends.clone()
    starts[0], ends[-1] = 0.0, LEAVE
    return Fsa(torch.tensor(arcs), torch.tensor(scores), starts, ends)


ANSWERS = {
    "a": "No: its pdf sequences are all in the denominator too. Compare the arcs of the two pictures.",
    "b": "No: the loops weigh 0.5, as in the denominator. Compare the numbers on the other arcs.",
    "d": "No: without frames that fit, both sums become small together. No network output puts a part above the whole, "
    "as long as each path weighs the same in both.",
}


def check_above_zero(
    cause: Any, repaired: Any, words: Sequence[str], lexicon: Lexicon, topology: Topology, phone_lm: PhoneLm
) -> None:
    """Exercise 2: the letter of the cause, and a numerator of `words` without it."""
    print(_above_zero(cause, repaired, words, lexicon, topology, phone_lm))


def _above_zero(
    cause: Any, repaired: Any, words: Sequence[str], lexicon: Lexicon, topology: Topology, phone_lm: PhoneLm
) -> str:
    if cause is None:
        return "Nothing yet: `cause` is None. Set it to a letter, such as 'a'."
    if cause not in ("a", "b", "c", "d"):
        return f"`cause` is {cause!r}; one of the letters 'a', 'b', 'c', 'd' is wanted."
    if cause != "c":
        return ANSWERS[cause]
    phones = [phone for word in words for phone in lexicon.variants(word)[0][1]]
    surplus = -phone_lm.log_prob(phones)
    found = (
        f"{RIGHT} The arcs lack the phone LM: every path weighs exp({surplus:.2f}) = {math.exp(surplus):.0f} times "
        f"what the same path weighs in the denominator, since -log P({' '.join(phones)}) = {surplus:.2f}."
    )
    if repaired is None:
        return f"{found} Now repair it: `repaired` is None."
    return f"{found} {_repair(repaired, phones, words, lexicon, topology, phone_lm)}"


def _repair(
    repaired: Any, phones: list[str], words: Sequence[str], lexicon: Lexicon, topology: Topology, phone_lm: PhoneLm
) -> str:
    if not isinstance(repaired, Fsa):
        return f"But `repaired` is a {type(repaired).__name__}; an Fsa is wanted, as `numerator(…)` gives it."
    if repaired.num_pdfs > topology.num_pdfs:
        return "But `repaired` has pdfs that this topology lacks: was it made with another lexicon?"
    random = torch.Generator().manual_seed(3)
    logits = torch.randn(len(phones) + 3, topology.num_pdfs, generator=random)

    def total(fsa: Fsa) -> float:
        return float(forward_backward_reference(fsa, logits)[0])

    right = numerator(words, lexicon, topology, phone_lm, initial="start")
    if math.isclose(total(repaired), total(right), abs_tol=1e-4):
        return "And your numerator weighs its paths as the denominator does: its objective cannot rise above zero."
    anywhere = numerator(words, lexicon, topology, phone_lm, initial="kaldi")
    if math.isclose(total(repaired), total(anywhere), abs_tol=1e-4):
        return (
            "But `repaired` begins and ends anywhere (initial='kaldi', for chunks), and the denominator here begins at "
            "the start: both must be made with initial='start'."
        )
    if math.isclose(total(repaired), total(broken_numerator(phones, topology)), abs_tol=1e-4):
        return "But `repaired` is the broken one still."
    if not math.isfinite(total(repaired)):
        return "But `repaired` has no path through so few frames: is it the numerator of other words?"
    return "But `repaired` weighs its paths otherwise still. Was it made of the same words and the same phone LM?"
