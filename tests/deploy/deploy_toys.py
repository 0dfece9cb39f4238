"""Tiny models, plans and graphs to pack, and sounds to transcribe."""

import numpy as np
import torch

from tdnnq_lab.corpora import MfccSettings
from tdnnq_lab.graphs import Hclg, Lexicon, Topology, estimate_ngram, hclg
from tdnnq_lab.models import Tdnnf, TdnnfConfig, batchnorm_recalibrate, layers
from tdnnq_lab.quantize import BITS, BitPlan


def toy_model(seed: int = 0, **changes) -> Tdnnf:
    """A network of a few hundred weights with batch norm that is not the default, in evaluation mode."""
    shape = {"input_dim": 3, "hidden_dim": 6, "bottlenecks": (3, 2), "strides": (1, 3), "prefinal_dim": 4}
    torch.manual_seed(seed)
    model = Tdnnf(TdnnfConfig(**{**shape, "num_pdfs": 7, **changes}))
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer))
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.1)
    model.set_input_transform(torch.randn(model.config.input_dim), torch.rand(model.config.input_dim) + 0.5)
    return model.eval()


def toy_plan(model: Tdnnf, bits: int | None = None, **more) -> BitPlan:
    """The same bits everywhere, or every width in turn."""
    return BitPlan({name: bits or BITS[i % len(BITS)] for i, name in enumerate(layers(model))}, **more)


LEXICON = Lexicon(
    {
        "to": [(1.0, ("t", "u"))],
        "two": [(1.0, ("t", "u", "u"))],
        "да": [(0.7, ("d", "u")), (0.3, ("d",))],
    }
)


def toy_hclg() -> Hclg:
    """A bigram of three words in any order."""
    text = [s.split() for s in ("to two да", "да да to", "two", "to", "two to")]
    return hclg(LEXICON, estimate_ngram(text, 2), Topology(LEXICON.phones), None)


def toy_recogniser_model(seed: int = 0, **changes) -> Tdnnf:
    """A network of 40 features whose outputs tell frames of noise apart."""
    pdfs = Topology(LEXICON.phones).num_pdfs
    shape = {"input_dim": 40, "strides": (1, 3), "bottlenecks": (8, 8), "hidden_dim": 16, "num_pdfs": pdfs}
    model = toy_model(seed, **{**shape, **changes})
    frames = torch.from_numpy(MfccSettings().compute(noise(3.0)))
    if model.config.input_dim == 40 and not model.config.ivector_dim:
        model.set_input_transform(frames.mean(0), frames.std(0))
        batchnorm_recalibrate(model, [frames[None]])
        model.chain.output.weight.data *= 3
    return model


def noise(seconds: float, seed: int = 0, rate: int = 8000) -> np.ndarray:
    """Noise that swells and fades and changes its colour, float32."""
    n = round(seconds * rate)
    rng = np.random.default_rng(seed)
    knots = np.arange(0, n + 800, 800)
    level, tilt = (np.interp(np.arange(n), knots, rng.random(len(knots))) for _ in range(2))
    white = rng.standard_normal(n)
    return (0.1 * level * (white + 2 * tilt * np.cumsum(white) / np.sqrt(n))).astype(np.float32)
