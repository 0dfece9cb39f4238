"""What a compression adds to a made-up report: three systems, sensitivities, a plan, three utterances."""

import base64
import io
import random

import numpy as np
import soundfile

LAYERS = ["tdnn1", *(f"tdnnf{i}" for i in range(2, 16)), "prefinal-l", "prefinal-chain", "output"]
SIZES = [30720, *[36864] * 14, 16384, 24576, 5120]
BITS = [1, 2, 4, 8, 16]


def tone(seconds: float = 0.3) -> str:
    """A beep as a data URI."""
    samples = 0.1 * np.sin(2 * np.pi * 440 * np.arange(round(8000 * seconds)) / 8000)
    file = io.BytesIO()
    soundfile.write(file, samples.astype(np.float32), 8000, format="OGG", subtype="OPUS")
    return "data:audio/ogg;base64," + base64.b64encode(file.getvalue()).decode()


def sensitivities(seed: int = 0) -> list[list[float]]:
    """Costs that fall with the bits, from 1e-1 to 1e-6, one of them below zero."""
    rng = random.Random(seed)
    values = [[2.0 * 8 ** -(b if b < 8 else 6 + b / 8) * rng.uniform(0.2, 5) for b in BITS] for _ in LAYERS]
    values[0] = [10 * value for value in values[0]]
    values[3][4] = -1e-6
    return values


def add_systems(report: dict) -> dict:
    """The report with what a compression adds."""
    sets = report["sets"]

    def errors(factor: float, full: bool) -> dict:
        found = {}
        for entry in sets:
            wer, delta = entry["wer"] * factor, entry["wer"] * (factor - 1)
            found[entry["name"]] = {"wer": wer, "wer_interval": [0.85 * wer, 1.15 * wer], "words": entry["words"]}
            found[entry["name"]] |= {"per": entry["per"] * factor**0.5, "real_time_factor": 0.0123}
            if not full:
                found[entry["name"]] |= {"difference": delta, "interval": [delta - 0.4, delta + 0.45]}
                found[entry["name"]] |= {"p": 0.31 if factor < 1.03 else 0.0002, "detectable": 0.62}
        return found

    systems = [
        ("full", "full precision", 32.0, 2_690_112, 1.0, 1.24, 1.0),
        ("mixed", "mixed, 4.0 bits", 3.99, 391_204, 6.8, 8.5, 1.02),
        ("uniform", "uniform, 4 bits", 4.0, 394_880, 6.7, 8.4, 1.05),
    ]
    keys = ("name", "label", "average_bits", "bytes", "ratio", "ratio_with_xent")
    rng = random.Random(1)
    said = "well i mean the rent is due on friday"
    return report | {
        "systems": [
            dict(zip(keys, row, strict=False)) | {"sets": errors(row[-1], row[0] == "full")} for row in systems
        ],
        "sensitivity": {
            "measure": "loss",
            "unit": "increase of the criterion, nats a frame",
            "layers": LAYERS,
            "sizes": SIZES,
            "bits": BITS,
            "values": sensitivities(),
        },
        "plan": {"bits": {layer: rng.choice([2, 4, 4, 8]) for layer in LAYERS}, "average_bits": 3.99},
        "listen": [
            {
                "id": f"{entry['name']}-007",
                "set": entry["name"],
                "audio": tone(),
                "seconds": 3.4,
                "reference": said,
                "hypotheses": {
                    "full": said,
                    "mixed": "well i mean the red is due on friday",
                    "uniform": "well i i mean a rent due on the friday",
                },
            }
            for entry in report["sets"]
        ],
    }
