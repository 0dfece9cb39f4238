"""Clean speech: ARPAbet → Kokoro's symbols → 24 kHz samples, cached a turn.

This is the slow half of the generator (0.5 s of one core for 1 s of speech). A turn's cache key is a hash of
what determines its samples (voices, symbols, speed), so a stopped run loses the turn in hand and no more.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 24_000  # Hz, the synthesiser's
LONGEST = 500  # symbols; a voice has 510 style rows
SILENCE_DB = -42.0  # frames below the peak frame by this much count as silence when a turn is trimmed
MARGIN = 0.05  # seconds kept at each end of a trimmed turn

Voices = tuple[tuple[str, float], ...]  # (voice, weight): a speaker is a weighted mean of styles

IPA = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A",
    "IH": "ɪ", "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u",
    "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l",
    "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v",
    "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
REDUCED = {"AH": "ə", "ER": "əɹ"}  # the same vowels without stress
STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}
_UNSTRESSED = """A AN THE AND OR BUT OF TO IN ON AT FOR FROM WITH BY AS IF THAN THAT I YOU HE SHE IT WE THEY ME HIM HER
    US THEM MY YOUR HIS ITS OUR THEIR IS ARE WAS WERE BE BEEN AM DO DOES DID HAS HAVE HAD CAN COULD WILL WOULD
    SHOULD I'M I'VE I'D I'LL IT'S YOU'RE WE'RE THEY'RE HE'S SHE'S THERE'S THAT'S UM UH"""
FUNCTION_WORDS = frozenset(_UNSTRESSED.split())
PUNCTUATION = ",.?!;:…—"


def symbols(phones: Sequence[str], stressed: bool = True) -> str:
    """Kokoro's symbols for one pronunciation in ARPAbet, stress digits on the vowels.

    Args:
        phones: such as ["HH", "AH0", "L", "OW1"].
        stressed: False leaves the stress marks out, as function words are spoken.
    Raises:
        ValueError: a phone is not ARPAbet.
    """
    out = []
    for phone in phones:
        base, digit = (phone[:-1], phone[-1]) if phone[-1].isdigit() else (phone, "")
        if base not in IPA:
            raise ValueError(f"{phone} is not an ARPAbet phone: expected one of {' '.join(IPA)}")
        weak = digit == "0" and base in REDUCED
        mark = STRESS.get(digit, "") if stressed else ""
        out.append(mark + (REDUCED[base] if weak else IPA[base]))
    return "".join(out)


def read_lexicon(path: Path) -> dict[str, list[list[str]]]:
    """Pronunciations with stress digits: word → list of phone lists, in the file's order.

    Raises:
        ValueError: a line has no phones.
    """
    lexicon: dict[str, list[list[str]]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) < 2:
            raise ValueError(f"{path}, line {number}: {fields[0]} has no phones")
        lexicon.setdefault(fields[0], []).append(fields[1:])
    return lexicon


def transcribe(spoken: str, lexicon: dict[str, list[list[str]]], speaker: str) -> str:
    """Kokoro's symbols for a punctuated text; a speaker always says a word with variants the same way.

    Raises:
        ValueError: a word is not in the lexicon.
    """
    words = []
    for token in spoken.split():
        word = token.strip(PUNCTUATION + '"-').upper()
        tail = "".join(c for c in token[len(token.rstrip(PUNCTUATION)) :] if c in PUNCTUATION)
        if not word:  # a dash standing alone
            words.append(tail)
            continue
        if word not in lexicon:
            raise ValueError(f"{word} is not in the lexicon with stress (text: {spoken!r})")
        variants = lexicon[word]
        digest = hashlib.sha256(f"{speaker}|{word}".encode()).digest()
        phones = variants[digest[0] % len(variants)]
        words.append(symbols(phones, stressed=word not in FUNCTION_WORDS) + tail)
    return re.sub(r" (?=[,.?!;:…—])", "", " ".join(words))


def trim(samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    """The samples without leading and trailing silence, `MARGIN` seconds kept at each end.

    Raises:
        ValueError: there is nothing but silence.
    """
    step = rate // 100
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    power = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(power > power.max(initial=-200) + SILENCE_DB)
    if not len(loud) or power.max() < -70:
        raise ValueError("the synthesiser returned silence")
    margin = int(MARGIN * rate)
    return samples[max(0, loud[0] * step - margin) : (loud[-1] + 1) * step + margin]


@dataclass(frozen=True)
class Job:
    """One turn to be synthesised: its symbols, its speaker's voices, its speed."""

    symbols: str
    voices: Voices
    speed: float

    @cached_property
    def key(self) -> str:
        """Name of its cached samples: equal jobs are synthesised once."""
        voices = "+".join(f"{name}:{weight:g}" for name, weight in self.voices)
        text = f"kokoro-int8|{voices}|{self.speed:.2f}|{self.symbols}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def path(self, cache: Path) -> Path:
        """Its wav in the cache."""
        return cache / "clean" / self.key[:2] / f"{self.key}.wav"


