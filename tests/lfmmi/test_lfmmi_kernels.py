"""The Triton kernels: on a GPU where there is one, and everywhere by Triton's interpreter in a process of its own."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_lfmmi_forward_backward import random_fsa

from tdnnq_lab.lfmmi import LfmmiLoss, forward_backward, forward_backward_reference, sparse_torch

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
# From numpy 2.5 on, Triton's interpreter fails to read its own loop bounds.
no_interpreter = importlib.util.find_spec("triton") is None or np.lib.NumpyVersion(np.__version__) >= "2.5.0"


def compare(device: str, graphs: list, logits: torch.Tensor, lengths: torch.Tensor, leaky: float) -> None:
    want = forward_backward(graphs, logits, lengths, leaky=leaky)
    got = sparse_torch.run(graphs, logits.to(device), lengths.to(device), leaky, kernels=True)
    torch.testing.assert_close(got[0].cpu(), want[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(got[1].cpu(), want[1], rtol=1e-4, atol=1e-6)


def on_small_graphs(device: str, frames: int) -> None:
    """A shared graph and one for each utterance, with and without leak; NaN, infinities, a length of 0."""
    shared = random_fsa(3, states=7, arcs=30, pdfs=8, ends=0.4)
    own = [random_fsa(seed, states=3 + seed, arcs=12, pdfs=8) for seed in range(4)]
    logits = torch.randn(4, frames, 8, generator=torch.Generator().manual_seed(2)) * 3
    logits[1, 1] = math.nan
    logits[2, 3:] = math.inf  # beyond the length
    logits[3, 2, :4] = -math.inf
    lengths = torch.tensor([frames, frames - 1, 3, 0])
    compare(device, [shared] * 4, logits, lengths, 0.1)
    compare(device, own, logits, lengths, 0.0)


@pytest.mark.skipif(no_interpreter, reason="no Triton, or a numpy that its interpreter cannot read")
def test_the_kernels_by_the_interpreter() -> None:
    """A process of its own: the interpreter has to be chosen before Triton is imported."""
    here = Path(__file__).parent
    code = "from test_lfmmi_kernels import on_small_graphs; on_small_graphs('cpu', 4)"
    paths = os.pathsep.join([str(here.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@on_gpu
def test_small_graphs_on_a_gpu() -> None:
    on_small_graphs("cuda", 20)


@on_gpu
@pytest.mark.parametrize("leaky", [0.0, 0.1])
def test_training_size_on_a_gpu_equals_the_reference(leaky: float) -> None:
    fsa = random_fsa(3, states=400, arcs=4000, pdfs=80, ends=1.0)
    logits = torch.randn(9, 120, 80, generator=torch.Generator().manual_seed(1)) * 4
    lengths = torch.tensor([120, 120, 119, 90, 77, 60, 31, 2, 1])
    total, occupancy = forward_backward(fsa, logits.cuda(), lengths.cuda(), leaky=leaky)
    for b, n in enumerate(lengths.tolist()):
        want, posterior = forward_backward_reference(fsa, logits[b, :n], leaky=leaky)
        assert float(total[b]) == pytest.approx(float(want), rel=1e-9)
        torch.testing.assert_close(occupancy[b, :n].cpu(), posterior.float(), atol=1e-5, rtol=1e-4)
        assert not occupancy[b, n:].any()
    again = forward_backward(fsa, logits.cuda(), lengths.cuda(), leaky=leaky)
    assert torch.equal(total, again[0])  # sums have a fixed order
    assert torch.equal(occupancy, again[1])


@on_gpu
def test_the_loss_and_its_gradient_are_those_of_the_cpu() -> None:
    denominator = random_fsa(3, states=40, arcs=400, pdfs=8, ends=1.0)
    numerators = [random_fsa(seed, states=5, arcs=30, pdfs=8, ends=1.0) for seed in range(3)]
    logits = torch.randn(3, 30, 8, generator=torch.Generator().manual_seed(1))
    found = []
    for device in ("cpu", "cuda"):
        leaf = logits.clone().to(device).requires_grad_()
        criterion = LfmmiLoss(denominator, leaky=0.1, l2=1e-3, xent=0.1)
        out = criterion(leaf, numerators, torch.tensor([30, 20, 7], device=device), leaf * 0.5)
        out.loss.backward()
        found.append((out.loss.detach().cpu(), leaf.grad.cpu()))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-7)
