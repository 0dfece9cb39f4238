"""What leaves the laboratory: the packed file, the bundle that recognises from it, transcription of any audio."""

from .bundle import Bundle, BundleReport, make_bundle, read_bundle
from .packed import Packed, PackedReport, load, pack, read_packed
from .transcribe import Channel, Line, Recogniser, Transcript

__all__ = [
    "Bundle",
    "BundleReport",
    "Channel",
    "Line",
    "Packed",
    "PackedReport",
    "Recogniser",
    "Transcript",
    "load",
    "make_bundle",
    "pack",
    "read_bundle",
    "read_packed",
]
