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


def twin(model: Tdnnf, utterances: list[torch.Tensor], measured: bool) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Chain and cross-entropy outputs [T', P] of each utterance [T, F].

    Args:
        measured: normalise by the moments of the given utterances, else by the running statistics.
    """
    config = model.config
    splice = config.splice
    states = []
    for x in utterances:
        x = (x - model.input_mean) * model.input_scale
        # As many copies of the edge frames as anything could need; `at` is the position of column 0.
        reach = sum(config.strides) + max(abs(o) for o in splice)
        states.append((torch.cat([x[:1]] * reach + [x] + [x[-1:]] * reach).t()[None], -reach, len(x)))

    def spliced(h, start, weight, offsets):
        span = offsets[-1] - offsets[0]
        taps = weight.new_zeros(weight.shape[0], h.shape[1], span + 1)
        for k, offset in enumerate(offsets):
            taps[:, :, offset - offsets[0]] = weight[:, k * h.shape[1] : (k + 1) * h.shape[1]]
        return conv1d(h, taps), start - offsets[0]

    def normalise(found, norm, every):
        if measured:
            real = torch.cat(
                [h[0, :, [t - start for t in range(0, length, every)]] for h, start, length in found], dim=1
            )
            mean, var = real.mean(1), real.var(1, unbiased=False)
        else:
            mean, var = norm.running_mean, norm.running_var
        factor = (var + 1e-3).rsqrt()[:, None]
        return [((h - mean[:, None]) * factor, start, length) for h, start, length in found]

    def every(layer):
        """Frames from one that is needed to the next: 3 where all later strides are multiples of 3."""
        return 1 if any(s % config.subsampling for s in config.strides[layer:]) else config.subsampling

    found = []
    for h, start, length in states:
        y, at = h, start
        if len(splice) > 0:
            windows = [y[..., o - splice[0] : y.shape[-1] - (splice[-1] - o)] for o in splice]
            y, at = torch.cat(windows, dim=1), start - splice[0]
        if model.lda is not None:
            y = (model.lda[:, :-1] @ y[0] + model.lda[:, -1:])[None]
        y = conv1d(y, model.tdnn1.affine.weight[:, :, None], model.tdnn1.affine.bias).relu()
        found.append((y, at, length))
    states = normalise(found, model.tdnn1.norm, every(0))
    for i, stride in enumerate(config.strides):
        layer = getattr(model, f"tdnnf{i + 2}")
        found = []
        for h, start, length in states:
            y, at = spliced(h, start, layer.linear.weight, (-stride, 0) if stride else (0,))
            y, at = spliced(y, at, layer.affine.weight, (0, stride) if stride else (0,))
            found.append(((y + layer.affine.bias[:, None]).relu(), at, length))
        outputs = []
        for (y, at, length), (h, start, _) in zip(normalise(found, layer.norm, every(i + 1)), states, strict=True):
            outputs.append((y + config.bypass * h[..., at - start : at - start + y.shape[-1]], at, length))
        states = outputs
    outputs = []
    for h, start, length in states:
        at = [t - start for t in range(0, length, config.subsampling)]
        outputs.append((model.prefinal_l.weight @ h[0][:, at])[None])
    heads = []
    for head in (model.chain, model.xent):
        ends = [(y, 0, y.shape[-1]) for y in outputs]
        wide, narrow = head.wide.affine, head.linear.weight
        ends = [((wide.weight @ y + wide.bias[:, None]).relu(), s, n) for y, s, n in ends]
        ends = [(narrow @ y, s, n) for y, s, n in normalise(ends, head.wide.norm, 1)]
        ends = normalise(ends, head.norm, 1)
        heads.append([(head.output.weight @ y + head.output.bias[:, None])[0].t() for y, _, _ in ends])
    return list(zip(*heads, strict=True))
