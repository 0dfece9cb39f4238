"""A CPU training step allocates and frees the same large activations every time: keep their pages."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def keep_freed_memory() -> bool:
    """Ask glibc not to hand freed memory back to the system between steps; whether it was done.

    By default every step's activations are returned and page-faulted in again (3,500 faults a step of `small()`,
    12% of its time). Call it once, before training. It does nothing where there is no glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 1 << 30) and mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1))
