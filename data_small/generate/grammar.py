"""A small template grammar: parse templates, bind slots, inflect words.

Template syntax (all words upper case; ``,`` ``.`` ``?`` are prosody for the synthesiser):

``(X|2*Y|Z)``   one of the alternatives, ``n*`` is a weight
``[X]``         X or nothing, evenly
``{class}``     a member of a class, bound for the rest of the exchange; ``{class2}`` is another member
``{my-class}``  a member bound to the speaker for the whole call; ``{your-class}`` to the other speaker
``{slot.form}`` an inflected form: ``a`` (with article), ``s`` (plural), ``ed`` ``en`` ``ing`` ``es``
                (first word as a verb), ``he`` ``him`` ``his`` ``hes`` ``is`` ``was`` ``has`` … (referring back)
``{verb@slot}`` the verb in the present tense (``be``, ``was`` too), agreeing with the slot
``<rule>``      a fresh expansion of a rule or class (``<class.form>``), bound to nothing
``<do.form>``   something that one does on the topic of the moment; within it ``{*verb}`` and ``<class*>`` take the form
``{=slot}``     from here ``<own>`` is the slot's HIS, HER or THEIR (``{=my}``, ``{=our}``, ``{=your}``: MY, OUR, YOUR)
``{+flag}``     sets a flag; a line headed ``B.flag:`` is only spoken when it is set
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
Node = tuple[
    Any, ...
]  # ("word", w) | ("seq", [..]) | ("alt", [(weight, node)..]) | ("slot", name, form) | ("rule", name)

_TOKEN = re.compile(r"\{[^{}]*\}|<[^<>]*>|[()\[\]|]|[^\s()\[\]|{}<>]+")
_WEIGHT = re.compile(r"(\d+)\*(.*)")
_REFERRING = {
    "m": {"he": "HE", "him": "HIM", "his": "HIS", "hes": "HE'S"},
    "f": {"he": "SHE", "him": "HER", "his": "HER", "hes": "SHE'S"},
    "n": {"he": "IT", "him": "IT", "his": "ITS", "hes": "IT'S"},
    "p": {"he": "THEY", "him": "THEM", "his": "THEIR", "hes": "THEY'RE"},
}
_SINGULAR = {
    "is": "IS", "was": "WAS", "has": "HAS", "does": "DOES", "isnt": "ISN'T", "wasnt": "WASN'T",
    "doesnt": "DOESN'T", "that": "THAT", "this": "THIS",
}  # fmt: skip
_PLURAL = {
    "is": "ARE", "was": "WERE", "has": "HAVE", "does": "DO", "isnt": "AREN'T", "wasnt": "WEREN'T",
    "doesnt": "DON'T", "that": "THOSE", "this": "THESE",
}  # fmt: skip
_OWNERS = {"my": "MY", "our": "OUR", "your": "YOUR"}
_BE = {"be": ("IS", "ARE"), "was": ("WAS", "WERE")}
_VERB_FORMS = ("", "es", "ed", "en", "ing")


def pick(rng: Random, items: Sequence[T]) -> T:
    """One item, evenly; only ``rng.random()`` is used, so the draw is the same on every Python."""
    return items[int(rng.random() * len(items))]


@dataclass(frozen=True)
class Entry:
    """A member of a word class: its words, its plural, its gender (m, f, n, or p for plural)."""

    words: str
    plural: str = ""
    gender: str = "n"

    @classmethod
    def parse(cls, text: str) -> Entry:
        """Read ``WORDS[/PLURAL][:genders]``."""
        body, _, gender = text.strip().partition(":")
        words, _, plural = body.partition("/")
        return cls(words, plural, gender or "n")


@dataclass
class Context:
    """What is bound while an exchange is spoken.

    Attributes:
        rng: where every draw comes from.
        personas: side -> what is bound to it for the whole call.
        side: who is speaking.
        slots: what is bound for the exchange.
        flags: which ``{+flag}`` have been passed.
        topic: chooses the rule of ``<do>``.
        form: of the verbs within ``<do>``.
        owner: what ``<own>`` says.
    """

    rng: Random
    personas: dict[str, dict[str, Entry]]
    side: str = "A"
    slots: dict[str, Entry] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    topic: str = ""
    form: str = ""
    owner: str = "MY"


class Grammar:
    """Classes, rules and verbs; expands templates into lists of words with punctuation."""

    def __init__(self, classes: dict[str, str], rules: dict[str, str], verbs: str) -> None:
        """Parse everything once.

        Args:
            classes: name -> comma-separated members (see `Entry.parse`).
            rules: name -> template.
            verbs: one verb a line: base, third person, past, participle, -ing form.
        """
        self._words: dict[str, set[str]] = {}
        self.classes = {k: [Entry.parse(m) for m in v.split(",")] for k, v in classes.items()}
        self.rules = {k: parse(v) for k, v in rules.items()}
        self.verbs = {f[0]: dict(zip(_VERB_FORMS, f, strict=True)) for f in map(str.split, verbs.split("\n")) if f}

    def expand(self, node: Node, context: Context) -> list[str]:
        """The words of one random expansion of ``node``.

        Raises:
            KeyError: an unknown class, rule or form, named.
        """
        kind, rng = node[0], context.rng
        if kind == "word":
            return [node[1]]
        if kind == "seq":
            return [w for part in node[1] for w in self.expand(part, context)]
        if kind == "alt":
            return self.expand(_weighted(rng, node[1]), context)
        if kind == "rule":
            return self._rule(node[1], context)
        return self._slot(node[1], node[2], context)

    def _rule(self, name: str, context: Context) -> list[str]:
        name, _, form = name.partition(".")
        if name == "do":
            return self._do(form, context)
        if name == "own":
            return [context.owner]
        if name.endswith("-clause"):
            for slot in ("kin8", "kin9"):  # every clause has its own people
                context.slots.pop(slot, None)
        if name.endswith("*"):
            return self.inflect(self._draw(name[:-1], context.rng), context.form)
        if name in self.rules:
            return self.expand(self.rules[name], context)
        return self.inflect(self._draw(name, context.rng), form)

    def _do(self, form: str, context: Context) -> list[str]:
        outer, context.form = context.form, form
        kind = "told" if form == "ed" else "do"
        words = self.expand(self.rules[f"{kind}-{context.topic}"], context)
        context.form = outer
        return words

    def _slot(self, name: str, form: str, context: Context) -> list[str]:
        if name.startswith("+"):
            context.flags.add(name[1:])
            return []
        if name.startswith("="):
            owner = _OWNERS.get(name[1:])
            context.owner = owner or _REFERRING[self.bind(name[1:], context).gender]["his"]
            return []
        if name.startswith("*"):
            return self.inflect(Entry(name[1:].upper()), context.form)
        if form.startswith("@"):
            plural = self.bind(form[1:], context).gender == "p"
            return [_BE[name][plural]] if name in _BE else self.inflect(Entry(name.upper()), "" if plural else "es")
        return self.inflect(self.bind(name, context), form)

    def words(self, node: Node, forms: tuple[str, ...] = ()) -> set[str]:
        """Every word that ``node`` can give, punctuation removed.

        Args:
            node: a parsed template.
            forms: those that its ``{*verb}`` can take; none outside of ``<do>``.
        """
        kind = node[0]
        if kind == "word":
            return {node[1].strip(",.?")} - {""}
        if kind in ("seq", "alt"):
            parts = node[1] if kind == "seq" else [part for _, part in node[1]]
            return _union(self.words(part, forms) for part in parts)
        if kind == "rule":
            return self._rule_words(node[1], forms)
        return self._slot_words(node[1], node[2], forms)

    def _rule_words(self, name: str, forms: tuple[str, ...]) -> set[str]:
        name, _, form = name.partition(".")
        if name == "own":
            return {*_OWNERS.values(), *(words["his"] for gender, words in _REFERRING.items() if gender != "n")}
        if name == "do":
            kind = "told-" if form == "ed" else "do-"
            return _union(self.words(rule, (form,)) for key, rule in self.rules.items() if key.startswith(kind))
        if name.endswith("*"):
            return self._forms(self.classes[name[:-1]], forms)
        if name not in self.rules:
            return self._forms(self.classes[name], (form,))
        if name not in self._words:  # once a rule: they name one another
            self._words[name] = set()
            self._words[name] = self.words(self.rules[name])
        return self._words[name]

    def _slot_words(self, name: str, form: str, forms: tuple[str, ...]) -> set[str]:
        if name[0] in "+=":
            return set()
        if name.startswith("*"):
            return self._forms([Entry(name[1:].upper())], forms)
        if form.startswith("@"):
            return set(_BE[name]) if name in _BE else self._forms([Entry(name.upper())], ("", "es"))
        return self._forms(self.classes[name.rpartition("-")[2].rstrip("0123456789")], (form,))

    def _forms(self, entries: list[Entry], forms: tuple[str, ...]) -> set[str]:
        each = [Entry(e.words, e.plural, gender) for e in entries for gender in e.gender]
        return {word for entry in each for form in forms for word in self.inflect(entry, form)}

    def bind(self, name: str, context: Context) -> Entry:
        """The entry of a slot; drawn at its first use, never one already bound to its class."""
        owner, _, rest = name.rpartition("-")
        other = {"A": "B", "B": "A"}[context.side]
        store = {"": context.slots, "my": context.personas[context.side], "your": context.personas[other]}[owner]
        if rest not in store:
            base = rest.rstrip("0123456789")
            taken = [e for k, e in store.items() if k.rstrip("0123456789") == base]
            store[rest] = self._draw(base, context.rng, taken)
        return store[rest]

    def _draw(self, name: str, rng: Random, taken: list[Entry] | None = None) -> Entry:
        words = {e.words for e in taken or []}
        entry = pick(rng, [e for e in self.classes[name] if e.words not in words])
        return Entry(entry.words, entry.plural, pick(rng, list(entry.gender)))

    def inflect(self, entry: Entry, form: str) -> list[str]:
        """The words of ``entry`` in a form (see the list at the top of this file)."""
        words = entry.words.split()
        if form == "":
            return words
        if form == "s":
            return entry.plural.split() or words
        if form == "a":
            return ["AN" if words[0][0] in "AEIOU" else "A", *words]
        if form in _VERB_FORMS:
            return [self.verbs[words[0]][form], *words[1:]]
        agreeing = _PLURAL if entry.gender == "p" else _SINGULAR
        return [{**_REFERRING[entry.gender], **agreeing}[form]]


def _union(sets: Iterable[set[str]]) -> set[str]:
    return {word for each in sets for word in each}


def _weighted(rng: Random, options: list[tuple[int, Node]]) -> Node:
    point = rng.random() * sum(weight for weight, _ in options)
    for weight, node in options:
        point -= weight
        if point < 0:
            return node
    return options[-1][1]


def parse(template: str) -> Node:
    """Parse a template (top-level ``|`` allowed).

    Raises:
        ValueError: a bracket is left open or closed twice.
    """
    tokens = _TOKEN.findall(template)
    node, end = _alternatives(tokens, 0)
    if end != len(tokens):
        raise ValueError(f"Unbalanced bracket in template: {template!r}; close or remove it.")
    return node


def _alternatives(tokens: list[str], at: int) -> tuple[Node, int]:
    options: list[tuple[int, Node]] = []
    while True:
        weight, parts = 1, list[Node]()
        while at < len(tokens) and tokens[at] not in "|)]":
            if not parts and (match := _WEIGHT.fullmatch(tokens[at])):
                weight, tokens[at] = int(match[1]), match[2]
                if not tokens[at]:
                    at += 1
                    continue
            part, at = _part(tokens, at)
            parts.append(part)
        options.append((weight, ("seq", parts)))
        if at >= len(tokens) or tokens[at] != "|":
            return (options[0][1] if len(options) == 1 else ("alt", options)), at
        at += 1


def _part(tokens: list[str], at: int) -> tuple[Node, int]:
    token = tokens[at]
    if token in "([":
        node, end = _alternatives(tokens, at + 1)
        if end >= len(tokens) or tokens[end] != {"(": ")", "[": "]"}[token]:
            raise ValueError(f"Bracket {token!r} is not closed in template: {' '.join(tokens)!r}; close it.")
        return (node if token == "(" else ("alt", [(1, node), (1, ("seq", []))])), end + 1
    if token[0] == "{":
        name, at_sign, agree = token[1:-1].partition("@")
        slot, _, form = name.partition(".")
        return ("slot", slot, f"@{agree}" if at_sign else form), at + 1
    if token[0] == "<":
        return ("rule", token[1:-1]), at + 1
    return ("word", token), at + 1
