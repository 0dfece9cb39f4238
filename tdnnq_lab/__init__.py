"""tdnnq-lab: extreme compression of a hybrid speech recogniser, to understand and to do.

The rooms are the pipeline; each imports only rooms before it:

    scoring -> corpora -> graphs -> lfmmi -> models -> training -> search -> quantize -> precision -> decoding
    -> deploy -> experiments -> ui

`import tdnnq_lab` loads none of them. A room is loaded when it is first used:

>>> import tdnnq_lab
>>> tdnnq_lab.scoring.wer({"a": ["yes"]}, {"a": ["no"]}).percent
100.0
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

ROOMS = (
    "scoring",
    "corpora",
    "graphs",
    "lfmmi",
    "models",
    "training",
    "search",
    "quantize",
    "precision",
    "decoding",
    "deploy",
    "experiments",
    "ui",
)


def __getattr__(name: str) -> ModuleType:
    """Load a room at its first use (PEP 562).

    Raises:
        AttributeError: There is no such room, or it is not built yet.
    """
    if name in ROOMS:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise  # the room is there; something that it needs is not
            raise AttributeError(f"the room tdnnq_lab.{name} is not built yet") from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its rooms are {', '.join(ROOMS)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *ROOMS})
