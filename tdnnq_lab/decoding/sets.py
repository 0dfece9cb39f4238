"""A whole test set: every utterance decoded or named among those skipped, and the time it took."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from ..graphs.fsa import Fsa
from ..graphs.hclg import Hclg
from ..graphs.topology import Topology
from .first_pass import FRAME_SECONDS, Hypothesis, check_options, decode
from .phones import decode_phones

T = TypeVar("T")
Outputs = Mapping[str, Tensor | ArrayLike] | Iterable[tuple[str, Tensor | ArrayLike]]
Timed = tuple[str, T | ValueError, float, int]  # id, result, seconds, frames


class Decoded(dict[str, T]):
    """Results by utterance id, in the order given, and how it went.

    Attributes:
      skipped: why an utterance has no result, by its id.
      seconds: time spent in the decoder, summed over utterances (over workers too); the network's time not included.
      speech_seconds: duration of the utterances decoded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}
        self.seconds = 0.0
        self.speech_seconds = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds of one core for each second of speech; 0 if there was none."""
        return self.seconds / self.speech_seconds if self.speech_seconds else 0.0


def decode_all(
    log_likelihoods: Outputs,
    hclg: Hclg,
    *,
    acoustic_scale: float = 1.0,
    beam: float = 15.0,
    max_active: int = 7000,
    frame_seconds: float = FRAME_SECONDS,
    workers: int = 1,
) -> Decoded[Hypothesis]:
    """`decode` for every utterance.

    Args:
      log_likelihoods: (T', P) by utterance id: a dict, or (id, log-likelihoods) pairs that are made as they are
        needed.
      hclg, acoustic_scale, beam, max_active, frame_seconds: as for `decode`.
      workers: processes that share the graph's memory; where the system cannot fork, all is done in this one.

    Returns:
      The hypotheses by id. An utterance that cannot be decoded (no frames, NaN, …) is in `.skipped`, with the reason.

    Raises:
      ValueError: an id comes twice, an option is out of range, or not one utterance can be decoded.
    """
    check_options(acoustic_scale, beam, max_active)
    one = partial(
        decode,
        hclg=hclg,
        acoustic_scale=acoustic_scale,
        beam=beam,
        max_active=max_active,
        frame_seconds=frame_seconds,
    )
    with _processes(workers, one) as run:
        return _collect(run(_pairs(log_likelihoods)), frame_seconds)


def decode_phones_all(
    log_likelihoods: Outputs,
    denominator: Fsa,
    topology: Topology,
    *,
    silence: str | None = "SIL",
    acoustic_scale: float = 1.0,
    frame_seconds: float = FRAME_SECONDS,
    workers: int = 1,
) -> Decoded[list[str]]:
    """`decode_phones` for every utterance; arguments and returns as `decode_all`, workers are threads."""
    one = partial(
        decode_phones,
        denominator=denominator,
        topology=topology,
        silence=silence,
        acoustic_scale=acoustic_scale,
    )
    with ThreadPoolExecutor(workers) as pool:
        return _collect(pool.map(partial(_timed, one), _pairs(log_likelihoods)), frame_seconds)


def _pairs(log_likelihoods: Outputs) -> Iterator[tuple[str, Any]]:
    pairs = log_likelihoods.items() if isinstance(log_likelihoods, Mapping) else log_likelihoods
    for id, values in pairs:
        yield id, values.detach().cpu().float().numpy() if isinstance(values, Tensor) else values


def _timed(one: Callable[[Any], T], pair: tuple[str, Any]) -> Timed[T]:
    id, values = pair
    start = time.perf_counter()
    result: T | ValueError
    try:
        result = one(values)
    except ValueError as error:
        result = error
    return id, result, time.perf_counter() - start, len(np.atleast_1d(values))


def _collect(results: Iterable[Timed[T]], frame_seconds: float) -> Decoded[T]:
    decoded: Decoded[T] = Decoded()
    for id, result, seconds, frames in results:
        if id in decoded or id in decoded.skipped:
            raise ValueError(f"utterance {id!r} comes twice; ids must differ")
        if isinstance(result, ValueError):
            decoded.skipped[id] = str(result)
        else:
            decoded[id] = result
            decoded.seconds += seconds
            decoded.speech_seconds += frames * frame_seconds
    if decoded.skipped and not decoded:
        first, reason = next(iter(decoded.skipped.items()))
        raise ValueError(f"none of {len(decoded.skipped)} utterances can be decoded; the first, {first!r}: {reason}")
    return decoded


_one: Callable[[Any], Any]
"""What a forked worker does; set before the fork, since a graph cannot be sent to another process."""


def _forked(pair: tuple[str, Any]) -> Timed[Any]:
    return _timed(_one, pair)


@contextmanager
def _processes(workers: int, one: Callable[[Any], T]) -> Iterator[Callable[[Iterable], Iterable[Timed[T]]]]:
    """A `map` over forked processes, or over none."""
    global _one
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield partial(map, partial(_timed, one))
        return
    _one = one
    # Not multiprocessing.Pool: leaving it sends SIGTERM, and a run's signal handler, inherited by the fork, catches it.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        yield partial(pool.map, _forked, chunksize=4)
