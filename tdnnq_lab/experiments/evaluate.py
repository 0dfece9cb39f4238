"""From a trained network to words, phones and errors on a test set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lhotse import CutSet
from torch import Tensor

from ..corpora import Batches, speakers, transcripts
from ..decoding import Hypothesis, decode_all, decode_phones_all, reference_phones
from ..graphs import Hclg
from ..models import Tdnnf, fold_batchnorm
from ..scoring import Wer, ctm_words, mapsswe, sum_by, wer, wer_interval, write_ctm, write_trn
from .prepare import Prepared
from .record import usable_cores

WORD_SCALES, PHONE_SCALES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0), (0.7, 1.0, 1.4, 2.0, 2.8)
LEVEL, MORE_ERRORS = 0.05, 1.1  # a scale is as good as the best: no significant difference, at most a tenth more
BEAM, MAX_ACTIVE = 12.0, 3000  # of the search; wider costs three times as much and gains nothing on dev
WORKERS = usable_cores()  # processes of a search

Words = Mapping[str, Sequence[str]]  # by utterance


@dataclass
class Recognised:
    """One split, decoded.

    Attributes:
        hypotheses: by utterance; none where the search failed (see `skipped`).
        skipped: why an utterance has no hypothesis; it counts as all words deleted.
        phones: by utterance, silence left out.
        real_time_factor: seconds of one core, network and search, for a second of speech.
    """

    hypotheses: dict[str, Hypothesis]
    skipped: dict[str, str] = field(default_factory=dict)
    phones: dict[str, list[str]] = field(default_factory=dict)
    real_time_factor: float = 0.0

    @property
    def words(self) -> dict[str, list[str]]:
        """Words of every utterance, an empty list where there is no hypothesis."""
        return {id: list(h.words) for id, h in self.hypotheses.items()} | {id: [] for id in self.skipped}


@dataclass(frozen=True)
class Outputs:
    """The network's outputs for a set of utterances, and what they cost.

    Attributes:
        logits: (T', P) float32 by utterance.
        real_time_factor: seconds of one core for a second of speech.
    """

    logits: dict[str, Tensor]
    real_time_factor: float


def network_outputs(model: Tdnnf, cuts: CutSet, *, batch_size: int = 16) -> Outputs:
    """The chain head's outputs of every utterance, computed by the folded network.

    The model itself, put into evaluation mode, stays as it is: whatever was quantised, was so before.
    """
    start = time.perf_counter()
    found: dict[str, Tensor] = {}
    network = fold_batchnorm(model.eval())
    with torch.inference_mode():
        for batch in Batches(cuts, batch_size=batch_size):
            outputs = network(batch.features, batch.lengths)
            frames = model.output_lengths(batch.lengths).tolist()
            found |= {id: row[:n].clone() for row, id, n in zip(outputs, batch.ids, frames, strict=True)}
    seconds = (time.perf_counter() - start) * torch.get_num_threads()
    return Outputs(found, seconds / max(1e-9, sum(cut.duration for cut in cuts)))


def recognise(outputs: Outputs, graph: Hclg, *, acoustic_scale: float) -> Recognised:
    """Search a word graph for the best words of every utterance."""
    found = decode_all(
        outputs.logits, graph, acoustic_scale=acoustic_scale, beam=BEAM, max_active=MAX_ACTIVE, workers=WORKERS
    )
    cost = outputs.real_time_factor + found.real_time_factor
    return Recognised(dict(found), found.skipped, real_time_factor=cost)


def recognise_phones(outputs: Outputs, prepared: Prepared, acoustic_scale: float) -> dict[str, list[str]]:
    """Phones of the best path through the denominator graph, without silence."""
    found = decode_phones_all(
        outputs.logits,
        prepared.denominator,
        prepared.topology,
        silence=prepared.lexicon.silence,
        acoustic_scale=acoustic_scale,
        workers=WORKERS,
    )
    return dict(found) | {id: [] for id in found.skipped}


def phone_references(prepared: Prepared, references: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Phones of each transcript by the most probable pronunciations; words outside the lexicon are passed over."""
    known = prepared.lexicon.pronunciations
    return {
        id: reference_phones([w for w in words if w in known], prepared.lexicon) for id, words in references.items()
    }


@dataclass(frozen=True)
class Scales:
    """Acoustic scales: phones, recognised without a word graph, want the network to be trusted more than words do.

    Attributes:
        words: of the search for words. phones: of the best path of phones; None: that of the words.
    """

    words: float = 1.0
    phones: float | None = None

    def to_json(self) -> dict[str, float]:
        """As `results.json` has them."""
        return {"acoustic_scale": self.words} | ({} if self.phones is None else {"phone_scale": self.phones})

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Scales:
        """What `to_json` gave; 1 for what is missing."""
        return cls(found.get("acoustic_scale", 1.0), found.get("phone_scale"))


def count_errors(
    outputs: Outputs,
    prepared: Prepared,
    cuts: CutSet,
    graph: Hclg,
    scales: Scales,
) -> tuple[Recognised, Wer, Wer]:
    """Words and phones of a split from the network's outputs, and the errors in both."""
    references = transcripts(cuts)
    found = recognise(outputs, graph, acoustic_scale=scales.words)
    found.phones = recognise_phones(outputs, prepared, scales.phones or scales.words)
    phones = wer(phone_references(prepared, references), found.phones)
    return found, wer(references, found.words), phones


def tune(
    outputs: Outputs, prepared: Prepared, split: str, graph: str = "ngram"
) -> tuple[Scales, dict[str, dict[str, float]]]:
    """The scales for a split (see `best_scale`), and the errors in percent at every scale, of words and phones."""
    references, words = prepared.references(split), prepared.graph(graph)
    spoken = phone_references(prepared, references)
    said = {s: recognise(outputs, words, acoustic_scale=s).words for s in WORD_SCALES}
    uttered = {s: recognise_phones(outputs, prepared, s) for s in PHONE_SCALES}
    tuned = {
        "words": {str(s): wer(references, found).percent for s, found in said.items()},
        "phones": {str(s): wer(spoken, found).percent for s, found in uttered.items()},
    }
    return Scales(best_scale(references, said), best_scale(spoken, uttered)), tuned


def best_scale(references: Words, found: Mapping[float, Words]) -> float:
    """The smallest scale that is no worse to speak of than the one with the fewest errors.

    That is: at most a tenth more errors, and not significantly more (MAPSSWE, `LEVEL`). On few words a scale can
    win by one error; and other speech makes a network less sure of itself, so that a smaller scale is safer.

    Args:
      references: words or phones by utterance. found: what was recognised at each scale, by the same ids.
    """
    errors = {s: wer(references, found[s]).errors for s in found}
    fewest = min(found, key=lambda s: (errors[s], s))
    close = [s for s in sorted(found) if errors[s] <= MORE_ERRORS * errors[fewest]]
    return next(s for s in close if s == fewest or mapsswe(references, found[fewest], found[s]).p >= LEVEL)


def set_result(
    split: str, found: Recognised, prepared: Prepared, cuts: CutSet, unigram: Recognised | None = None
) -> dict[str, Any]:
    """Everything the report says of one test set (the schema of `ui.report`)."""
    references, speaker = transcripts(cuts), speakers(cuts)
    words = wer(references, found.words)
    result: dict[str, Any] = {
        "name": split,
        "utterances": len(references),
        "words": words.words,
        **_errors("wer", words, speaker),
        "substitutions": words.substitutions,
        "insertions": words.insertions,
        "deletions": words.deletions,
        "perplexity": prepared.facts["perplexity"]["ngram"].get(split),
        "real_time_factor": round(found.real_time_factor, 4),
        "failed": len(found.skipped) + sum(not h.reached_final for h in found.hypotheses.values()),
        "errors_by_speaker": _by_speaker(words, cuts, speaker),
        "examples": _examples(references, found.words),
    }
    if found.phones:
        phones = wer(phone_references(prepared, references), found.phones)
        result |= _errors("per", phones, speaker) | {"phones": phones.words}
    if unigram is not None:
        result["unigram_wer"] = round(wer(references, unigram.words).percent, 2)
        result["unigram_perplexity"] = prepared.facts["perplexity"]["unigram"].get(split)
    return result


def _errors(name: str, result: Wer, speaker: Mapping[str, str]) -> dict[str, Any]:
    low, high = wer_interval(result, speaker)
    return {name: round(result.percent, 2), f"{name}_interval": [round(low, 2), round(high, 2)]}


def _by_speaker(words: Wer, cuts: CutSet, speaker: Mapping[str, str]) -> list[dict[str, Any]]:
    about = {cut.supervisions[0].speaker: cut.custom or {} for cut in cuts}
    return [
        {
            "speaker": name,
            "accent": about[name].get("accent", ""),
            "gender": about[name].get("gender", ""),
            "words": part.words,
            "errors": part.errors,
        }
        for name, part in sorted(sum_by(words, speaker).items())
    ]


def _examples(
    references: Mapping[str, list[str]], hypotheses: Mapping[str, list[str]], count: int = 6
) -> list[dict[str, str]]:
    """Utterances of eight words or more spread evenly over the set, not picked by their errors."""
    ids = sorted(id for id, words in references.items() if len(words) >= 8) or sorted(references)
    chosen = ids[:: max(1, len(ids) // count)][:count]
    return [{"id": id, "reference": " ".join(references[id]), "hypothesis": " ".join(hypotheses[id])} for id in chosen]


def write_hypotheses(split: str, found: Recognised, folder: str | Path) -> None:
    """Write words (`SPLIT.trn.gz`), their times (`SPLIT.ctm.gz`) and phones (`SPLIT.phones.trn.gz`)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_trn(folder / f"{split}.trn.gz", found.words)
    times = {id: h.times for id, h in found.hypotheses.items()} | {id: [] for id in found.skipped}
    write_ctm(folder / f"{split}.ctm.gz", ctm_words(found.words, times))
    if found.phones:
        write_trn(folder / f"{split}.phones.trn.gz", found.phones)


def evaluate(
    model: Tdnnf,
    prepared: Prepared,
    folder: str | Path,
    *,
    scales: Scales,
    graph: str = "ngram",
    splits: Sequence[str] | None = None,
    unigram: bool = True,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Decode test splits with an n-gram and the unigram, write hypotheses and references, return the results.

    Args:
      unigram: decode with the folder's unigram too, which takes as long again.
    """
    words, results = prepared.graph(graph), []
    plain_words = prepared.graph("unigram") if unigram else None
    for split in splits or prepared.settings.tests:
        cuts = prepared.cuts(split)
        outputs = network_outputs(model, cuts)
        found, _, _ = count_errors(outputs, prepared, cuts, words, scales)
        plain = recognise(outputs, plain_words, acoustic_scale=scales.words) if plain_words else None
        write_hypotheses(split, found, Path(folder) / "hyp")
        references = transcripts(cuts)
        write_trn(Path(folder) / "ref" / f"{split}.trn.gz", references)
        write_trn(Path(folder) / "ref" / f"{split}.phones.trn.gz", phone_references(prepared, references))
        results.append(set_result(split, found, prepared, cuts, plain))
        say(f"{split}: {results[-1]['wer']} % word errors, {results[-1]['per']} % phone errors")
    return results
