"""The phone n-gram that the denominator and the numerators are made of, as a deterministic automaton.

Kaldi's chain language model (`chain/language-model.cc`) has no back-off arcs: each history that has a state lists the
phones that may follow, and a history without a state shares that of its longest suffix that has one. So do we, with
two differences. The probabilities are smoothed by absolute discounting towards the next shorter history. And a phone
that was never seen after a history is still allowed where the lexicon could need it, so that every transcript of
lexicon words, seen or not, has a path; a plain n-gram of the training transcripts has none for many others.

Such arcs cost most at histories that can end a word. Hence by default every single phone has a state, and of the
longer histories the few hundred that gain most (`no_backoff_below=2, extra_states=300`), which on the transcripts of
speechocean762 gives 341 states, 10,027 arcs and a held-out perplexity of 9.9; all pairs of phones (Kaldi's
`no_backoff_below=3`) give 1,201 states, 29,443 arcs and 9.6. `joins="silence"` allows unseen phones inside words only
and next to a silence: a third of the arcs, and a transcript may then have to pass through silences where words that
were never neighbours meet.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .files import atomic
from .lexicon import Lexicon

FORMAT = "tdnnq-lab phone lm 1"
START = -1
"""Stands for the beginning of the utterance in a history."""


@dataclass(eq=False)
class PhoneLm:
    """A deterministic weighted automaton over phones; state 0 is the start.

    From every state the probabilities of its arcs and of ending there sum to one.

    Args:
      phones: names, index = number used in `arcs`.
      histories: for each of S states the phones it remembers, oldest first, START for the beginning.
      arcs: int32 array of shape (A, 3): source state, destination state, phone; sorted by source, then phone.
      log_probs: float64 array of shape (A,), natural logs.
      final: float64 array of shape (S,), natural log of the probability of ending; -inf: cannot end.
      order: longest history plus one.

    Raises:
      ValueError: shapes that do not fit, or a state whose probabilities do not sum to one.
    """

    phones: list[str]
    histories: list[tuple[int, ...]]
    arcs: NDArray[np.int32]
    log_probs: NDArray[np.float64]
    final: NDArray[np.float64]
    order: int
    successors: list[dict[int, tuple[int, float]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.arcs.shape != (len(self.log_probs), 3) or len(self.final) != len(self.histories):
            raise ValueError("PhoneLm: arcs and log_probs, or final and histories, differ in number")
        self.successors = [{} for _ in self.histories]
        for (source, destination, phone), log_prob in zip(self.arcs.tolist(), self.log_probs.tolist(), strict=True):
            self.successors[source][phone] = (destination, log_prob)
        worst = float(np.abs(self.sums() - 1).max())
        if not worst < 1e-6:
            raise ValueError(f"PhoneLm: the probabilities of a state miss one by {worst:.2g}")

    @classmethod
    def estimate(
        cls,
        transcripts: Iterable[Sequence[str]],
        lexicon: Lexicon,
        *,
        order: int = 4,
        no_backoff_below: int = 2,
        extra_states: int = 300,
        samples: int = 5,
        joins: str = "all",
        discount: float = 0.5,
        seed: int = 0,
    ) -> PhoneLm:
        """Estimate from transcripts whose pronunciations and silences are drawn at random.

        Args:
          transcripts: words of each utterance.
          lexicon: draws pronunciations by their probability, silences by `silence_probability` and
            `edge_silence_probability`.
          order: 4 is Kaldi's.
          no_backoff_below: every history seen that is shorter than this has a state (Kaldi's
            `no-prune-ngram-order`, there 3).
          extra_states: how many longer histories get a state: those that raise the likelihood most (Kaldi's
            `num-extra-lm-states`, there 2000).
          samples: phone sequences drawn for each transcript.
          joins: "all": any two words may meet with or without silence; "silence": without only where that was
            seen (as "all" where the lexicon has no silence between words).
          discount: taken from the count of each phone seen after a history, in occurrences of a transcript.
          seed: of the draws.

        Raises:
          ValueError: a word outside the lexicon (named), no transcripts, or an option out of range.
        """
        from .phone_lm_estimate import estimate

        return estimate(transcripts, lexicon, order, no_backoff_below, extra_states, samples, joins, discount, seed)

    @property
    def num_states(self) -> int:
        """S."""
        return len(self.histories)

    @property
    def num_arcs(self) -> int:
        """A, ends not counted."""
        return len(self.log_probs)

    def sums(self) -> NDArray[np.float64]:
        """Total probability of each state's arcs and end, float64 array of shape (S,): all ones."""
        total = np.exp(self.final)
        np.add.at(total, self.arcs[:, 0], np.exp(self.log_probs))
        return total

    def log_prob(self, phones: Sequence[str]) -> float:
        """Natural log probability of one complete phone sequence, its end included; -inf if it has no path.

        Raises:
          ValueError: a phone that the model does not know.
        """
        index = {phone: i for i, phone in enumerate(self.phones)}
        state, total = 0, 0.0
        for phone in phones:
            if phone not in index:
                raise ValueError(f"phone {phone!r} is not one of the phone LM's {len(self.phones)} phones")
            step = self.successors[state].get(index[phone])
            if step is None:
                return -math.inf
            state, total = step[0], total + step[1]
        return total + float(self.final[state])

    def perplexity(self, sequences: Iterable[Sequence[str]]) -> float:
        """exp of the mean negative log probability a phone, ends counted; infinite if a sequence has no path."""
        events, total = 0, 0.0
        for phones in sequences:
            events += len(phones) + 1
            total += self.log_prob(phones)
        if not events:
            raise ValueError("perplexity of no sequences")
        return math.exp(-total / events)

    def save(self, path: str | Path) -> None:
        """Write as safetensors with the phones' names in its header, under a temporary name first."""
        width = max(1, self.order - 1)
        padded = np.full((self.num_states, width), START - 1, dtype=np.int32)
        for row, history in zip(padded, self.histories, strict=True):
            row[: len(history)] = history
        tensors = {"histories": padded, "arcs": self.arcs, "log_probs": self.log_probs, "final": self.final}
        header = {"format": FORMAT, "phones": json.dumps(self.phones), "order": str(self.order)}
        with atomic(path) as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, temporary, metadata=header)

    @classmethod
    def load(cls, path: str | Path) -> PhoneLm:
        """Read what `save` wrote.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is truncated or foreign.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; make it with PhoneLm.save")
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata() or {}
                if header.get("format") != FORMAT:
                    raise ValueError(f"{path}: not a phone LM (its header does not say '{FORMAT}')")
                padded, arcs, log_probs, final = (
                    file.get_tensor(name) for name in ("histories", "arcs", "log_probs", "final")
                )
        except SafetensorError as error:
            raise ValueError(f"{path}: truncated or not a phone LM ({error}); make it again") from error
        histories = [tuple(phone for phone in row if phone >= START) for row in padded.tolist()]
        return cls(json.loads(header["phones"]), histories, arcs, log_probs, final, int(header["order"]))
