"""Utterances to hear on a report page, with what every system made of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from ..scoring import read_trn
from .prepare import Prepared

COUNT = 3
LEAST_WORDS, MOST_SECONDS = 8, 12.0


def listen(data: Prepared, folder: str | Path, systems: Sequence[str], count: int = COUNT) -> list[dict[str, Any]]:
    """One utterance of each of the last `count` test splits: the middle one of those that are long enough.

    Chosen by its place in the set, not by its errors.

    Args:
        data: where the audio is.
        folder: a run directory with `hyp/SYSTEM/SPLIT.trn.gz` for every system.
        systems: names.

    Returns:
        Entries as `ui.report` describes them (`listen`); audio is Ogg/Opus as a data: address.
    """
    found = []
    for split in list(data.settings.tests)[-count:]:
        cuts = data.cuts(split)
        fits = [c for c in cuts if len(c.supervisions[0].text.split()) >= LEAST_WORDS and c.duration <= MOST_SECONDS]
        candidates = sorted(fits or list(cuts), key=lambda cut: cut.id)
        cut = candidates[len(candidates) // 2]
        words = {name: read_trn(Path(folder) / "hyp" / name / f"{split}.trn.gz")[cut.id] for name in systems}
        samples = cut.load_audio()[0]
        found.append(
            {
                "id": cut.id,
                "set": split,
                "audio": data_address(samples, cut.sampling_rate),
                "seconds": round(float(cut.duration), 2),
                "reference": cut.supervisions[0].text,
                "hypotheses": {name: " ".join(w) for name, w in words.items()},
            }
        )
    return found


def data_address(samples: Any, sampling_rate: int) -> str:
    """Samples [N] as Ogg/Opus in a data: address."""
    file = io.BytesIO()
    soundfile.write(file, samples, sampling_rate, format="OGG", subtype="OPUS")
    return "data:audio/ogg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
