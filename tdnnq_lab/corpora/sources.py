"""`cuts(source, split)`: one way in, whatever the corpus."""

from pathlib import Path

from lhotse import CutSet

from .data_small import find_data_small, read_data_small
from .kaldi import read_kaldi
from .manifests import read_manifest
from .report import Report

SOURCES = "data_small, data_small:DIR, kaldi:DIR, lhotse:FILE"


def cuts(source: str, split: str = "", *, report: Report | None = None, keep_empty: bool = False) -> CutSet:
    """Reads the utterances of a corpus.

    Args:
        source: `"data_small"` (the shipped corpus), `"data_small:DIR"`, `"kaldi:DIR"` (data directories
            DIR/split, or DIR itself where it is one and `split` is empty or its name) or `"lhotse:FILE"` (a
            cuts manifest; `{split}` in FILE is replaced, otherwise `split` is not used).
        split: "train", "dev", "test_seen" … or the name of a data directory.
        report: collects what was left out; without one it is printed at the end.
        keep_empty: keep utterances with an empty transcript; they are left out otherwise, counted and named.

    Returns:
        A CutSet of one MonoCut an utterance: `cut.id` is its id, its one supervision has `text` (words
        separated by single spaces) and `speaker`, and `custom` what else is known. Audio keeps its own rate.

    Raises:
        FileNotFoundError: the corpus, a list or an audio file is missing.
        ValueError: an unknown source, or a corpus that cannot be read; the message names file and line.

    Example:
        >>> train = cuts("data_small", "train")  # doctest: +SKIP
    """
    collected = Report() if report is None else report
    kind, _, place = source.partition(":")
    if kind == "data_small":
        folder = Path(place).expanduser() if place else find_data_small()
        found = read_data_small(folder, split, collected, keep_empty=keep_empty)
    elif kind == "kaldi" and place:
        found = read_kaldi(_kaldi_folder(Path(place).expanduser(), split), collected, keep_empty=keep_empty)
    elif kind == "lhotse" and place:
        path = Path(place.replace("{split}", split)).expanduser()
        found = read_manifest(path, collected, keep_empty=keep_empty)
    else:
        raise ValueError(_unknown(source))
    if not len(found):
        reasons = "; ".join(collected.lines()) or "its lists are empty"
        raise ValueError(f"no usable utterance in {source} {split}: {reasons}")
    if report is None:
        collected.show()
    return found


def _kaldi_folder(folder: Path, split: str) -> Path:
    """DIR/split, or DIR itself where it holds wav.scp and is what was asked for."""
    if split and (folder / split).is_dir():
        return folder / split
    if (folder / "wav.scp").is_file() and split in ("", folder.resolve().name):
        return folder
    if not folder.is_dir():
        raise FileNotFoundError(f"Kaldi data directory {folder} does not exist")
    splits = ", ".join(sorted(path.parent.name for path in folder.glob("*/wav.scp"))) or "none"
    raise FileNotFoundError(f"{folder} has no data directory '{split}' (with a wav.scp); it has: {splits}")


def _unknown(source: str) -> str:
    if source.startswith("switchboard"):
        return (
            f"'{source}' cannot be read directly yet: prepare Switchboard with Kaldi's egs/swbd/s5c and name its "
            "data folder as kaldi:DIR"
        )
    return f"unknown source '{source}'; sources are {SOURCES}"
