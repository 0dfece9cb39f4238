"""Jobs made of the rooms before this one: prepare, train, decode, the demo; each in a run directory, recorded.

Only what needs no torch is imported here, so that a notebook launches and watches runs at once; import the
jobs themselves from their modules.
"""

from .record import RunRecord
from .runs import Run, RunStatus, attach, launch
from .status import StatusWriter, Stopped

__all__ = ["Run", "RunRecord", "RunStatus", "StatusWriter", "Stopped", "attach", "launch"]
