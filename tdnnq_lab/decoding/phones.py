"""Phones: those on a path, those recognised without any word, those of a transcript.

Word errors carry much of the language model; phone errors show the network itself. They are measured by the best
path of the denominator, which knows phone n-grams and no words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..graphs.fsa import Fsa
from ..graphs.lexicon import Lexicon
from ..graphs.topology import Topology
from .viterbi import viterbi


def phone_segments(pdfs: Sequence[int] | NDArray[np.integer], topology: Topology) -> list[tuple[str, int, int]]:
    """The phones of a path as (name, first frame, frame after the last): each forward pdf begins one.

    A denominator's initial weights allow a path to begin in the midst of a phone: a self-loop pdf in frame 0
    begins one too.

    Raises:
      ValueError: the path goes to another phone's self-loop, or has a pdf beyond the topology.
    """
    segments: list[tuple[str, int, int]] = []
    phone, owners = -1, topology.owners.tolist()
    for frame, pdf in enumerate(map(int, pdfs)):
        if not 0 <= pdf < len(owners):
            raise ValueError(f"frame {frame} has pdf {pdf}, the topology only 0 … {len(owners) - 1}")
        owner, stays = owners[pdf]
        if frame == 0 or not stays:
            phone = owner
            segments.append((topology.phones[phone], frame, frame + 1))
        elif owner == phone:
            segments[-1] = (*segments[-1][:2], frame + 1)
        else:
            raise ValueError(f"frame {frame}: pdf {pdf} stays in a phone that the path has not entered")
    return segments


def phones_from_pdfs(
    pdfs: Sequence[int] | NDArray[np.integer], topology: Topology, *, silence: str | None = None
) -> list[str]:
    """The names of the phones of a path, without those called `silence`.

    Raises:
      ValueError: no path of this topology (see `phone_segments`).
    """
    return [name for name, _, _ in phone_segments(pdfs, topology) if name != silence]


def decode_phones(
    log_likelihoods: Tensor | ArrayLike,
    denominator: Fsa,
    topology: Topology,
    *,
    silence: str | None = "SIL",
    acoustic_scale: float = 1.0,
) -> list[str]:
    """Recognise phones: the best path of the denominator, silence left out. Score them with `scoring.wer`.

    Args:
      log_likelihoods: (T', P) of one utterance.
      denominator: the automaton of the phone language model. `denominator(phone_lm, topology, initial="start")`
        begins and ends as whole utterances do; the default of training also begins and ends within words.
      topology: which pdfs belong to which phone.
      silence: the phone to leave out; None keeps all.
      acoustic_scale: factor of the log-likelihoods.

    Raises:
      ValueError: as `viterbi`.
    """
    return phones_from_pdfs(
        viterbi(denominator, log_likelihoods, acoustic_scale=acoustic_scale), topology, silence=silence
    )


def reference_phones(words: Sequence[str], lexicon: Lexicon) -> list[str]:
    """What phone recognition is scored against: the most probable pronunciation of each word, without silence.

    Of equally probable ones the first counts.

    Raises:
      ValueError: a word is not in the lexicon.
    """
    phones: list[str] = []
    for word in words:
        _, pronunciation = max(lexicon.variants(word), key=lambda variant: variant[0])
        phones.extend(phone for phone in pronunciation if phone != lexicon.silence)
    return phones
