"""Estimating a word n-gram: interpolated modified Kneser-Ney (Chen and Goodman 1999) or Witten-Bell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from .ngram import BOS, EOS, Gram, Ngram

_FALLBACK = (0.5, 1.0, 1.5)  # discounts where the counts of counts allow no estimate


def estimate_ngram(
    sentences: Iterable[Sequence[str]],
    order: int = 3,
    *,
    vocabulary: Iterable[str] | None = None,
    unknown: str | None = None,
    smoothing: str = "kneser-ney",
) -> Ngram:
    """Estimate a closed-vocabulary n-gram; every word of the vocabulary gets some probability.

    Args:
      sentences: words of each; the beginning and end are added.
      order: 1 … 9.
      vocabulary: the words to predict; default: those of the sentences. Words without a count share what the
        discounts leave at the bottom equally.
      unknown: a word to put in place of words outside the vocabulary (it joins the vocabulary).
      smoothing: "kneser-ney" or "witten-bell" (which loses less when pruned hard).

    Returns:
      Ngram whose probabilities sum to one in every context (checked).

    Raises:
      ValueError: no sentences; a word outside the vocabulary (named); `<s>` or `</s>` among the words.
    """
    if not 1 <= order <= 9:
        raise ValueError(f"order of the n-gram is {order}; from 1 to 9 is possible")
    if smoothing not in ("kneser-ney", "witten-bell"):
        raise ValueError(f"smoothing is {smoothing!r}; 'kneser-ney' or 'witten-bell'")
    texts = [list(words) for words in sentences]
    known = _vocabulary(texts, vocabulary, unknown)
    if not texts or not known:
        raise ValueError("estimate_ngram: no sentences, or no words in them")
    counts = _count(texts, order)
    if smoothing == "kneser-ney":
        counts = _continuations(counts)
    model = _interpolate(counts, order, known, smoothing)
    if not model.worst_sum() < 1e-6:
        raise ArithmeticError(f"estimate_ngram: a context misses one by {model.worst_sum():.2g}")
    return model


def _vocabulary(texts: list[list[str]], given: Iterable[str] | None, unknown: str | None) -> list[str]:
    """The words to predict; replaces unknown words in `texts` in place."""
    seen = {word for words in texts for word in words}
    for marker in (BOS, EOS):
        if marker in seen:
            raise ValueError(f"{marker} stands in a sentence; beginning and end are added by themselves")
    if given is None:
        return sorted(seen)
    known = list(dict.fromkeys(word for word in given if word not in (BOS, EOS)))
    outside = seen.difference(known)
    if outside and unknown is None:
        raise ValueError(f"word {min(outside)!r} is not in the vocabulary; add it, or give `unknown`")
    if unknown is not None:
        known = list(dict.fromkeys([*known, unknown]))
        for words in texts if outside else ():
            words[:] = [unknown if word in outside else word for word in words]
    return known


def _count(texts: list[list[str]], order: int) -> list[Counter[Gram]]:
    """counts[n - 1]: how often each n-gram occurs; `<s>` only begins, and is not predicted."""
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for words in texts:
        padded = [BOS, *words, EOS]
        for n in range(1, order + 1):
            counts[n - 1].update(zip(*(padded[k:] for k in range(n)), strict=False))
    del counts[0][(BOS,)]
    return counts


def _continuations(counts: list[Counter[Gram]]) -> list[Counter[Gram]]:
    """Kneser-Ney's counts: below the highest order, how many different words stand before the n-gram.

    Nothing stands before `<s>`: n-grams that begin with it keep their own counts.
    """
    adjusted = [Counter({g: c for g, c in counter.items() if g[0] == BOS}) for counter in counts[:-1]]
    for shorter, longer in zip(adjusted, counts[1:], strict=True):
        shorter.update(gram[1:] for gram in longer)
    return [*adjusted, counts[-1]]


def _discounts(counter: Counter[Gram]) -> tuple[float, float, float]:
    """Chen and Goodman's D1, D2, D3+ of one order from how many n-grams occur 1, 2, 3, 4 times."""
    n1, n2, n3, n4 = (sum(1 for c in counter.values() if c == k) for k in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return _FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if all(0 < d < k for k, d in enumerate(found, 1)) else _FALLBACK


def _interpolate(counts: list[Counter[Gram]], order: int, known: list[str], smoothing: str) -> Ngram:
    """P(w | h) = (count less discount) / total + backoff(h) P(w | shorter h), from the unigrams up."""
    uniform = -math.log(len(known) + 1)
    probs: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    for counter in counts:
        discounts = _discounts(counter) if smoothing == "kneser-ney" else None
        totals, spare = _spare(counter, discounts)
        for history, taken in spare.items():
            backoffs[history] = math.log(taken / totals[history])
        for gram, count in counter.items():
            history = gram[:-1]
            lower = math.exp(probs[gram[1:]] if history else uniform)
            kept = count - discounts[min(count, 3) - 1] if discounts else count
            probs[gram] = math.log((kept + spare[history] * lower) / totals[history])
    rest = backoffs.pop(()) + uniform  # what a word without a count gets
    for word in (*known, EOS):
        probs.setdefault((word,), rest)
    probs[(BOS,)] = -99 * math.log(10)
    return Ngram(order, known, probs, backoffs)


def _spare(
    counter: Counter[Gram], discounts: tuple[float, float, float] | None
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """For each history its total and how much of it goes to the shorter history: the discounts, or Witten-Bell's
    one for each word seen after it, which is added to the total."""
    totals: dict[Gram, float] = {}
    spare: dict[Gram, float] = {}
    for gram, count in counter.items():
        history = gram[:-1]
        taken = discounts[min(count, 3) - 1] if discounts else 1.0
        totals[history] = totals.get(history, 0.0) + (count if discounts else count + taken)
        spare[history] = spare.get(history, 0.0) + taken
    return totals, spare
