"""What a telephone does to clean speech: room, noise, babble, band, codec. Fast, and seeded turn by turn.

Calibrate the corpus here: change a number below and repack (`python -m data_small.generate … --pack-only`);
nothing is synthesised again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 8_000  # Hz


@dataclass(frozen=True)
class Recipe:
    """How the sides of a set's calls sound: shares, and ranges to draw from."""

    clean: float  # share of sides without added noise
    snr: tuple[float, float]  # dB, a side's mean; a turn differs by `SNR_SPREAD`
    noises: dict[str, float]  # kind → share among noisy sides
    room: float  # share of sides in a reverberant room
    codecs: dict[str, float]  # codec → share


NOISES_MIXED = {"babble": 0.30, "traffic": 0.20, "pink": 0.20, "brown": 0.15, "hum": 0.15}
MIXED = Recipe(
    clean=0.30,
    snr=(12.0, 30.0),
    noises=NOISES_MIXED,
    room=0.30,
    codecs={"mulaw": 0.60, "gsm": 0.20, "opus": 0.20},
)
TRAIN = Recipe(
    clean=0.20,
    snr=(9.0, 28.0),
    noises={"babble": 0.35, "traffic": 0.20, "pink": 0.15, "brown": 0.15, "hum": 0.15},
    room=0.35,
    codecs={"mulaw": 0.50, "gsm": 0.25, "opus": 0.25},
)
UNSEEN = Recipe(
    clean=0.0,
    snr=(10.0, 20.0),
    noises={"babble": 0.40, "traffic": 0.20, "pink": 0.15, "brown": 0.15, "hum": 0.10},
    room=0.50,
    codecs={"mulaw": 0.40, "gsm": 0.30, "opus": 0.30},
)
HARD = Recipe(
    clean=0.0,
    snr=(8.0, 13.0),
    noises={"babble": 0.85, "traffic": 0.05, "pink": 0.10},
    room=0.85,
    codecs={"mulaw": 0.10, "gsm": 0.40, "opus": 0.50},
)
RECIPES = {"train": TRAIN, "dev": MIXED, "test_seen": MIXED, "test_unseen": UNSEEN, "test_hard": HARD}
SNR_SPREAD = 1.5  # dB, uniform, around the side's mean, kept inside the recipe's range
ROOM_DECAY = (0.12, 0.35)  # seconds to -60 dB
ROOM_DIRECT = (4.0, 10.0)  # dB, direct sound over the tail
LEVEL = (-30.0, -20.0)  # dB below full scale, a speaker's mean active level
LEVEL_SPREAD = 2.5  # dB, uniform, a turn's departure from it
BABBLE_VOICES = (3, 6)  # how many others talk at once
OPUS_LEVELS = (0.985, 1.0)  # libsndfile's compression_level of the low-rate Opus: about 10 to 6 kb/s
BAND = (250.0, 3_500.0)  # Hz, the line's


