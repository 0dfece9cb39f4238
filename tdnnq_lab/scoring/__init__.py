"""Scoring: word errors aligned as sclite, confidence intervals, MAPSSWE, TRN and CTM files.

Everything here works on plain words (`dict[utterance id, list[str]]`), so it scores words and phones alike,
and imports nothing else of this package.
"""

from .alignment import align
from .errors import Wer, sum_by, wer, wer_interval
from .files import CtmWord, ctm_words, read_ctm, read_trn, write_ctm, write_trn
from .significance import Mapsswe, mapsswe

__all__ = [
    "CtmWord",
    "Mapsswe",
    "Wer",
    "align",
    "ctm_words",
    "mapsswe",
    "read_ctm",
    "read_trn",
    "sum_by",
    "wer",
    "wer_interval",
    "write_ctm",
    "write_trn",
]
