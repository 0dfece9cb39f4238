"""The text side of a corpus: transcripts, speakers, words that a lexicon lacks."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from lhotse import CutSet


def transcripts(cuts: CutSet) -> dict[str, list[str]]:
    """Reference words of every utterance, by utterance id."""
    return {cut.id: cut.supervisions[0].text.split(" ") if cut.supervisions[0].text else [] for cut in cuts}


def speakers(cuts: CutSet) -> dict[str, str]:
    """Speaker of every utterance, by utterance id."""
    return {cut.id: cut.supervisions[0].speaker for cut in cuts}


@dataclass(frozen=True)
class OovReport:
    """Words of the transcripts that are outside a vocabulary.

    Args:
        words, oov_words: running words, and those of them outside the vocabulary.
        types, oov_types: distinct words, and those of them outside.
        counts: every word outside with its count, most frequent first (ties by name).
        utterances: id -> its words outside, for the utterances that have any.
    """

    words: int
    oov_words: int
    types: int
    oov_types: int
    counts: dict[str, int]
    utterances: dict[str, list[str]]

    @property
    def rate(self) -> float:
        """Share of running words outside the vocabulary, 0 to 1."""
        return self.oov_words / self.words if self.words else 0.0

    @property
    def type_rate(self) -> float:
        """Share of distinct words outside the vocabulary, 0 to 1."""
        return self.oov_types / self.types if self.types else 0.0

    def top(self, n: int = 10) -> list[tuple[str, int]]:
        """The `n` most frequent words outside, with counts."""
        return list(self.counts.items())[:n]

    def lines(self, n: int = 10) -> list[str]:
        """The report as lines to print."""
        running = f"{self.oov_words} of {self.words} running words ({100 * self.rate:.2f}%)"
        distinct = f"{self.oov_types} of {self.types} distinct ones ({100 * self.type_rate:.2f}%)"
        lines = [f"outside the lexicon: {running}, {distinct}, in {len(self.utterances)} utterances"]
        if self.counts:
            lines.append("most frequent: " + ", ".join(f"{word} {count}" for word, count in self.top(n)))
        return lines


def oov_report(cuts: CutSet, words: Collection[str]) -> OovReport:
    """Counts the words of the transcripts that `words` (a lexicon's vocabulary) lacks."""
    vocabulary = set(words)
    spoken: Counter[str] = Counter()
    utterances = {}
    for id, transcript in transcripts(cuts).items():
        spoken.update(transcript)
        if outside := [word for word in transcript if word not in vocabulary]:
            utterances[id] = outside
    counts = {word: count for word, count in spoken.items() if word not in vocabulary}
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return OovReport(spoken.total(), sum(counts.values()), len(spoken), len(counts), ordered, utterances)
