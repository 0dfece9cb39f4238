"""What decoding takes: one utterance of log-likelihoods, checked before any compiled code sees it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def checked(log_likelihoods: Tensor | ArrayLike, num_pdfs: int) -> NDArray[np.float32]:
    """Log-likelihoods as a contiguous float32 array (T', P).

    Args:
      log_likelihoods: (T', P), a Tensor of any device or an array; P at least `num_pdfs`.
      num_pdfs: how many pdfs the graph may ask for.

    Raises:
      ValueError: another shape, no frames, too few pdfs, or a value that is NaN or infinite.
    """
    if isinstance(log_likelihoods, Tensor):
        log_likelihoods = log_likelihoods.detach().to("cpu", torch.float32).numpy()
    values = np.ascontiguousarray(log_likelihoods, dtype=np.float32)
    if values.ndim != 2:
        raise ValueError(f"log-likelihoods have shape {values.shape}; (frames, pdfs) of one utterance is needed")
    frames, pdfs = values.shape
    if not frames:
        raise ValueError("log-likelihoods have no frames; leave out empty utterances")
    if pdfs < num_pdfs:
        raise ValueError(f"log-likelihoods have {pdfs} pdfs but the graph has {num_pdfs}; take the model's own graph")
    if not np.isfinite(values).all():
        frame, pdf = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"log-likelihood of pdf {pdf} in frame {frame} is {values[frame, pdf]}; "
            "look for NaN or infinity in the features or the model"
        )
    return values
