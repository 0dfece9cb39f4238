"""A language model from two texts: that of the prepared folder, interpolated with one of another text."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graphs import Ngram, estimate_ngram, hclg, mix, read_arpa
from .prepare import Prepared, Say
from .record import file_sha256, write_json

UNKNOWN = "<unk>"  # in place of the other text's words that the lexicon lacks; never in a graph


def read_text(path: str | Path) -> list[list[str]]:
    """Words of each line of a UTF-8 text, gzipped if its name ends in .gz; before a tab stand speakers and the like.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not UTF-8, damaged, or has no words.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; give a text, one sentence a line")
    try:
        with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            lines = [line.rpartition("\t")[2].split() for line in file]
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: not a whole text in UTF-8 ({error})") from error
    if not any(lines):
        raise ValueError(f"{path}: a text without words; give one sentence a line")
    return [words for words in lines if words]


def word_probabilities(model: Ngram, sentences: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Probability of every word and every end of the sentences."""
    n = model.order - 1
    padded = [["<s>", *words, "</s>"] for words in sentences]
    logs = [model.log_prob(p[i], p[max(0, i - n) : i]) for p in padded for i in range(1, len(p))]
    return np.exp(np.array(logs))


def best_weight(first: NDArray[np.float64], second: NDArray[np.float64], steps: int = 100) -> float:
    """Weight of the first model under which the words are most probable, by expectation maximisation."""
    weight = 0.5
    for _ in range(steps):
        weight = float(np.mean(weight * first / (weight * first + (1 - weight) * second)))
    return weight


def run_mix(
    prepared: str | Path, text: str | Path, *, name: str = "mixed", prune: float = 1e-8, say: Say = print
) -> dict[str, Any]:
    """Add the graph `name` to a prepared folder: its n-gram mixed with one of `text`, the weight tuned on dev.

    Args:
      text: one sentence a line; words outside the lexicon stand for one unknown word, which is never predicted.
      prune: of the mixture, as `Ngram.prune`.

    Returns:
      What `PREPARED/NAME.json` says: weight, perplexities, sizes.

    Raises:
      FileNotFoundError, ValueError: as `read_text`; a name that is taken.
    """
    data = Prepared.load(prepared)
    if name in ("ngram", "unigram"):
        raise ValueError(f"{name} is the graph of the folder's own language model; choose another name")
    known, sets = data.lexicon.pronunciations, data.settings.tests
    own = read_arpa(data.folder / "ngram.arpa")
    other = estimate_ngram(read_text(text), data.settings.order, vocabulary=list(known), unknown=UNKNOWN)
    other = other.without(UNKNOWN)
    spoken = {s: [w for w in data.references(s).values() if not data.lexicon.missing(w)] for s in sets}
    tuning = spoken[sets[0]]
    weight = best_weight(word_probabilities(own, tuning), word_probabilities(other, tuning))
    mixed = mix(own, other, weight)
    mixed = mixed.prune(prune) if prune else mixed
    mixed.write_arpa(data.folder / f"{name}.arpa")
    graph = hclg(data.lexicon, mixed, data.topology, data.folder / "graphs" / name)
    facts: dict[str, Any] = {"weight_of_own": round(weight, 4), "prune": prune}
    facts["text"] = {"name": Path(text).name, "sha256": file_sha256(text)}
    facts["perplexity"] = {s: round(mixed.perplexity(spoken[s]), 2) for s in sets}
    facts["own_perplexity"] = {s: round(own.perplexity(spoken[s]), 2) for s in sets}
    facts |= {"ngrams": mixed.sizes(), "states": graph.info["states"], "arcs": graph.info["arcs"]}
    write_json(data.folder / f"{name}.json", facts)
    say(f"{name}: perplexities {facts['perplexity']} (own {facts['own_perplexity']}), own weight {weight:.2f}")
    return facts
