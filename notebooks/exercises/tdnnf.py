"""Checks of 01_tdnnf: each prints whether the answer is right, and if not, what usually leads there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tdnnq_lab.models import FactoredLayer, semi_orthogonal_step

from .answers import RIGHT, tried

D, COLUMNS, SCALE = 3, 5, 2.0  # of the matrix that `step` is given
STRETCH = (1.07, 1.0, 0.93)  # its singular values over SCALE: near enough to one for the speed 1/8
SPLICE, STRIDES = (-2, 0, 1), (1, 0, 3, 2)  # of a network that is not in the notebook
HIDDEN, BOTTLENECK = 24, 5


def example() -> Tensor:
    """The matrix [3, 5] that `check_step` tries a step on: singular values 2.14, 2 and 1.86."""
    random = torch.Generator().manual_seed(4)
    u = torch.linalg.qr(torch.randn(D, D, generator=random))[0]
    v = torch.linalg.qr(torch.randn(COLUMNS, D, generator=random))[0]
    return SCALE * u @ torch.diag(torch.tensor(STRETCH)) @ v.t()


def library_step(m: Tensor) -> Tensor:
    """The same step by the library, which works in place on a layer's matrix."""
    layer = FactoredLayer(COLUMNS, D, 0, 0.0)
    with torch.no_grad():
        layer.linear.weight.copy_(m)
    semi_orthogonal_step(layer)
    return layer.linear.weight.detach()


def check_step(step: Callable[[Tensor], Any]) -> None:
    """Exercise 1: `step(m)` returns the matrix [d, D] one semi-orthogonal step on, at speed 1/8."""
    print(_step(step))


def _step(step: Callable[[Tensor], Any]) -> str:
    m = example()
    given = m.clone()
    found, wrong = tried(
        lambda: step(given),
        f"It was given a matrix of shape ({D}, {COLUMNS}). "
        f"M Mᵀ is `m @ m.t()`, of shape ({D}, {D}), and stands to the left of M in the product.",
    )
    if wrong:
        return wrong
    if not isinstance(found, Tensor):
        return f"The function returned a {type(found).__name__}; a torch Tensor is wanted."
    if not torch.equal(given, m):
        return "Your function changed the matrix that it was given: return a new one (no `-=`, no method ending in _)."
    if tuple(found.shape) == (COLUMNS, D):
        return "The shape is turned: you return [D, d]. (M Mᵀ - s² I) stands to the left of M, not of Mᵀ."
    if tuple(found.shape) != (D, COLUMNS):
        return f"The shape is {tuple(found.shape)}; a step gives a matrix like M, here ({D}, {COLUMNS})."
    if not bool(torch.isfinite(found).all()):
        return "There is NaN or infinity in the result. Do you divide by zero, or take the root of something negative?"
    if torch.allclose(found, library_step(m), atol=1e-5):
        return f"{RIGHT} It agrees with `semi_orthogonal_step` of the library."
    return f"Not yet. {_step_mistake(found, m)}"


def _step_mistake(found: Tensor, m: Tensor) -> str:
    """What usually gives this matrix."""
    p, one = m @ m.t(), torch.eye(D)
    squared, trace = float(p.square().sum()), float(p.trace())
    s2 = squared / trace
    change = _change(m, s2)
    unit_rows = m / m.norm(dim=1, keepdim=True)
    u, _, vh = torch.linalg.svd(m, full_matrices=False)
    causes = [
        (m + _change(m, 1.0), "You forgot the floating scale: s² is not 1 but tr(P Pᵀ) / tr(P). With s² = 1 the "
         "step shrinks or blows up a layer whose scale the training has chosen."),
        (m + _change(m, trace / D), "You take s² as the mean of the squared singular values, tr(P) / d. Then the step "
         "also changes the length of M; tr(P Pᵀ) / tr(P) makes the change orthogonal to M."),
        (m + _change(m, trace / COLUMNS), "You divide by D, the columns: M has d rows to make orthogonal, and s² is "
         "tr(P Pᵀ) / tr(P) anyway."),
        (m - 0.5 / s2**0.5 * (p - s2 * one) @ m, "You divide by s; divide by s²."),
        (m + _change(m, s2**0.5), "You use s where s² stands (a root too many)."),
        (m - 0.5 * (p - s2 * one) @ m, "The step lacks the division by s²: M at twice the scale would move at four "
         "times the speed."),
        (m - 0.5 / s2 * (p - s2) @ m, "You take s² from every entry of P. Only from the diagonal: P - s² I, "
         "with torch.eye."),
        (change, "That is the change alone: add it to M."),
        (s2**0.5 * unit_rows, "You gave every row the same length. That makes no two rows orthogonal: P has "
         "off-diagonal entries, and they must go too."),
        (unit_rows, "You gave every row length 1. That makes no two rows orthogonal, and it forgets the scale."),
        (s2**0.5 * u @ vh, "That is the goal in one leap, by SVD. Here we want the step, which needs no SVD."),
        (u @ vh, "That is the goal in one leap, by SVD, and at scale 1. Here we want the step, which needs no SVD."),
    ]  # fmt: skip
    for value, cause in causes:
        if torch.allclose(found, value, atol=1e-5):
            return cause
    return _wrong_size(found - m, change)


def _change(m: Tensor, s2: float) -> Tensor:
    """Of a step towards the squared scale s2, at speed 1/8."""
    return -0.5 / s2 * (m @ m.t() - s2 * torch.eye(D)) @ m


