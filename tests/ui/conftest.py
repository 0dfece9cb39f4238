"""A made-up report with everything in it, as a run would write it."""

import math
import random

import pytest
from ui_compressed import add_systems

ACCENTS = {
    "seen": ["American", "British", "Spanish", "French", "Hindi"],
    "unseen": ["Italian", "Japanese", "Brazilian Portuguese"],
    "hard": ["Italian", "Japanese", "Brazilian Portuguese"],
}
SENTENCES = [
    ("well i mean the rent is due on friday", "well i mean the rent is you on friday"),
    ("did you ever drive out to the coast", "did you drive out to the coast"),
    ("uh my sister has a small garden behind the house", "uh my sister has a a small garden behind house"),
    ("yes that is what they said", "yes that is what they said"),
    ("we could not find a doctor on the weekend", "we could not fine the doctor on a week end"),
]


def _set(name: str, rate: float, rng: random.Random) -> dict:
    speakers = []
    for index in range(24 if name == "seen" else 14):
        words = rng.randint(120, 260)
        errors = round(words * rate / 100 * math.exp(rng.gauss(0, 0.4)))
        accent = ACCENTS[name][index % len(ACCENTS[name])]
        gender = "female" if index % 2 else "male"
        speakers.append(
            {"speaker": f"{name}{index:02d}", "accent": accent, "gender": gender, "words": words, "errors": errors}
        )
    words, errors = (sum(speaker[key] for speaker in speakers) for key in ("words", "errors"))
    wer = 100 * errors / words
    return {
        "name": name,
        "what": {
            "seen": "Speakers of the training set, new sentences.",
            "unseen": "Voices and accents never heard in training, noise at 10 to 20 dB.",
            "hard": "The voices of unseen, babble and codecs, 8 to 15 dB.",
        }[name],
        "utterances": 400,
        "words": words,
        "wer": wer,
        "wer_interval": [wer - 0.12 * wer, wer + 0.13 * wer],
        "substitutions": errors - 2 * (errors // 4),
        "insertions": errors // 4,
        "deletions": errors // 4,
        "per": 12 + 1.4 * wer,
        "per_interval": [11 + 1.3 * wer, 13 + 1.5 * wer],
        "unigram_wer": 25 + 2 * wer,
        "perplexity": 9.6,
        "real_time_factor": 0.0123,
        "errors_by_speaker": speakers,
        "examples": [
            {"id": f"{name}-{i:03d}", "reference": said, "hypothesis": heard}
            for i, (said, heard) in enumerate(SENTENCES)
        ],
    }


def _curve(rng: random.Random, updates: int = 3000) -> list[dict]:
    points = []
    for update in range(0, updates, 10):
        done = update / updates
        rise = 1 / (1 + math.exp(-(update - 350) / 60))
        objective = -(0.85 - 0.55 * rise - 0.22 * done * rise) - 0.04 * abs(rng.gauss(0, 1))
        points.append(
            {
                "update": update,
                "fraction": done,
                "loss": -objective,
                "numerator": -1.9,
                "denominator": -1.9 - objective,
                "objective": objective,
                "xent": 3.4 - 1.8 * rise - 0.8 * done + rng.gauss(0, 0.05),
                "learning_rate": 2e-3 * 0.03**done,
            }
        )
    return points


def make_report() -> dict:
    """The same report at every call."""
    rng = random.Random(0)
    sets = [_set("seen", 3, rng), _set("unseen", 11, rng), _set("hard", 24, rng)]
    loss = {32: 1.0, 4: 1.1, 3: 1.6, 2: 4.0, 1: 20.0}
    rounded = {
        bits: {s["name"]: {"wer": min(99, s["wer"] * f), "per": min(95, s["per"] * f**0.5)} for s in sets}
        for bits, f in loss.items()
    }
    return {
        "format": "tdnnq-lab report 1",
        "run": {
            "row": "demo",
            "seed": 0,
            "command": "tdnnq-lab demo",
            "commit": "0123abc",
            "started": "2026-01-02T03:04:05Z",
            "model": "small: 15 layers, 1,062,336 parameters",
            "updates": 3000,
            "stages": {"features": 21.4, "graphs": 8.8, "training": 341.0, "decoding": 62.5, "scoring": 2.1},
            "wall_seconds": 436.0,
            "peak_memory_bytes": 2_100_000_000,
            "machine": {"cpu": "a made-up CPU", "cores": 2, "threads": 2, "memory_bytes": 16e9, "platform": "Linux"},
            "versions": {"torch": "2.14.1", "lhotse": "1.33.0"},
        },
        "corpus": {
            "name": "data_small",
            "licence": "CC0-1.0",
            "note": "Telephone conversations spoken by synthetic voices; not evidence about real speech.",
            "sets": [
                {"name": "train", "minutes": 68.2, "speakers": 64, "utterances": 1450, "words": 10950},
                *(
                    {"name": s["name"], "minutes": 20.4, "speakers": 14, "utterances": 400, "words": s["words"]}
                    for s in sets
                ),
            ],
        },
        "sets": sets,
        "learning_curve": _curve(rng),
        "headroom": [{"bits": bits, "sets": result} for bits, result in rounded.items()],
    }


@pytest.fixture(scope="session")
def report() -> dict:
    """Read it, do not change it: copy first."""
    return make_report()


@pytest.fixture(scope="session")
def compressed(report: dict) -> dict:
    """The same with systems, sensitivities, a plan and utterances to hear."""
    return add_systems(report)
