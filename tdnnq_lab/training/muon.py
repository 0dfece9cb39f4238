"""Muon: every matrix moves by its momentum made orthogonal; what is no matrix moves by Adam."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.adam import adam

# s (a + b s² + c s⁴) takes a singular value s in (0, 1] to between 0.7 and 1.2 in five steps. Coefficients that end at
# exactly 1 would need more steps, and networks learn no better by them (Jordan and others).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
STEPS = 5
ADAM_CHANGE = 0.2  # root mean square of a change by Adam, as a share of its learning rate


class Muon(Optimizer):
    """Steepest descent in the spectral norm for matrices, Adam for biases and embeddings.

    The gradient of a matrix lies mostly in a few directions. Made orthogonal, all directions learn at one speed, which
    is what Kaldi's natural gradient is after as well. A change is as large as Adam's (0.2 √max(m, n) for an [m, n]
    matrix), so that one learning rate suits both.
    Source: Jordan and others, "Muon", 2024; Liu and others, "Muon is scalable for LLM training", 2025. `torch.optim`
    (2.9 and later) has it one matrix at a time in bfloat16; a test compares the two.

    Args:
        groups: as every optimiser takes them; a group with "matrices" true holds parameters of two dimensions.
        lr: learning rate.
        momentum: of the matrices, Nesterov's.
        weight_decay: decoupled for matrices, an l2 term of the gradient for the rest.

    Raises:
        ValueError: a parameter of a group of matrices has not two dimensions.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "matrices": False})
        for group in self.param_groups:
            for p in group["params"] if group["matrices"] else ():
                if p.ndim != 2:
                    raise ValueError(f"Muon's matrices have two dimensions; one parameter is {tuple(p.shape)}.")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not group["matrices"]:
                self._adam(parameters, group)
                continue
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for p in parameters:
                by_shape.setdefault(p.shape, []).append(p)
            for same in by_shape.values():  # matrices of one shape are orthogonalised together
                self._matrices(same, group)
        return loss

    def _matrices(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        gradients: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        momenta = [self.state[p]["momentum"] for p in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        change = orthogonalised(torch.stack(ahead))
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        size = ADAM_CHANGE * max(parameters[0].shape) ** 0.5
        torch._foreach_add_(parameters, list(change.unbind()), alpha=-group["lr"] * size)

    def _adam(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p] |= {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
                self.state[p]["step"] = torch.zeros(())  # on the CPU, as torch has it
        state = [[self.state[p][name] for p in parameters] for name in ("exp_avg", "exp_avg_sq", "step")]
        gradients: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        means, squares, steps = state
        values = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "lr": group["lr"], "weight_decay": group["weight_decay"]}
        if parameters:
            adam(parameters, gradients, means, squares, [], steps, amsgrad=False, maximize=False, **values)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices [N, m, n] with all singular values brought to between 0.7 and 1.2; zeros stay zeros.

    Newton-Schulz steps X ← (a + b A + c A²) X with A = X Xᵀ. As all these are polynomials of the first A, they are
    multiplied up in [m, m] before the matrices are touched, which saves most of the work where m is far below n.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    a, b, c = NEWTON_SCHULZ
    size = matrices.norm(dim=(1, 2), keepdim=True).clamp_min(1e-30)
    x = matrices / size
    gram = x @ x.mT
    product = step = torch.empty(0)
    for k in range(STEPS):
        step = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        step.diagonal(dim1=1, dim2=2).add_(a)
        product = step @ product if k else step
        if k < STEPS - 1:
            gram = step @ (gram @ step)
    return product @ x
