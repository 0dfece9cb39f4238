"""A checksum inside the file that it covers: SHA-256 of the whole file, its own 64 digits taken as zeros."""

from __future__ import annotations

import hashlib

BLANK = "0" * 64


def sealed(data: bytes) -> bytes:
    """The file with its digest in the place of the first 64 zeros."""
    return data.replace(BLANK.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def is_sealed(data: bytes, digest: str) -> bool:
    """Whether the digest that was read from a sealed file is that of every byte of it."""
    written = digest.encode()
    return len(written) == 64 and hashlib.sha256(data.replace(written, BLANK.encode(), 1)).hexdigest() == digest
