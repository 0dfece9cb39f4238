"""How much precision the weights need before anything is done about it: round them, decode, count."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from ..corpora import transcripts
from ..models import Tdnnf, layers
from ..quantize import BitPlan, round_model
from ..scoring import wer
from .acoustic import AcousticBatches, recalibrate
from .evaluate import Scales, count_errors, network_outputs, recognise
from .prepare import Prepared


def headroom(
    model: Tdnnf,
    prepared: Prepared,
    batches: AcousticBatches,
    *,
    scales: Scales,
    bits: Sequence[int] = (32, 8, 4, 3, 2, 1),
    splits: Sequence[str] | None = None,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Errors of the same weights rounded to fewer bits, one scaling factor a matrix, without fine-tuning.

    Batch norm is recalibrated for every row, full precision (32 bits) included.

    Returns:
      A row for each bit-width: {"bits", "sets": {split: {"wer", "unigram_wer", "per"}}}, in percent.
    """
    sets = {split: prepared.cuts(split) for split in splits or prepared.settings.tests}
    ngram, unigram = prepared.graph(), prepared.graph("unigram")
    rows = []
    for width in bits:
        rounded = copy.deepcopy(model)
        if width < 32:
            round_model(rounded, BitPlan(bits=dict.fromkeys(layers(rounded), width), made_by={"method": "uniform"}))
        recalibrate(rounded, batches)
        row: dict[str, Any] = {"bits": width, "sets": {}}
        for split, cuts in sets.items():
            outputs = network_outputs(rounded, cuts)
            _, words, phones = count_errors(outputs, prepared, cuts, ngram, scales)
            plain = recognise(outputs, unigram, acoustic_scale=scales.words)
            row["sets"][split] = {
                "wer": round(words.percent, 2),
                "unigram_wer": round(wer(transcripts(cuts), plain.words).percent, 2),
                "per": round(phones.percent, 2),
            }
        say(f"{width} bits: " + ", ".join(f"{split} {v['wer']} %" for split, v in row["sets"].items()))
        rows.append(row)
    return rows