def generator(*names: object) -> np.random.Generator:
    """A random generator seeded by a hash of the names: the same everywhere, independent of order."""
    digest = hashlib.sha256("|".join(map(str, names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


@dataclass(frozen=True)
class Conditions:
    """What one turn goes through; `str()` is the corpus's `conditions` column."""

    snr: float  # dB; infinity: no noise
    noise: str
    room: float  # seconds to -60 dB; 0: none
    direct: float  # dB
    codec: str
    opus_level: float
    level: float  # dB below full scale

    def __str__(self) -> str:
        snr = f"{self.snr:.1f}" if np.isfinite(self.snr) else "inf"
        return f"snr={snr};noise={self.noise};codec={self.codec};room={self.room:.2f};level={self.level:.1f}"


def latin(split: str, sides: int) -> np.ndarray:
    """A Latin hypercube [sides, 7]: uniform numbers whose values are spread evenly over the sides of a set.

    A set of few sides gets its shares of noises, codecs and rooms too.
    """
    random = generator("latin", split)
    columns = [(random.permutation(sides) + random.random(sides)) / sides for _ in range(7)]
    return np.stack(columns, axis=1)


def draw(split: str, speaker: str, side: str, turn: int, spread: np.ndarray) -> Conditions:
    """Conditions of a turn: noise kind, mean SNR, room and codec belong to the side, the rest to the turn.

    Args:
        split: a key of `RECIPES`. side: such as `train01-A`. turn: its number.
        spread: the side's row of `latin`.
    Raises:
        KeyError: an unknown split.
    """
    recipe, random = RECIPES[split], generator("turn", side, turn)
    noisy = spread[0] >= recipe.clean
    noise = _choice((spread[0] - recipe.clean) / (1 - recipe.clean), recipe.noises) if noisy else "none"
    snr = _between(spread[1], recipe.snr) + random.uniform(-SNR_SPREAD, SNR_SPREAD)
    level = _between(generator("level", speaker).random(), LEVEL) + random.uniform(-LEVEL_SPREAD, LEVEL_SPREAD)
    return Conditions(
        snr=float(np.clip(snr, *recipe.snr)) if noisy else float("inf"),
        noise=noise,
        room=_between(spread[3], ROOM_DECAY) if spread[2] < recipe.room else 0.0,
        direct=_between(spread[4], ROOM_DIRECT),
        codec=_choice(spread[5], recipe.codecs),
        opus_level=_between(spread[6], OPUS_LEVELS),
        level=level,
    )


def _between(share: float, bounds: tuple[float, float]) -> float:
    return float(bounds[0] + share * (bounds[1] - bounds[0]))


def _choice(share: float, shares: dict[str, float]) -> str:
    weights = np.array(list(shares.values()))
    place = int(np.searchsorted(np.cumsum(weights / weights.sum()), share))
    return list(shares)[min(place, len(shares) - 1)]


def apply(
    speech: np.ndarray, conditions: Conditions, random: np.random.Generator, others: Sequence[np.ndarray]
) -> np.ndarray:
    """Room, noise at the SNR within the line's band, level, codec, mu-law.

    Args:
        speech: clean samples, float, 8 kHz.
        random: decides the noise's samples.
        others: clean turns of other speakers, for babble.
    Returns:
        float32 samples, as many as came in.
    """
    heard = room(speech, conditions.room, conditions.direct, random) if conditions.room else speech
    heard = band(heard)
    if np.isfinite(conditions.snr):
        noise = NOISES[conditions.noise](len(heard), random, others)
        heard = mix(heard, band(noise), conditions.snr)
    heard = heard * (10 ** (conditions.level / 20) / max(np.sqrt(np.mean(np.square(heard))), 1e-9))
    heard = 0.98 * np.tanh(heard / 0.98)  # a soft limiter: loud peaks bend, they do not wrap
    return mulaw(code(heard, conditions.codec, conditions.opus_level)).astype(np.float32)


def mix(speech: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """speech + g·noise with g such that 10·log10(power of speech / power of g·noise) = `snr` dB.

    Raises:
        ValueError: lengths differ, or one of the two is all zeros.
    """
    if speech.shape != noise.shape:
        raise ValueError(f"speech {speech.shape} and noise {noise.shape} differ in length")
    powers = np.mean(np.square(speech)), np.mean(np.square(noise))
    if not min(powers) > 0:
        raise ValueError("speech or noise is all zeros: an SNR cannot be set")
    return speech + noise * np.sqrt(powers[0] / powers[1] / 10 ** (snr / 10))


def band(samples: np.ndarray) -> np.ndarray:
    """The samples within the line's band (`BAND`, Butterworth, second order each side)."""
    return sosfilt(butter(2, BAND, "bandpass", fs=RATE, output="sos"), samples)


def room(samples: np.ndarray, decay: float, direct: float, random: np.random.Generator) -> np.ndarray:
    """Convolve with a synthetic impulse response: a direct pulse and an exponentially decaying noise tail.

    Args:
        decay: seconds until the tail has fallen by 60 dB. direct: dB of the direct sound over the tail.
    """
    times = np.arange(int(decay * RATE)) / RATE
    tail = random.standard_normal(len(times)) * 10 ** (-3 * times / decay)
    tail[: RATE // 200] = 0  # the first reflections come after 5 ms
    tail *= 10 ** (-direct / 20) / np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)]


def pink(length: int, random: np.random.Generator, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Noise whose power falls with frequency."""
    return _coloured(length, random, 0.5)


def brown(length: int, random: np.random.Generator, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Noise whose power falls with the square of frequency: an engine, a fan."""
    return _coloured(length, random, 1.0)


def _coloured(length: int, random: np.random.Generator, exponent: float) -> np.ndarray:
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 20.0)
    return np.fft.irfft(spectrum / frequency**exponent, length)


def hum(length: int, random: np.random.Generator, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Mains hum, 50 or 60 Hz with harmonics into the line's band, over some hiss."""
    times, base = np.arange(length) / RATE, float(random.choice([50.0, 60.0]))
    tones = [
        random.uniform(0.3, 1.0) / k**0.5 * np.sin(2 * np.pi * (k * base * times + random.random()))
        for k in range(1, 19)
    ]
    return np.sum(tones, axis=0) + 0.5 * random.standard_normal(length)


def traffic(length: int, random: np.random.Generator, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """A street: a steady rumble and cars that swell and fade."""
    times, noise = np.arange(length) / RATE, 0.4 * _coloured(length, random, 0.8)
    scale = np.std(noise) / 0.4
    for _ in range(1 + random.poisson(length / RATE / 3)):
        middle, width = random.uniform(0, length / RATE), random.uniform(0.4, 1.5)
        swell = np.exp(-0.5 * np.square((times - middle) / width))
        noise = noise + scale * random.uniform(0.5, 1.5) * swell * random.standard_normal(length) * 0.7
    return noise


def babble(length: int, random: np.random.Generator, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Several other people talking: looped clean turns, each from a random place, at unequal loudness.

    Raises:
        ValueError: nobody else is there.
    """
    if not len(others):
        raise ValueError("babble needs clean turns of other speakers")
    total = np.zeros(length)
    for _ in range(int(random.integers(BABBLE_VOICES[0], BABBLE_VOICES[1] + 1))):
        voice = np.asarray(others[int(random.integers(len(others)))], float)
        start = int(random.integers(len(voice)))
        looped = np.resize(np.roll(voice, -start), length)
        total += looped * random.uniform(0.5, 1.0) / max(np.std(voice), 1e-9)
    return total


NOISES: dict[str, Callable[[int, np.random.Generator, Sequence[np.ndarray]], np.ndarray]] = {
    "pink": pink,
    "brown": brown,
    "hum": hum,
    "traffic": traffic,
    "babble": babble,
}


def code(samples: np.ndarray, codec: str, opus_level: float = 1.0) -> np.ndarray:
    """Through a speech codec and back, length kept: `gsm` (GSM 06.10), `opus` (low rate) or `mulaw` (nothing).

    Raises:
        ValueError: an unknown codec.
    """
    if codec == "mulaw":
        return samples
    if codec not in ("gsm", "opus"):
        raise ValueError(f"{codec} is not a codec we know: gsm, opus or mulaw")
    padded = np.concatenate([samples, np.zeros(RATE // 10)])  # GSM works in frames of 20 ms
    buffer = io.BytesIO()
    if codec == "gsm":
        soundfile.write(buffer, padded, RATE, format="WAV", subtype="GSM610")
    else:
        soundfile.write(buffer, padded, RATE, format="OGG", subtype="OPUS", compression_level=opus_level)
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float64")
    return np.resize(decoded[: len(samples)], len(samples))


def mulaw(samples: np.ndarray, mu: int = 255) -> np.ndarray:
    """8-bit companding and back (the continuous law of G.711): F(x) = sgn(x) ln(1 + mu|x|) / ln(1 + mu)."""
    companded = np.sign(samples) * np.log1p(mu * np.minimum(np.abs(samples), 1.0)) / np.log1p(mu)
    rounded = np.round(companded * 127) / 127
    return np.sign(rounded) * np.expm1(np.abs(rounded) * np.log1p(mu)) / mu