def _wrong_size(moved: Tensor, change: Tensor) -> str:
    """The direction may be right and the size of the step not."""
    times = float((moved * change).sum() / change.square().sum())
    if not torch.allclose(moved, times * change, atol=1e-4):
        return "Work it through for singular values: each σ must become σ - ½ σ (σ²/s² - 1)."
    if abs(times) < 1e-3:
        return "Nothing moved: the matrix came back as it was."
    if times < 0:
        return "The sign is wrong: the step goes away from the goal. It is M minus …"
    hint = "You left out the 4 of 4ν." if abs(times - 0.25) < 1e-3 else "4ν is 4 · 1/8 = 1/2."
    return f"The direction is right, but the step is {times:.2f} times as long as wanted. {hint}"


def check_context(context: Callable[[Sequence[int], Sequence[int]], Any]) -> None:
    """Exercise 2: `context(splice, strides)` gives the input frames seen to the left and to the right of an output."""
    print(_context(context))


def _context(context: Callable[[Sequence[int], Sequence[int]], Any]) -> str:
    told = f"It was given {SPLICE} and {STRIDES}."
    found, wrong = tried(lambda: context(SPLICE, STRIDES), told, "return left, right")
    if wrong:
        return wrong
    if not isinstance(found, list | tuple) or len(found) != 2:
        return f"The function returned {found!r}; two whole numbers are wanted, left and right."
    reach = sum(STRIDES)
    left, right = reach - SPLICE[0], reach + SPLICE[-1]
    if tuple(found) == (left, right):
        return f"{RIGHT} For splice {SPLICE} and strides {STRIDES}: {left} frames to the left, {right} to the right."
    causes = {
        (-left, right): "Right but for a sign: count the frames to the left, a positive number.",
        (right, left): "Left and right are exchanged.",
        (reach, reach): "You left out tdnn1, which splices frames too: look at the ends of `splice`.",
        (2 * left, 2 * right): "Twice too far: a layer of stride k reaches k frames to each side, not 2k.",
        (2 * reach - SPLICE[0], 2 * reach + SPLICE[-1]): "Twice too far in the factored layers: a layer of stride k "
        "reaches k frames to each side, not 2k.",
        (reach + 1, reach + 1): "You assume a splice of -1, 0, 1: use the one that is given.",
        (reach + len(SPLICE), reach + len(SPLICE)): "You add the number of spliced frames; its ends are wanted.",
        (max(STRIDES) - SPLICE[0], max(STRIDES) + SPLICE[-1]): "You take the largest stride: layers stand on each "
        "other, so strides add up.",
        (-(-left // 3), -(-right // 3)): "You count output frames, of 30 ms: count input frames.",
    }
    told = causes.get(tuple(found), "Walk down from the output: every layer adds its stride to both sides.")
    return f"Not yet: you have {found[0]} and {found[1]} for splice {SPLICE} and strides {STRIDES}. {told}"


def check_parameters(parameters: Callable[[int, int, int], Any]) -> None:
    """Exercise 3: `parameters(hidden, bottleneck, stride)` counts those of a factored layer."""
    print(_parameters(parameters))


def _parameters(parameters: Callable[[int, int, int], Any]) -> str:
    told = f"It was given {HIDDEN}, {BOTTLENECK}, and 3 or 0."
    (with_stride, wrong), (without, also) = (
        tried(lambda: parameters(HIDDEN, BOTTLENECK, stride), told)  # noqa: B023 (called at once)
        for stride in (3, 0)
    )
    if wrong or also:
        return wrong or also
    c, d = HIDDEN, BOTTLENECK
    right = 4 * c * d + c, 2 * c * d + c
    if (with_stride, without) == right:
        kaldi = parameters(1536, 160, 3)
        return f"{RIGHT} A layer of 7q, hidden 1,536 and bottleneck 160, has {kaldi:,} parameters."
    causes = {
        (4 * c * d, 2 * c * d): "You left out the bias of the second half: one number for each hidden unit.",
        (4 * c * d + c + d, 2 * c * d + c + d): "You gave the first half a bias: it has none (the second half's would "
        "take it in).",
        (4 * c * d + 2 * c, 2 * c * d + 2 * c): "A bias too many: batch norm has no parameters here, and the first "
        "half no bias.",
        (4 * c * d + 3 * c, 2 * c * d + 3 * c): "Batch norm has no parameters here (Kaldi's has no scale and offset).",
        (2 * c * d + c, 2 * c * d + c): "You forgot the splicing: with a stride each half sees two frames, so each "
        "matrix is twice as large.",
        (4 * c * d + c, 4 * c * d + c): "Stride 0 (tdnnf5) splices nothing: each half sees one frame.",
        (3 * c * d + c, 2 * c * d + c): "Only one of the halves is spliced in your count: both are.",
        (6 * c * d + c, 2 * c * d + c): "Three frames (-k, 0, k) are seen by the layer as a whole; each half splices "
        "two.",
        (2 * c * c + c, c * c + c): "That is a layer without a bottleneck.",
    }  # fmt: skip
    told = causes.get((with_stride, without), "Count the entries of the two matrices, then the bias.")
    return f"Not yet: for hidden {c} and bottleneck {d} you have {with_stride} (stride 3) and {without} (0). {told}"
