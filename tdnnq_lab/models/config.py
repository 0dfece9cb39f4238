"""The shape of a TDNN-F, and the presets of the recipe, of the paper and of the shipped corpus."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class TdnnfConfig:
    """Everything that decides the shape of a `Tdnnf`; a value of JSON types, so that it travels with a model.

    Args:
        input_dim: features a frame (40: high-resolution MFCC).
        hidden_dim: width of tdnn1, of every factored layer and of the heads' wide layer.
        bottlenecks: low-rank dimension of tdnnf2, tdnnf3, ... in order.
        strides: time stride of the same layers, in input frames; 0: no splicing.
        prefinal_dim: width of prefinal-l and of the heads' narrow layer.
        num_pdfs: outputs of each head.
        bypass: share of a factored layer's input that is added to its output.
        ivector_dim: length of the i-vector appended to the spliced input; 0: none.
        splice: frame offsets that tdnn1 sees, rising.
        subsampling: one output frame every so many input frames.
        lda: keep a fixed affine transform of the spliced input (the recipe's LDA), as a buffer.
        xent_head: keep the cross-entropy head, which only training uses.

    Raises:
        ValueError: a dimension is not a whole number of at least 1, or bottlenecks and strides differ in length.
    """

    input_dim: int
    hidden_dim: int
    bottlenecks: tuple[int, ...]
    strides: tuple[int, ...]
    prefinal_dim: int
    num_pdfs: int
    bypass: float = 0.66
    ivector_dim: int = 0
    splice: tuple[int, ...] = (-1, 0, 1)
    subsampling: int = 3
    lda: bool = False
    xent_head: bool = True

    def __post_init__(self) -> None:
        for name in ("bottlenecks", "strides", "splice"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists, not tuples
        for name in ("input_dim", "hidden_dim", "prefinal_dim", "num_pdfs", "subsampling"):
            _whole(name, getattr(self, name), least=1)
        _whole("ivector_dim", self.ivector_dim, least=0)
        for bottleneck in self.bottlenecks:
            _whole("every bottleneck", bottleneck, least=1)
        for stride in self.strides:
            _whole("every stride", stride, least=0)
        if len(self.bottlenecks) != len(self.strides):
            raise ValueError(
                f"{len(self.bottlenecks)} bottlenecks but {len(self.strides)} strides: give one of each a layer"
            )
        if not self.splice or list(self.splice) != sorted(set(self.splice)):
            raise ValueError(f"splice must be rising frame offsets such as (-1, 0, 1), not {self.splice}")

    @property
    def spliced_dim(self) -> int:
        """Length of tdnn1's input vector: spliced features and the i-vector."""
        return self.input_dim * len(self.splice) + self.ivector_dim

    @property
    def context(self) -> tuple[int, int]:
        """Input frames that one output frame sees to its left and right (34 and 34 for the recipe)."""
        reach = sum(self.strides)
        return max(0, reach - self.splice[0]), max(0, reach + self.splice[-1])

    def to_json(self) -> str:
        """The configuration as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TdnnfConfig:
        """The inverse of `to_json`. Raises ValueError for text that is not such a configuration."""
        try:
            return cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a TDNN-F configuration: {error}") from error


def _whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
