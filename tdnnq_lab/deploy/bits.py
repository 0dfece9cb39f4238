"""Codes of 1 to 8 bits, one after another without a gap, in bytes; of 16 bits as int16."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

Bytes = np.ndarray  # uint8, one dimension


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that `count` codes take: the last byte is filled up with zero bits."""
    return -(-count * bits // 8)


def pack_bits(codes: Tensor, bits: int) -> Bytes:
    """Codes as bytes.

    A code of up to 8 bits is stored as the unsigned number code + 2^(bits - 1) (ONNX Runtime's default zero point
    of MatMulNBits), -1 and 1 of one bit as 0 and 1; the first code in the lowest bits of the first byte. A code of
    16 bits is a little-endian int16.

    Args:
        codes: whole numbers of any shape, as `quantize` returns them.
        bits: 1 to 8, or 16.

    Returns:
        uint8 [packed_bytes(number of codes, bits)].
    """
    flat = codes.detach().cpu().reshape(-1).numpy()
    if bits == 16:
        return flat.astype("<i2").view(np.uint8)
    unsigned = flat > 0 if bits == 1 else flat.astype(np.int16) + (1 << (bits - 1))
    one_by_one = np.unpackbits(unsigned.astype(np.uint8)[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(one_by_one, bitorder="little")


def unpack_bits(data: Bytes, bits: int, shape: tuple[int, ...]) -> Tensor:
    """The inverse of `pack_bits`: codes in the given shape, int8 up to 8 bits, else int16.

    Raises:
        ValueError: `data` is not as long as these codes.
    """
    count = int(np.prod(shape))
    if data.shape != (packed_bytes(count, bits),):
        raise ValueError(f"{data.size} bytes for {count} codes of {bits} bits: need {packed_bytes(count, bits)}")
    if bits == 16:
        return torch.from_numpy(data.view("<i2").astype(np.int16)).reshape(shape)
    one_by_one = np.unpackbits(data, count=count * bits, bitorder="little").reshape(count, bits)
    unsigned = np.packbits(one_by_one, axis=1, bitorder="little")[:, 0].astype(np.int16)
    codes = 2 * unsigned - 1 if bits == 1 else unsigned - (1 << (bits - 1))
    return torch.from_numpy(codes.astype(np.int8)).reshape(shape)
