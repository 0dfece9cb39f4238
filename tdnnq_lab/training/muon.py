"""Muon for the matrices of a network, Adam for the rest of it, as one optimiser."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer


class MuonWithAdam(Optimizer):
    """Matrices move by their momentum made orthogonal, biases and embeddings by Adam.

    The gradient of a matrix lies mostly in a few directions. Made orthogonal, all directions learn at one speed, which
    is what Kaldi's natural gradient is after as well. A change is as large as Adam's (0.2 √max(m, n) for an [m, n]
    matrix), so that one learning rate suits both.
    Source: Jordan and others, "Muon", 2024; Liu and others, "Muon is scalable for LLM training", 2025; `torch.optim`.

    Args:
        matrices, others: groups of parameters, as every optimiser takes them; one of the two may be empty.
        lr: learning rate of both.

    Raises:
        ValueError: a parameter among the matrices has not two dimensions.
    """

    def __init__(self, matrices: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]], lr: float) -> None:
        self.parts: list[Optimizer] = []
        if filled := [group for group in matrices if group["params"]]:
            self.parts.append(torch.optim.Muon(filled, lr=lr, adjust_lr_fn="match_rms_adamw"))
        if filled := [group for group in others if group["params"]]:
            self.parts.append(torch.optim.Adam(filled, lr=lr, fused=True))
        super().__init__(self._groups(), {})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The state of both, parameters numbered through in the order of `param_groups`."""
        found: dict[str, Any] = {"state": {}, "param_groups": []}
        for first, part in self._numbered():
            told = part.state_dict()
            found["state"] |= {first + i: entries for i, entries in told["state"].items()}
            found["param_groups"] += [g | {"params": [first + i for i in g["params"]]} for g in told["param_groups"]]
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        for first, part in self._numbered():
            own = part.state_dict()["param_groups"]
            count = sum(len(g["params"]) for g in own)
            state = {i - first: e for i, e in state_dict["state"].items() if first <= i < first + count}
            part.load_state_dict({"state": state, "param_groups": own})
        self.param_groups = self._groups()

    def _groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts for group in part.param_groups]

    def _numbered(self) -> list[tuple[int, Optimizer]]:
        counts = [sum(len(g["params"]) for g in part.param_groups) for part in self.parts]
        return [(sum(counts[:i]), part) for i, part in enumerate(self.parts)]
