"""Word n-grams in back-off form: probabilities, perplexity, mixing and pruning."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BOS = "<s>"
EOS = "</s>"

Gram = tuple[str, ...]


@dataclass(eq=False)
class Ngram:
    """An n-gram model: P(w | h) is listed, or else backoff(h) P(w | h without its first word).

    Args:
      order: longest n-gram.
      vocabulary: the words it can predict, besides the end `</s>`.
      probs: n-gram -> natural log probability of its last word after the others.
      backoffs: history -> natural log back-off weight; a history not listed weighs 1.
    """

    order: int
    vocabulary: list[str]
    probs: dict[Gram, float]
    backoffs: dict[Gram, float]

    def log_prob(self, word: str, history: Sequence[str] = ()) -> float:
        """Natural log of P(word | history); `<s>` begins a history, `</s>` ends a sentence.

        Raises:
          ValueError: the word is not in the vocabulary.
        """
        length = min(len(history), self.order - 1)
        context = tuple(history[len(history) - length :])
        total = 0.0
        while True:
            listed = self.probs.get((*context, word))
            if listed is not None:
                return total + listed
            if not context:
                raise ValueError(f"word {word!r} is not in the vocabulary of the language model")
            total += self.backoffs.get(context, 0.0)
            context = context[1:]

    def sentence_log_prob(self, words: Sequence[str]) -> float:
        """Natural log probability of a whole sentence, its end included."""
        padded = [BOS, *words, EOS]
        return sum(self.log_prob(padded[i], padded[max(0, i - self.order + 1) : i]) for i in range(1, len(padded)))

    def perplexity(self, sentences: Iterable[Sequence[str]], *, skip_unknown: bool = False) -> float:
        """exp of the mean negative log probability a word, ends of sentences counted as words.

        Args:
          sentences: words of each.
          skip_unknown: leave out words outside the vocabulary (they still stand in histories).

        Raises:
          ValueError: no sentences; a word outside the vocabulary, unless they are skipped.
        """
        known = {*self.vocabulary, EOS} if skip_unknown else None
        events, total = 0, 0.0
        for words in sentences:
            padded = [BOS, *words, EOS]
            for i in range(1, len(padded)):
                if known is None or padded[i] in known:
                    total += self.log_prob(padded[i], padded[max(0, i - self.order + 1) : i])
                    events += 1
        if not events:
            raise ValueError("perplexity of no sentences")
        return math.exp(-total / events)

    def sizes(self) -> list[int]:
        """Number of n-grams of each order, 1 … order."""
        counts = [0] * self.order
        for gram in self.probs:
            counts[len(gram) - 1] += 1
        return counts

    def contexts(self) -> dict[Gram, list[str]]:
        """For every history that lists anything, the words it lists."""
        listed: dict[Gram, list[str]] = defaultdict(list)
        for gram in self.probs:
            if gram != (BOS,):
                listed[gram[:-1]].append(gram[-1])
        return dict(listed)

    def worst_sum(self) -> float:
        """The largest distance from one of the sum over the vocabulary and the end in any context."""
        return max(abs(total - 1) for _, total in self._sums())

    def _sums(self) -> Iterator[tuple[Gram, float]]:
        """Sums of all contexts, shortest first; what is not listed gets back-off times the rest below."""
        sums: dict[Gram, float] = {}
        listed = self.contexts()
        for context in sorted({*listed, *(h for h in self.backoffs if len(h) < self.order)}, key=len):
            words = listed.get(context, [])
            total = math.fsum(math.exp(self.probs[(*context, w)]) for w in words)
            if context:
                shorter = context[1:]
                while shorter not in sums:  # it lists nothing and weighs 1: the same as the next shorter one
                    shorter = shorter[1:]
                rest = sums[shorter] - math.fsum(math.exp(self.log_prob(w, context[1:])) for w in words)
                total += math.exp(self.backoffs.get(context, 0.0)) * rest
            sums[context] = total
            yield context, total

    def prune(self, threshold: float) -> Ngram:
        """Without the n-grams whose loss changes the model's perplexity by less than `threshold`, relatively.

        Relative entropy pruning (Stolcke 1998); 1e-8 … 1e-6 are usual. Unigrams stay.

        Raises:
          ValueError: a negative threshold.
        """
        if not threshold >= 0:
            raise ValueError(f"threshold of pruning is {threshold}; 0 or more is needed")
        probs = dict(self.probs)
        for length in range(self.order, 1, -1):
            histories = {gram[:-1] for gram in probs if len(gram) == length + 1}
            for context, words in self.contexts().items():
                if len(context) == length - 1:
                    for word in _light(self, context, words, threshold):
                        if (*context, word) not in histories:
                            del probs[(*context, word)]
        return renormalised(self.order, self.vocabulary, probs)

    def without(self, word: str) -> Ngram:
        """The model of texts in which one of its words never comes next: P(w | h) / (1 - P(word | h)).

        For the unknown word of a model that is to be mixed with another: what it holds is otherwise lost, and more
        where it is likely.

        Raises:
          ValueError: the word is not in the vocabulary.
        """
        probs: dict[Gram, float] = {}
        for context, words in self.contexts().items():
            if word not in context:
                others = math.log1p(-math.exp(self.log_prob(word, context)))
                probs |= {(*context, w): self.probs[(*context, w)] - others for w in words if w != word}
        if (BOS,) in self.probs:
            probs[(BOS,)] = self.probs[(BOS,)]
        return renormalised(self.order, [w for w in self.vocabulary if w != word], probs)

    def write_arpa(self, path: str | Path) -> None:
        """Write the ARPA format (log10, UTF-8; gzipped if the name ends in .gz), under a temporary name first."""
        from .arpa import write_arpa

        write_arpa(self, path)


def mix(first: Ngram, second: Ngram, weight: float) -> Ngram:
    """Interpolate: weight P_first + (1 - weight) P_second for every n-gram that either lists.

    Other n-grams back off, with weights that make every context sum to one. The vocabulary is that of both.

    Raises:
      ValueError: weight outside 0 … 1.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight of the first model is {weight}; from 0 to 1 is needed")
    vocabulary = list(dict.fromkeys([*first.vocabulary, *second.vocabulary]))
    probs: dict[Gram, float] = {}
    for gram in {**first.probs, **second.probs}:
        parts = ((weight, first), (1 - weight, second))
        total = sum(share * math.exp(_log_prob_or_none(model, gram)) for share, model in parts if share)
        probs[gram] = math.log(total) if total > 0 else -99 * math.log(10)
    return renormalised(max(first.order, second.order), vocabulary, probs)


