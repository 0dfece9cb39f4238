"""What was said above what was recognised, word by word, as HTML: for the report page, and for notebooks."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from ..scoring import align
from .parts import Page

TAGS = {"S": "wrong", "D": "missed", "I": "added"}
SIGNS = {"S": "✗ ", "D": "✗ ", "I": "+ "}
COLUMNS = 10  # of a table in a notebook, before it goes on below
NAMES = {"S": "substituted", "D": "deleted", "I": "inserted"}


def example(entry: Mapping[str, Any]) -> str:
    """One utterance as aligned pairs: errors are tinted, underlined and named, so that no colour is needed.

    Args:
        entry: {"id", "reference", "hypothesis"}; words separated by spaces, or lists of words.
    """
    steps = align(words_of(entry["reference"]), words_of(entry["hypothesis"]))
    wrong = sum(op != "C" for op, _, _ in steps)
    said = sum(reference is not None for _, reference, _ in steps)
    count = "no error" if not wrong else f"{wrong} error{'s' if wrong > 1 else ''}"
    pairs = "".join(map(_pair, steps))
    return (
        f'<div class="example"><div class="id">{html.escape(str(entry["id"]))}: {count} in {said} words</div>'
        f'<div class="pairs"><span class="pair rows"><span>said</span><span>heard</span></span>{pairs}</div></div>'
    )


def words_of(text: str | Sequence[str]) -> list[str]:
    """Words of a text, or of a list of them."""
    return text.split() if isinstance(text, str) else list(text)


Column = tuple[str | None, list[tuple[str, str | None]]]


def aligned(reference: Sequence[str], hypotheses: Mapping[str, Sequence[str]]) -> tuple[dict[str, int], list[Column]]:
    """Several hypotheses under one reference.

    Args:
        reference: what was said.
        hypotheses: what each system heard.

    Returns:
        The errors of each system, and the columns from left to right: the reference word (None where a system added
        one) and for each system (op, word). op is C, S, I or D as in `scoring.align`; "" where the system has
        nothing to say: another one added a word there.
    """
    counts: dict[str, int] = {}
    said: list[list[tuple[str, str | None]]] = [[] for _ in reference]  # a cell a system, for each word
    added: list[list[list[str]]] = [[] for _ in range(len(reference) + 1)]  # words a system, before each word
    for name, words in hypotheses.items():
        steps = align(reference, words)
        counts[name] = sum(op != "C" for op, _, _ in steps)
        place = 0
        for gap in added:
            gap.append([])
        for op, _, word in steps:
            if op == "I":
                added[place][-1].append(word or "")
            else:
                said[place].append((op, word))
                place += 1
    columns: list[Column] = []
    for place, gap in enumerate(added):
        for k in range(max(map(len, gap), default=0)):
            columns.append((None, [("I", words[k]) if k < len(words) else ("", None) for words in gap]))
        if place < len(reference):
            columns.append((reference[place], said[place]))
    return counts, columns


def compare(reference: str | Sequence[str], hypotheses: Mapping[str, str | Sequence[str]]) -> Page:
    """What was said and what each system heard, word under word, for a notebook: plain tables, errors in words too.

    Args:
        reference: what was said; words separated by spaces, or a list of them.
        hypotheses: what was heard, by system.
    """
    counts, columns = aligned(words_of(reference), {name: words_of(words) for name, words in hypotheses.items()})
    cell = "padding:.15em .55em;text-align:center"
    head = f'<th style="{cell};text-align:left">'
    tables = []
    for first in range(0, len(columns), COLUMNS):
        part = columns[first : first + COLUMNS]
        said = "".join(f'<td style="{cell}">{_word(word).lower()}</td>' for word, _ in part)
        rows = [f"<tr>{head}said</th>{said}</tr>"]
        for k, name in enumerate(counts):
            heard = "".join(f'<td style="{cell}">{_marked(*cells[k])}</td>' for _, cells in part)
            rows.append(f"<tr>{head}{html.escape(name)}</th>{heard}</tr>")
        tables.append(f"<table>{''.join(rows)}</table>")
    told = "; ".join(f"{name}: {count or 'no'} error{'' if count == 1 else 's'}" for name, count in counts.items())
    return Page(f"{''.join(tables)}<p>{html.escape(told)} in {len(words_of(reference))} words.</p>")


def _marked(op: str, word: str | None) -> str:
    told = html.escape((word or "").lower())
    return f"<strong>{SIGNS[op]}{told} ({TAGS[op]})</strong>" if op in TAGS else told


def _pair(step: tuple[str, str | None, str | None]) -> str:
    op, reference, hypothesis = step
    wrong = f"wrong {op}" if op != "C" else ""
    title = f' title="{NAMES[op]}"' if op != "C" else ""
    return (
        f'<span class="pair {wrong}"{title}><span class="said">{_word(reference)}</span>'
        f'<span class="heard">{_word(hypothesis)}</span><span class="tag">{TAGS.get(op, "")}</span></span>'
    )


def _word(word: str | None) -> str:
    return "–" if word is None else html.escape(word)
