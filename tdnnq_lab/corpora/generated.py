"""Text from the grammar that wrote `data_small`: made when needed, not stored."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from .data_small import find_data_small

_PACKAGE = "_tdnnq_data_small_generate"


def generated_sentences(words: int, seed: int = 0, folder: str | Path | None = None) -> Iterator[list[str]]:
    """Sentences of the corpus's own grammar, at least so many words in all, none of them a turn of the corpus.

    Args:
        words: how many to draw.
        seed: the same seed gives the same sentences.
        folder: of the corpus; None: the shipped one.

    Raises:
        FileNotFoundError: the folder has no generator (`generate/text.py`).
    """
    place = Path(folder) if folder else find_data_small()
    yield from _grammar(place / "generate").sentences(seed, words)


def _grammar(folder: Path) -> ModuleType:
    """The module `text` of the generator, imported from where the corpus lies; it needs the standard library alone."""
    path = folder / "text.py"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the corpus's generator writes the text of its language model")
    name = f"{_PACKAGE}.text"
    if name not in sys.modules or getattr(sys.modules[name], "__file__", None) != str(path):
        for part, file in ((_PACKAGE, folder / "__init__.py"), (name, path)):
            spec = importlib.util.spec_from_file_location(part, file, submodule_search_locations=[str(folder)])
            if spec is None or spec.loader is None:
                raise FileNotFoundError(f"{file} cannot be imported as a Python module")
            sys.modules[part] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[part])
    return sys.modules[name]
