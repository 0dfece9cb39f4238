"""What was said above what was recognised, word by word, as HTML."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from ..scoring import align

TAGS = {"S": "wrong", "D": "missed", "I": "added"}
NAMES = {"S": "substituted", "D": "deleted", "I": "inserted"}


def example(entry: Mapping[str, Any]) -> str:
    """One utterance as aligned pairs: errors are tinted, underlined and named, so that no colour is needed.

    Args:
        entry: {"id", "reference", "hypothesis"}; words separated by spaces, or lists of words.
    """
    steps = align(_words(entry["reference"]), _words(entry["hypothesis"]))
    wrong = sum(op != "C" for op, _, _ in steps)
    said = sum(reference is not None for _, reference, _ in steps)
    count = "no error" if not wrong else f"{wrong} error{'s' if wrong > 1 else ''}"
    pairs = "".join(map(_pair, steps))
    return (
        f'<div class="example"><div class="id">{html.escape(str(entry["id"]))}: {count} in {said} words</div>'
        f'<div class="pairs"><span class="pair rows"><span>said</span><span>heard</span></span>{pairs}</div></div>'
    )


def _words(text: str | Sequence[str]) -> list[str]:
    return text.split() if isinstance(text, str) else list(text)


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
