"""The words of the shipped corpus: two people talking on the telephone.

Every call is drawn from a topic grammar (`topics_*.py`) in which exchanges are small scenes of several turns;
what a speaker owns (a name, a city, a daughter, a dog) stays the same through a call. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from . import topics_common, topics_events, topics_home, topics_leisure, topics_life
from .disfluency import DISFLUENT, LONGEST, Style, speak
from .grammar import Context, Entry, Grammar, Node, parse, pick

T = TypeVar("T")
_SOURCES = (topics_common, topics_events, topics_home, topics_leisure, topics_life)


def _options(rule: str) -> list[str]:
    """The top-level alternatives of a rule."""
    options, depth = [""], 0
    for letter in rule:
        depth += (letter in "([") - (letter in ")]")
        if letter == "|" and depth == 0:
            options.append("")
        else:
            options[-1] += letter
    return options


def _events(do: dict[str, str]) -> dict[str, str]:
    """The rules ``told-topic`` (all that people do) and ``do-topic`` (without what only happens to them)."""
    told = {f"told-{topic}": rule.replace("!", "") for topic, rule in do.items()}
    planned = {topic: [option for option in _options(rule) if option[0] != "!"] for topic, rule in do.items()}
    return told | {f"do-{topic}": "|".join(options) for topic, options in planned.items()}


GRAMMAR = Grammar(
    {name: members for source in _SOURCES for name, members in source.CLASSES.items()},
    topics_common.RULES | topics_events.RULES | _events(topics_events.DO),
    topics_common.VERBS,
)
EXTRA = 0.65  # chance that a turn of a scene gets a clause more
WHOLE = 0.4  # chance that a call is recorded from its beginning, and to its end
_OTHER = {"A": "B", "B": "A"}
_OPENERS = ("SO,", "ANYWAY,", "BY THE WAY,", "HEY,", "LISTEN,", "OH, BEFORE I FORGET,", "NOW TELL ME,")


@dataclass(frozen=True)
class Turn:
    """One turn of a call.

    Attributes:
        side: the speaker, "A" (who calls) or "B".
        text: upper-case words separated by single spaces, no punctuation.
        spoken: the same words with commas, and a full stop or question mark at the end.
        topic: a member of `TOPICS`.
    """

    side: str
    text: str
    spoken: str
    topic: str


@dataclass(frozen=True)
class _Line:
    side: str
    flag: str
    node: Node


def _scenes(source: str) -> list[list[_Line]]:
    """Parse exchanges separated by blank lines; a line is ``A: template`` or ``A.flag: template``."""
    scenes = []
    for block in source.strip().split("\n\n"):
        lines = []
        for line in block.split("\n"):
            head, _, template = line.partition(":")
            side, _, flag = head.partition(".")
            lines.append(_Line(side, flag, parse(template)))
        scenes.append(lines)
    return scenes


_SCENES = {topic: _scenes(text) for source in _SOURCES for topic, text in getattr(source, "EXCHANGES", {}).items()}
_EVENTS = _scenes(topics_events.SCENES)
_MORE = parse(", <more>")
_BEFORE = parse("<clause>, [SO|NOW]")
TOPICS: tuple[str, ...] = tuple(sorted(set(_SCENES) - {"open", "close"}))


class _Call:
    """A call under way: its turns, what belongs to each side, and how each side speaks."""

    def __init__(self, rng: Random, topic: str) -> None:
        self.rng, self.topic = rng, topic
        self.turns: list[Turn] = []
        self.personas: dict[str, dict[str, Entry]] = {"A": {}, "B": {}}
        context = Context(rng, self.personas)
        for side in "AB":
            context.side = side
            GRAMMAR.bind("my-name", context)
        self.styles = {side: Style.draw(rng) for side in "AB"}

    def play(self, scene: list[_Line], first: str, opener: bool = False) -> None:
        """Speak a scene; ``first`` takes the part of A. An ``opener`` scene is led up to and drawn out."""
        context = Context(self.rng, self.personas, topic=self.topic)
        part = {"A": first, "B": _OTHER[first]}
        for number, line in enumerate(scene):
            if line.flag and line.flag not in context.flags:
                continue
            context.side = part[line.side]
            words = self._words(line, context)
            if opener and words[-1].endswith(".") and 5 <= len(words) <= 11 and self.rng.random() < EXTRA:
                words = self._longer(words, context)
            elif number == 0 and opener and words[-1].endswith("?") and self.rng.random() < EXTRA:
                words = self._led(words, context)
            lead = opener and number == 0 and self.rng.random() < 0.3
            self._say(context.side, words, pick(self.rng, _OPENERS).split() if lead else [])

    def _words(self, line: _Line, context: Context) -> list[str]:
        """A line short enough to be one turn; what a line that was too long had bound is forgotten."""
        for _ in range(20):
            slots, flags = dict(context.slots), set(context.flags)
            words = _joined(GRAMMAR.expand(line.node, context))
            if len(words) <= LONGEST:
                return words
            context.slots, context.flags = slots, flags
        raise ValueError(f"A line on {self.topic} is always longer than {LONGEST} words: {' '.join(words)}")

    def _longer(self, words: list[str], context: Context) -> list[str]:
        context.owner = "MY"
        more = _joined([words[-1].rstrip("."), *GRAMMAR.expand(_MORE, context)])
        longer = [*words[:-1], *more[:-1], more[-1] + "."]
        return longer if len(longer) <= LONGEST else words

    def _led(self, words: list[str], context: Context) -> list[str]:
        context.owner = "MY"
        longer = _joined([*GRAMMAR.expand(_BEFORE, context), *words])
        return longer if len(longer) <= LONGEST else words

    def _say(self, side: str, words: list[str], lead: list[str]) -> None:
        if self.turns and self.turns[-1].side == side:  # the other says at least that he is listening
            self._add(_OTHER[side], GRAMMAR.expand(("rule", "bc"), Context(self.rng, self.personas)))
        said = speak(words, self.styles[side], self.rng)
        self._add(side, [*lead, *said] if len(lead) + len(said) <= LONGEST else said)

    def _add(self, side: str, words: list[str]) -> None:
        spoken = " ".join(words)
        text = spoken.translate(str.maketrans("", "", ",.?"))
        self.turns.append(Turn(side, text, spoken, self.topic))


def conversation(seed: int, topic: str | None = None, turns: int = 30) -> list[Turn]:
    """One telephone call; the same seed gives the same call on every Python.

    Args:
        seed: any integer; calls of different seeds are independent.
        topic: a member of `TOPICS` to begin with (drawn when None); long calls move on to others.
        turns: about how many turns; the scene under way is finished, then the call is closed.

    Raises:
        ValueError: an unknown topic.
    """
    if topic is not None and topic not in TOPICS:
        raise ValueError(f"Unknown topic {topic!r}; choose one of {', '.join(TOPICS)}.")
    return _converse(Random(f"conversation {seed}"), topic, turns)


def _converse(rng: Random, topic: str | None, turns: int) -> list[Turn]:
    topics = _shuffled(rng, list(TOPICS))
    if topic is not None:
        topics.remove(topic)
        topics.insert(0, topic)
    call = _Call(rng, topics[0])
    if rng.random() < WHOLE:
        call.play(pick(rng, _SCENES["open"]), pick(rng, ["A", "B"]))
    first = pick(rng, ["A", "B"])
    for call.topic in topics:
        scenes = _shuffled(rng, _SCENES[call.topic])[: 1 + int(3 * rng.random())]
        scenes += _shuffled(rng, _EVENTS)[: 3 + int(3 * rng.random())]
        for scene in _shuffled(rng, scenes):
            if len(call.turns) >= turns - 4:
                break
            call.play(scene, first, opener=True)
            first = _OTHER[first] if rng.random() < 0.6 else first
    if rng.random() < WHOLE:
        call.play(pick(rng, _SCENES["close"]), pick(rng, ["A", "B"]))
    return call.turns


def _joined(words: list[str]) -> list[str]:
    """Punctuation that stands alone goes to the word before it; the stronger mark of two stays."""
    out: list[str] = []
    for word in words:
        if out and out[-1] in ("A", "AN"):
            out[-1] = "AN" if word[0] in "AEIOU" else "A"
        if word not in (",", ".", "?"):
            out.append(word)
        elif out[-1][-1] not in ".?":
            out[-1] = out[-1].rstrip(",") + word
    return out


def _vocabulary() -> frozenset[str]:
    nodes = [line.node for scenes in (*_SCENES.values(), _EVENTS) for scene in scenes for line in scene]
    nodes += [_MORE, _BEFORE, ("rule", "bc")]
    openers = {word for opener in _OPENERS for word in opener.replace(",", "").split()}
    return frozenset(DISFLUENT | openers | {word for node in nodes for word in GRAMMAR.words(node)})


def _shuffled(rng: Random, items: list[T]) -> list[T]:
    keys = [rng.random() for _ in items]
    return [items[n] for n in sorted(range(len(items)), key=keys.__getitem__)]


def sentences(seed: int, words: int) -> Iterator[list[str]]:
    """The words of turns of other calls than `conversation` gives for any seed, until there are ``words`` words.

    They are drawn as `conversation` draws with its default arguments, so a language model of them fits its calls.

    Args:
        seed: any integer.
        words: the least number of words over all turns.
    """
    count, number = 0, 0
    while count < words:
        for turn in _converse(Random(f"sentences {seed} {number}"), None, 30):
            yield (said := turn.text.split())
            count += len(said)
            if count >= words:
                return
        number += 1


VOCABULARY: frozenset[str] = _vocabulary()
