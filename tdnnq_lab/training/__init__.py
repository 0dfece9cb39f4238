"""One training loop for every model: schedules, weight averaging, checkpoints, resume, metrics.

`train` runs a model over batches and leaves averaged weights in a run directory. A run that is killed goes
on from its last checkpoint and ends in the same bytes; a batch that is not finite is skipped and counted.
"""

from .averaging import WeightAverage
from .batches import Batches, SameEveryEpoch, TrainingBatch, as_batches
from .checkpoints import DamagedFile, checkpoints, load_into, read_tensors, write_tensors
from .files import write_atomic, write_json
from .loop import train
from .optimiser import ParameterGroup
from .report import Progress, TrainReport
from .settings import TrainSettings, learning_rate
from .state import seed_everything, weights_sha256

__all__ = [
    "Batches",
    "DamagedFile",
    "ParameterGroup",
    "Progress",
    "SameEveryEpoch",
    "TrainReport",
    "TrainSettings",
    "TrainingBatch",
    "WeightAverage",
    "as_batches",
    "checkpoints",
    "learning_rate",
    "load_into",
    "read_tensors",
    "seed_everything",
    "train",
    "weights_sha256",
    "write_atomic",
    "write_json",
    "write_tensors",
]