def _log_prob_or_none(model: Ngram, gram: Gram) -> float:
    return model.log_prob(gram[-1], gram[:-1]) if gram[-1:] in model.probs else -math.inf


def _light(model: Ngram, context: Gram, words: list[str], threshold: float) -> list[str]:
    """Which listed words of one context cost less than `threshold` to leave to the back-off (Stolcke, eq. 5-7)."""
    history = _history_log_prob(model, context)
    probs = [math.exp(model.probs[(*context, w)]) for w in words]
    lower = [math.exp(model.log_prob(w, context[1:])) for w in words]
    rest, rest_lower = 1 - math.fsum(probs), 1 - math.fsum(lower)
    backoff = model.backoffs.get(context, 0.0)
    light = []
    for word, p, q in zip(words, probs, lower, strict=True):
        if rest + p <= 0 or rest_lower + q <= 0:
            continue
        new = math.log((rest + p) / (rest_lower + q))  # the back-off weight without this word
        loss = p * (math.log(p) - math.log(q) - new) + max(rest, 0.0) * (backoff - new)
        if math.expm1(math.exp(history) * loss) < threshold:
            light.append(word)
    return light


def _history_log_prob(model: Ngram, context: Gram) -> float:
    """Log probability of the words of a history; that of the beginning is 0."""
    return sum(model.log_prob(w, context[:i]) for i, w in enumerate(context) if w != BOS)


def renormalised(order: int, vocabulary: list[str], probs: dict[Gram, float]) -> Ngram:
    """A model with the given listed probabilities and the back-off weights that make every context sum to one."""
    model = Ngram(order, vocabulary, dict(probs), {})
    for context, words in sorted(model.contexts().items(), key=lambda item: len(item[0])):
        listed = math.fsum(math.exp(probs[(*context, w)]) for w in words)
        lower = math.fsum(math.exp(model.log_prob(w, context[1:])) for w in words) if context else 1.0
        if 1 - lower > 1e-9 and 1 - listed > 1e-12:
            model.backoffs[context] = math.log((1 - listed) / (1 - lower))
            continue
        if context:
            model.backoffs[context] = -99 * math.log(10)  # nothing is left for any other word
        for word in words:
            model.probs[(*context, word)] = probs[(*context, word)] - math.log(listed)
    return model
