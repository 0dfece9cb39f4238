"""What may be said and how: lexicon, topology, phone and word n-grams, numerator and denominator FSAs, HCLG.

`Lexicon` and `Topology` say how words become pdfs. `PhoneLm` is the n-gram of phones that `denominator` and
`numerator` are made of: automata (`Fsa`) whose totals LF-MMI compares. `estimate_ngram` and `hclg` make the word
language model and the graph that decoding searches.
"""

from .arpa import read_arpa
from .denominator import denominator
from .fsa import Fsa
from .hclg import Hclg, hclg
from .kneser_ney import estimate_ngram
from .lexicon import Lexicon
from .ngram import Ngram, mix
from .numerator import minimum_frames, numerator, numerator_from_phones
from .phone_lm import PhoneLm
from .phone_lm_estimate import sample_phones
from .topology import Topology
from .tying import Tying

__all__ = [
    "Fsa",
    "Hclg",
    "Lexicon",
    "Ngram",
    "PhoneLm",
    "Topology",
    "Tying",
    "denominator",
    "estimate_ngram",
    "hclg",
    "minimum_frames",
    "mix",
    "numerator",
    "numerator_from_phones",
    "read_arpa",
    "sample_phones",
]
