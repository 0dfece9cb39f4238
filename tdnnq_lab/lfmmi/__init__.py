"""The criterion of the paper's baseline: lattice-free MMI, from forward-backward to the loss.

`forward_backward` sums over every path of a graph and says how often each pdf is visited at each frame;
`LfmmiLoss` is the difference of two such sums. `reference.py` is the recursion as a textbook prints it, in the log
domain; `fast.py` the same in the probability domain, over graphs as `layout.py` sorts them, in the loops of
`kernels.py`; `sparse_torch.py` the same for a GPU; `k2_twin.py` the same by k2, to compare with.
"""

from .forward_backward import forward_backward
from .loss import LfmmiLoss, LfmmiOutput
from .reference import forward_backward_reference

__all__ = ["LfmmiLoss", "LfmmiOutput", "forward_backward", "forward_backward_reference"]
