"""What leaves the laboratory: the packed file, the bundle that recognises from it, transcription of any audio."""

from .packed import Packed, PackedReport, load, pack, read_packed

__all__ = ["Packed", "PackedReport", "load", "pack", "read_packed"]
