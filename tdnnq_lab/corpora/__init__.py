"""Speech and text in: corpora as lhotse CutSets, features equal to Kaldi's, batches.

    train = cuts("data_small", "train")
    train = features(train, "cache", speeds=(0.9, 1.0, 1.1))
    for batch in batches(train, batch_size=8, shuffle_seed=0):
        batch.features  # (B, T, 40)

Sources are the shipped corpus, any Kaldi data directory and lhotse manifests. What is left out on the way is
counted and named in a `Report`, shown at the end.
"""

from .augment import SpecAugment, VocalTractWarp
from .batching import Batch, Batches, batches, padded
from .data_small import call_audio, find_data_small
from .extract import features, global_statistics
from .generated import generated_sentences
from .mfcc import MfccSettings
from .normalise import SpeechMean, subtract_speaker_means
from .report import Report
from .sources import cuts
from .words import OovReport, oov_report, speakers, transcripts

__all__ = [
    "Batch",
    "Batches",
    "MfccSettings",
    "OovReport",
    "Report",
    "SpecAugment",
    "SpeechMean",
    "VocalTractWarp",
    "batches",
    "call_audio",
    "cuts",
    "features",
    "find_data_small",
    "generated_sentences",
    "global_statistics",
    "oov_report",
    "padded",
    "speakers",
    "subtract_speaker_means",
    "transcripts",
]
