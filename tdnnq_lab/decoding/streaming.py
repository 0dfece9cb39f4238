"""Recognition of audio that comes block by block, however long, with the memory of a block."""

from __future__ import annotations

import copy

import kaldi_decoder
import kaldifst
import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..graphs.hclg import Hclg
from .first_pass import FRAME_SECONDS, Hypothesis, checked_options
from .inputs import checked
from .phones import phone_segments
from .times import word_frames


def sentence_loop(hclg: Hclg) -> Hclg:
    """A graph of any number of sentences in a row: wherever a sentence may end, another may begin.

    The graph itself is of one sentence; a call of many decoded as one has no better way over a sentence's end than
    to back off. Costs stay: the end of a sentence and the begin of the next.
    """
    fst = kaldifst.StdVectorFst(hclg.fst)
    for state in range(fst.num_states):
        cost = fst.final(state).value
        if np.isfinite(cost) and state != fst.start:
            fst.add_arc(state, kaldifst.StdArc(0, 0, cost, fst.start))
    kaldifst.arcsort(fst, "ilabel")
    looped = copy.copy(hclg)
    looped.fst = kaldifst.StdConstFst(fst)
    return looped


class StreamingDecoder:
    """`decode`, fed block by block: the same words, times and path wherever the blocks are cut.

    Where every path dies in a block (a graph with dead ends), the decoder keeps what it had recognised before and
    begins anew with that block, or after it if it cannot be passed at all.

    Args:
      hclg, acoustic_scale, beam, max_active, frame_seconds: as for `decode`.

    Attributes:
      frames: rows of log-likelihoods taken so far.
      restarts: seconds at which it began anew.

    Raises:
      ValueError: an option is out of range.
    """

    def __init__(
        self,
        hclg: Hclg,
        *,
        acoustic_scale: float = 1.0,
        beam: float = 15.0,
        max_active: int = 7000,
        frame_seconds: float = FRAME_SECONDS,
    ) -> None:
        options = checked_options(acoustic_scale, beam, max_active)
        self.frames = 0
        self.restarts: list[float] = []
        self._hclg, self._scale, self._seconds = hclg, np.float32(acoustic_scale), frame_seconds
        self._decoder = kaldi_decoder.FasterDecoder(hclg.fst, options)
        self._closed: list[Hypothesis] = []
        self._open()

    def accept(self, log_likelihoods: Tensor | ArrayLike) -> None:
        """Take the next frames.

        Args:
          log_likelihoods: (n, P) raw outputs of the network, n at least 1.

        Raises:
          ValueError: as `decode`.
        """
        x = checked(log_likelihoods, self._hclg.topology.num_pdfs) * self._scale
        if not self._advance(x):
            self.restarts.append(self.frames * self._seconds)
            self._close()
            if not self._advance(x):
                self._close()
        self.frames += len(x)

    def result(self) -> Hypothesis:
        """What was recognised in the frames so far; more may follow.

        Returns:
          A Hypothesis as of `decode`: after a restart the parts together, `reached_final` False.

        Raises:
          ValueError: no frames yet.
        """
        if not self.frames:
            raise ValueError("no frames were decoded; leave out empty audio")
        parts = [*self._closed, self._hypothesis()]
        return Hypothesis(
            [word for part in parts for word in part.words],
            [span for part in parts for span in part.times],
            sum(part.acoustic for part in parts),
            sum(part.graph for part in parts),
            not self.restarts and parts[-1].reached_final,
            [pdf for part in parts for pdf in part.pdfs],
        )

    def _open(self) -> None:
        """Begin a path with the frames that come next."""
        self._first, self._taken, self._final = 0, 0, False
        self._lattice = kaldifst.Lattice()
        self._decoder.init_decoding()

    def _close(self) -> None:
        """Keep what was recognised, and begin anew."""
        if self._taken:
            self._closed.append(self._hypothesis())
        self._open()

    def _advance(self, x: NDArray[np.float32]) -> bool:
        """Search on through x [n, P]; False if no path is left: the best one before x is still at hand then."""
        if not self._taken:
            self._first = self.frames
        self._decoder.advance_decoding(kaldi_decoder.DecodableCtc(x, offset=self._taken))
        final = self._decoder.reached_final()
        found, lattice = self._decoder.get_best_path()
        if found:
            self._lattice, self._final, self._taken = lattice, final, self._taken + len(x)
        return found

    def _hypothesis(self) -> Hypothesis:
        """The open path."""
        _, labels, words, weight = kaldifst.get_linear_symbol_sequence(self._lattice)
        pdfs = [label - 1 for label in labels]
        spoken = [self._hclg.words[word] for word in words]
        lexicon = self._hclg.lexicon
        phones = phone_segments(pdfs, self._hclg.topology)
        spans = word_frames(spoken, phones, lexicon.pronunciations, lexicon.silence, complete=self._final)
        times = [((self._first + first) * self._seconds, (after - first) * self._seconds) for first, after in spans]
        return Hypothesis(spoken, times, -weight.value2 / float(self._scale), -weight.value1, self._final, pdfs)