class Synthesiser:
    """Kokoro-82M on one thread; the same job gives the same samples."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder that `fetch.kokoro` returns."""
        import onnxruntime  # only the generator needs it, not the tests of the functions above

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(home / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._vocabulary: dict[str, int] = json.loads((home / "vocab.json").read_text("utf-8"))["vocab"]
        self._home = home

    def style(self, voices: Voices, length: int) -> np.ndarray:
        """Style [1, 256] for a text of `length` symbols: weighted mean of the voices' rows."""
        rows = [
            weight * np.fromfile(self._home / "voices" / f"{name}.bin", "<f4").reshape(510, 256)[length]
            for name, weight in voices
        ]
        return (np.sum(rows, axis=0, keepdims=True) / sum(weight for _, weight in voices)).astype(np.float32)

    def __call__(self, job: Job) -> np.ndarray:
        """Trimmed samples, float32 at 24 kHz.

        Raises:
            ValueError: a symbol is unknown, or the text is too long for one turn.
        """
        unknown = set(job.symbols) - set(self._vocabulary)
        if unknown or not 0 < len(job.symbols) <= LONGEST:
            raise ValueError(f"cannot synthesise {job.symbols!r}: unknown {unknown or 'nothing'}, or too long")
        tokens = [self._vocabulary[symbol] for symbol in job.symbols]
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self.style(job.voices, len(tokens)),
            "speed": np.array([job.speed], np.float32),
        }
        return trim(np.asarray(self._session.run(None, feed)[0], np.float32).reshape(-1))


def _work(part: tuple[Path, Path, list[Job]]) -> Iterable[float]:
    home, cache, jobs = part
    synthesiser = Synthesiser(home)
    for job in jobs:
        samples = synthesiser(job)
        path = job.path(cache)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        soundfile.write(partial, samples, RATE, format="WAV", subtype="PCM_16")
        os.replace(partial, path)
        yield len(samples) / RATE


def _worker(part: tuple[Path, Path, list[Job]], queue: Any) -> None:
    try:
        for seconds in _work(part):
            queue.put(seconds)
    except Exception as error:  # handed to the parent, which raises it
        queue.put(f"{type(error).__name__}: {error}")
    queue.put(None)


def synthesise(jobs: Sequence[Job], home: Path, cache: Path, processes: int = 2) -> None:
    """Synthesise what is not cached yet, in `processes` processes of one thread each, showing progress.

    Raises:
        RuntimeError: a worker failed; what is cached stays.
    """
    wanted = list({job.key: job for job in jobs if not job.path(cache).exists()}.values())
    print(f"clean speech: {len(jobs) - len(wanted)} turns cached, {len(wanted)} to synthesise", flush=True)
    if not wanted:
        return
    context = get_context("spawn")
    queue = context.Queue()
    parts = [(home, cache, wanted[i::processes]) for i in range(processes)]
    workers = [context.Process(target=_worker, args=(part, queue), daemon=True) for part in parts]
    for worker in workers:
        worker.start()
    _follow(queue, len(workers), len(wanted))


def _follow(queue: Any, running: int, total: int) -> None:
    begun, shown, done, seconds = time.monotonic(), 0.0, 0, 0.0
    while running:
        item = queue.get()
        if isinstance(item, str):
            raise RuntimeError(f"a turn could not be synthesised: {item}")
        if item is None:
            running -= 1
            continue
        done, seconds = done + 1, seconds + item
        spent = time.monotonic() - begun
        if spent > shown + 10 or done == total:
            shown, left = spent, spent / done * (total - done)
            print(
                f"  {done}/{total} turns, {seconds / 60:.1f} min of speech in {spent / 60:.1f} min, "
                f"{left / 60:.1f} min to go",
                flush=True,
            )
