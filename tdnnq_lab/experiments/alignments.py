"""When each phone was spoken, as a trained model hears it: what tying and chunks begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from lhotse import CutSet, MonoCut
from numpy.typing import NDArray

from ..corpora import Report
from ..decoding import viterbi
from ..graphs import Fsa
from ..models import Tdnnf
from .evaluate import network_outputs


def align(
    model: Tdnnf, cuts: CutSet, numerators: Mapping[str, Fsa], report: Report
) -> Iterator[tuple[MonoCut, NDArray[np.int32]]]:
    """Each utterance with the pdf of each of its output frames (T',), in the order of the cuts.

    The best path of its numerator, which holds every pronunciation and silence. What has none is named in `report`.
    """
    logits = network_outputs(model, cuts).logits
    for cut in cuts:
        try:
            yield cut, viterbi(numerators[cut.id], logits[cut.id])
        except ValueError:
            report.skip("no alignment", cut.id)
