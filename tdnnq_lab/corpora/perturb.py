"""Copies of an utterance at other speeds and volumes, as Kaldi's data perturbation makes them."""

import hashlib
from dataclasses import dataclass

import numpy as np
from lhotse import MonoCut
from lhotse.utils import fastcopy
from numpy.typing import NDArray

from .mfcc import MfccSettings


@dataclass(frozen=True)
class Variant:
    """One way to hear the corpus: MFCC settings, speed factor, range and seed of the volume factors."""

    settings: MfccSettings
    speed: float = 1.0
    volume: tuple[float, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.volume is not None and not 0 < self.volume[0] <= self.volume[1]:
            raise ValueError(f"volume is a range (low, high) of factors above 0, not {self.volume}")

    @property
    def suffix(self) -> str:
        """What ids and speakers of the copy end in: `_sp0.9`; nothing at speed 1."""
        return "" if self.speed == 1.0 else f"_sp{self.speed}"

    def of(self, cut: MonoCut) -> MonoCut:
        """The cut resampled, sped up and scaled; lhotse does so to the audio when it is loaded."""
        supervision = cut.supervisions[0]
        cut = cut.resample(self.settings.sampling_rate)
        if self.speed != 1.0:
            cut = cut.perturb_speed(self.speed)
            speaker = f"{supervision.speaker}{self.suffix}"
            cut = fastcopy(cut, supervisions=[fastcopy(cut.supervisions[0], speaker=speaker)])
        if self.volume is not None:
            cut = cut.perturb_volume(self.gain(cut.id), affix_id=False)
        return cut

    def gain(self, id: str) -> float:
        """Volume factor of a cut, uniform in the range (perturb_data_dir_volume.sh), from seed and id alone."""
        if self.volume is None:
            return 1.0
        low, high = self.volume
        digest = hashlib.sha256(f"{self.seed} {id}".encode()).digest()
        return round(low + (high - low) * int.from_bytes(digest[:8], "big") / 2**64, 4)

    def apply(self, cut: MonoCut, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What `of(cut)` does, done to the cut's own samples.

        Args:
            cut: the original cut.
            samples: (N,) at the cut's rate.

        Returns:
            (N',) at the settings' rate, as long as the perturbed cut says.
        """
        perturbed = self.of(cut)
        known = len(cut.recording.transforms or [])  # part of the original recording: already in the samples
        heard = samples[None]
        for transform in (perturbed.recording.transforms or [])[known:]:
            heard = transform(heard, perturbed.sampling_rate)
        wanted = perturbed.num_samples
        heard = heard[0, :wanted]
        return np.pad(heard, (0, wanted - heard.size), mode="edge").astype(np.float32, copy=False)
