"""What makes speech spontaneous: fillers, repeated words, restarts and afterthoughts."""

# ruff: noqa: SIM905  (a list of words reads better as one string)

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .grammar import pick

LONGEST = 18
_LEADS = "UH,|UM,|SO|OH|WELL,|YOU KNOW,|I MEAN,|LET ME SEE,".split("|")
_MIDDLES = "UH,|UM,|YOU KNOW,|I MEAN,|LIKE,".split("|")
_TAILS = "YOU KNOW|I GUESS|I THINK|ACTUALLY|ANYWAY|THOUGH|I SUPPOSE".split("|")
_LEADING = {"OH", "WELL", "SO", "SAME", "ALL", "THANKS", "LUCKY", "HELLO", "HI", "UH-OH"}
_REPEATABLE = set("I WE HE SHE THEY THE A MY OUR AND BUT TO IN AT WITH IT'S HE'S SHE'S THEY'RE I'M DO IS FOR".split())
_SUBJECTS = set("I WE HE SHE THEY YOU".split())
_STARTS = {"AND", "BUT", "SO", "BECAUSE", "THEN", "THAT", "THINK"}
_FALSE_STARTS = {
    "PAST": "WENT GOT TOOK HAD SAW MADE WANTED WAS DID TRIED".split(),
    "BASE": "THINK WANT NEED LIKE GO HAVE CAN TRY".split(),
    "THIRD": "LIKES WANTS NEEDS GOES HAS CAN THINKS".split(),
}
_KIND = {word: kind for kind, words in _FALSE_STARTS.items() for word in words} | {
    **dict.fromkeys("BOUGHT FOUND DROVE LIVED USED MOVED GREW PLAYED SAT WATCHED ATE STUDIED LEARNED".split(), "PAST"),
    **dict.fromkeys("LOVE LIVE PLAY WORK EAT TAKE SLEEP WALK USE BUY FLY SIT".split(), "BASE"),
    **dict.fromkeys("LOVES LIVES PLAYS WORKS EATS TAKES SLEEPS CALLS KEEPS".split(), "THIRD"),
}
_BREAK_BEFORE = set("THE A AN MY OUR IN AT ABOUT WITH BECAUSE VERY REALLY PRETTY TWO THREE FOUR FIVE SIX SEVEN".split())


DISFLUENT: set[str] = {
    *" ".join(_LEADS + _MIDDLES + _TAILS).replace(",", "").split(),
    *(word for words in _FALSE_STARTS.values() for word in words),
}

_BOUND = {"ALL", "ONCE", "TWICE", "BY", "OF", "NOT", "MUCH", "TOO", "SO"}


@dataclass(frozen=True)
class Style:
    """How hesitant a speaker is: chances of each disfluency, per turn or per place where it can happen."""

    lead: float
    middle: float
    repeat: float
    restart: float
    tail: float

    @classmethod
    def draw(cls, rng: Random) -> Style:
        """A speaker between fluent and hesitant."""
        hesitant = 0.3 + 1.4 * rng.random()
        return cls(0.25 * hesitant, 0.09 * hesitant, 0.025 * hesitant, 0.12 * hesitant, 0.12)


def speak(words: list[str], style: Style, rng: Random) -> list[str]:
    """``words`` as a hesitant speaker would say them; the end mark stays last, no turn grows too long.

    Args:
        words: a turn with its punctuation, one mark at most after a word.
    """
    if len(words) < 4:
        return words
    out = _within(words, style, rng)
    if rng.random() < style.lead and not out[0].endswith(",") and out[0] not in _LEADING:
        lead = pick(rng, _LEADS if out[-1].endswith(".") else _LEADS[:4]).split()
        out = [*lead, *out]
    if out[-1].endswith(".") and rng.random() < style.tail:
        out = [*out[:-1], out[-1].rstrip(".") + ",", *(pick(rng, _TAILS) + ".").split()]
    return out if len(out) <= LONGEST else words


def _within(words: list[str], style: Style, rng: Random) -> list[str]:
    out: list[str] = []
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else ""
        if (
            at
            and word in _BREAK_BEFORE
            and out[-1] not in _BOUND
            and not out[-1].endswith(",")
            and rng.random() < style.middle
        ):
            out[-1] += ","
            out += pick(rng, _MIDDLES).split()
        starts = not out or out[-1].endswith(",") or out[-1] in _STARTS
        if starts and word in _SUBJECTS and (kind := _KIND.get(after)) and rng.random() < style.restart:
            out += [word, pick(rng, [v for v in _FALSE_STARTS[kind] if v != after]) + ","]
        elif word in _REPEATABLE and rng.random() < style.repeat:
            out.append(word + ",")
        out.append(word)
    return out
