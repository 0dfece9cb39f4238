"""Decoding: log-likelihoods in, words with times out; phones by the denominator alone.

The first pass is kaldi_decoder's beam search through HCLG. Phone errors are measured apart from it, by the exact
best path of the denominator, so that no word language model mends them.
"""

from .first_pass import Hypothesis, decode
from .phones import decode_phones, phone_segments, phones_from_pdfs, reference_phones
from .sets import Decoded, decode_all, decode_phones_all
from .viterbi import viterbi

__all__ = [
    "Decoded",
    "Hypothesis",
    "decode",
    "decode_all",
    "decode_phones",
    "decode_phones_all",
    "phone_segments",
    "phones_from_pdfs",
    "reference_phones",
    "viterbi",
]
