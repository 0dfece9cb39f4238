"""A slow twin of the TDNN-F, written from the recipe: plain convolutions over every frame, one utterance a time.

It shares nothing with the package but the parameters; statistics come from picking frames, not from weights.
"""

import torch
from torch.nn.functional import conv1d

from tdnnq_lab.models import Tdnnf, TdnnfConfig


def tiny(**changes) -> TdnnfConfig:
    """A network small enough for second looks: the strides of the recipe in little."""
    shape = {
        "input_dim": 4,
        "hidden_dim": 6,
        "bottlenecks": (3, 2, 3, 2),
        "strides": (1, 0, 3, 3),
        "prefinal_dim": 5,
        "num_pdfs": 7,
    }
    return TdnnfConfig(**{**shape, **changes})


def model_of(config: TdnnfConfig, seed: int = 0) -> Tdnnf:
    """A float64 model whose batch norm and input transform are not the defaults."""
    torch.manual_seed(seed)
    model = Tdnnf(config).double()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer))
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.1)
    f, d = config.input_dim, config.spliced_dim
    matrix = torch.randn(d, d + 1).double() if config.lda else None
    model.set_input_transform(torch.randn(f).double(), torch.rand(f).double() + 0.5, matrix=matrix)
    return model


Activations = list[tuple[torch.Tensor, int, int]]  # of each utterance: [1, C, n], position of column 0, length


def twin(model: Tdnnf, utterances: list[torch.Tensor], measured: bool) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Chain and cross-entropy outputs [T', P] of each utterance [T, F].

    Args:
        measured: normalise by the moments of the given utterances, else by the running statistics.
    """
    config, r = model.config, model.config.subsampling
    states = first(model, utterances, measured)
    for i, stride in enumerate(config.strides):
        layer = getattr(model, f"tdnnf{i + 2}")
        found = []
        for h, start, length in states:
            y, at = spliced(h, start, layer.linear.weight, (-stride, 0) if stride else (0,))
            y, at = spliced(y, at, layer.affine.weight, (0, stride) if stride else (0,))
            found.append(((y + layer.affine.bias[:, None]).relu(), at, length))
        inputs, states = states, []
        for (y, at, length), (h, start, _) in zip(
            normalised(found, layer.norm, needed(config, i + 1), measured), inputs, strict=True
        ):
            states.append((y + config.bypass * h[..., at - start : at - start + y.shape[-1]], at, length))
    outputs = []
    for h, start, length in states:
        y = model.prefinal_l.weight @ h[..., [t - start for t in range(0, length, r)]]
        outputs.append((y, 0, y.shape[-1]))
    heads = [last(head, outputs, measured) for head in (model.chain, model.xent)]
    return list(zip(*heads, strict=True))


def first(model: Tdnnf, utterances: list[torch.Tensor], measured: bool) -> Activations:
    """tdnn1, with as many copies of the edge frames around an utterance as anything could need."""
    config, splice = model.config, model.config.splice
    reach = sum(config.strides) + max(abs(offset) for offset in splice)
    found = []
    for x in utterances:
        x = (x - model.input_mean) * model.input_scale
        h = torch.cat([x[:1]] * reach + [x] + [x[-1:]] * reach).t()[None]
        y = torch.cat([h[..., o - splice[0] : h.shape[-1] - (splice[-1] - o)] for o in splice], dim=1)
        if model.lda is not None:
            y = model.lda[:, :-1] @ y + model.lda[:, -1:]
        y = conv1d(y, model.tdnn1.affine.weight[:, :, None], model.tdnn1.affine.bias).relu()
        found.append((y, -reach - splice[0], len(x)))
    return normalised(found, model.tdnn1.norm, needed(config, 0), measured)


def last(head, found: Activations, measured: bool) -> list[torch.Tensor]:
    """A head, from prefinal-l's output frames."""
    wide = head.wide.affine
    found = [((wide.weight @ y + wide.bias[:, None]).relu(), at, n) for y, at, n in found]
    found = normalised(found, head.wide.norm, 1, measured)
    found = normalised([(head.linear.weight @ y, at, n) for y, at, n in found], head.norm, 1, measured)
    return [(head.output.weight @ y + head.output.bias[:, None])[0].t() for y, _, _ in found]


def spliced(h: torch.Tensor, start: int, weight: torch.Tensor, offsets: tuple[int, ...]) -> tuple[torch.Tensor, int]:
    """A convolution whose taps lie at `offsets`, blocks of `weight` in their order, and where it now starts."""
    channels = h.shape[1]
    taps = weight.new_zeros(weight.shape[0], channels, offsets[-1] - offsets[0] + 1)
    for k, offset in enumerate(offsets):
        taps[:, :, offset - offsets[0]] = weight[:, k * channels : (k + 1) * channels]
    return conv1d(h, taps), start - offsets[0]


def normalised(found: Activations, norm, step: int, measured: bool) -> Activations:
    """Batch norm, measured on every `step`-th real frame."""
    if measured:
        picked = [h[0, :, [t - start for t in range(0, length, step)]] for h, start, length in found]
        mean, var = torch.cat(picked, dim=1).mean(1), torch.cat(picked, dim=1).var(1, unbiased=False)
    else:
        mean, var = norm.running_mean, norm.running_var
    factor = (var + 1e-3).rsqrt()[:, None]
    return [((h - mean[:, None]) * factor, start, length) for h, start, length in found]


def needed(config: TdnnfConfig, layer: int) -> int:
    """Frames from one that is needed to the next: 3 where all later strides are multiples of 3."""
    return 1 if any(s % config.subsampling for s in config.strides[layer:]) else config.subsampling
