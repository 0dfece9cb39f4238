"""The first pass: beam search through HCLG with kaldi_decoder, and when each word was said."""

from __future__ import annotations

from dataclasses import dataclass, field

import kaldi_decoder
import kaldifst
import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..graphs.hclg import Hclg
from .inputs import checked
from .phones import phone_segments
from .times import word_frames

FRAME_SECONDS = 0.03
"""Seconds between two rows of log-likelihoods: 10 ms frames, every third."""
MIN_ACTIVE = 20
"""States kept in a frame however narrow the beam; Kaldi's."""


@dataclass(frozen=True)
class Hypothesis:
    """What was recognised in one utterance.

    Attributes:
      words: the recognised words, none perhaps.
      times: (start, duration) of each word in seconds from the start of the utterance.
      acoustic: sum of the log-likelihoods along the best path, before the acoustic scale (natural log).
      graph: log weight of the path in the graph: language model, pronunciations, topology. The decoder maximised
        acoustic_scale * acoustic + graph.
      reached_final: the path ends where the graph may end. False: the words are those of the best partial path.
      pdfs: the pdf of each frame of the path; fewer than the frames if no path went further.
    """

    words: list[str]
    times: list[tuple[float, float]]
    acoustic: float
    graph: float
    reached_final: bool = True
    pdfs: list[int] = field(default_factory=list, repr=False)


def decode(
    log_likelihoods: Tensor | ArrayLike,
    hclg: Hclg,
    *,
    acoustic_scale: float = 1.0,
    beam: float = 15.0,
    max_active: int = 7000,
    frame_seconds: float = FRAME_SECONDS,
) -> Hypothesis:
    """Recognise one utterance: the best path that Kaldi's FasterDecoder finds within the beam.

    Args:
      log_likelihoods: (T', P) raw outputs of the network, a Tensor or an array.
      hclg: the decoding graph.
      acoustic_scale: factor of the log-likelihoods. Chain models want about 1; tune it on dev.
      beam: paths this much worse than the best (in natural logs) are dropped.
      max_active: most states kept in a frame.
      frame_seconds: seconds between two frames of the log-likelihoods.

    Returns:
      A Hypothesis; where no path of this length ends in a final state it holds the best partial path and says so
      in `reached_final`.

    Raises:
      ValueError: no frames, NaN or infinity, too few pdfs, or a beam, max_active or acoustic_scale not above 0.
    """
    options = checked_options(acoustic_scale, beam, max_active)
    x = checked(log_likelihoods, hclg.topology.num_pdfs)
    lattice, final = _best_path(x * np.float32(acoustic_scale), hclg, options)
    labels, words, weight = _read(lattice)
    pdfs = [label - 1 for label in labels]
    spoken = [hclg.words[word] for word in words]
    spans = word_frames(
        spoken,
        phone_segments(pdfs, hclg.topology),
        hclg.lexicon.pronunciations,
        hclg.lexicon.silence,
        complete=final,
    )
    times = [(first * frame_seconds, (after - first) * frame_seconds) for first, after in spans]
    acoustic = float(x[np.arange(len(pdfs)), pdfs].sum(dtype=np.float64)) if pdfs else 0.0
    return Hypothesis(spoken, times, acoustic, -weight, final, pdfs)


def check_options(acoustic_scale: float, beam: float, max_active: int) -> None:
    """ValueError for an option that is not above 0."""
    for name, value in (("acoustic_scale", acoustic_scale), ("beam", beam), ("max_active", max_active)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}; give a number above 0")


def checked_options(acoustic_scale: float, beam: float, max_active: int) -> kaldi_decoder.FasterDecoderOptions:
    """The decoder's options; ValueError for one that is not above 0."""
    check_options(acoustic_scale, beam, max_active)
    return kaldi_decoder.FasterDecoderOptions(
        beam=beam, max_active=max_active, min_active=min(MIN_ACTIVE, max_active - 1)
    )


def _best_path(
    x: NDArray[np.float32], hclg: Hclg, options: kaldi_decoder.FasterDecoderOptions
) -> tuple[kaldifst.Lattice, bool]:
    """The best path as a linear lattice, and whether it is final; of the longest beginning that has any path."""
    lattice, final = _search(x, hclg, options)
    if lattice is not None:
        return lattice, final
    reached, missed = 0, len(x)  # frames; every path died in between
    while missed - reached > 1:
        middle = (reached + missed) // 2
        found, _ = _search(x[:middle], hclg, options)
        if found is None:
            missed = middle
        else:
            reached, lattice = middle, found
    return lattice if lattice is not None else kaldifst.Lattice(), False


def _search(
    x: NDArray[np.float32], hclg: Hclg, options: kaldi_decoder.FasterDecoderOptions
) -> tuple[kaldifst.Lattice | None, bool]:
    decoder = kaldi_decoder.FasterDecoder(hclg.fst, options)
    decoder.decode(kaldi_decoder.DecodableCtc(x))
    final = decoder.reached_final()
    found, lattice = decoder.get_best_path()
    return (lattice, final) if found else (None, False)


def _read(lattice: kaldifst.Lattice) -> tuple[list[int], list[int], float]:
    """Input labels, output labels and graph cost (negative log weight) of a linear lattice."""
    _, inputs, outputs, weight = kaldifst.get_linear_symbol_sequence(lattice)
    return inputs, outputs, weight.value1
