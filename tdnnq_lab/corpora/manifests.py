"""lhotse cuts manifests (`.jsonl`, `.jsonl.gz`), taken as they are but checked."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lhotse import CutSet, MonoCut
from lhotse.serialization import deserialize_item
from lhotse.utils import fastcopy

from . import audio
from .report import Report, first_few


def read_manifest(path: Path, report: Report, *, keep_empty: bool = False) -> CutSet:
    """Reads a lhotse cuts manifest: one MonoCut an utterance; a cut with several supervisions becomes several.

    Audio paths may be relative to the manifest, to its folder's parent or to the current folder.

    Args:
        path: a `.jsonl` or `.jsonl.gz` file of cuts.
        report: receives what was left out.
        keep_empty: keep utterances whose transcript is empty.

    Raises:
        FileNotFoundError: the manifest or an audio file it names is missing.
        ValueError: a line that is not a MonoCut with a recording, audio from a command or the network, a
            duplicate id; the message names file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"lhotse manifest {path} does not exist")
    cuts: dict[str, MonoCut] = {}
    missing: list[str] = []
    places: dict[str, Path | None] = {}
    for where, item in _items(path):
        cut = _mono_cut(item, where)
        if not cut.supervisions:
            report.skip("cut without a supervision", f"{cut.id} ({where})")
            continue
        cut = _with_found_audio(cut, path.parent, where, places, missing)
        for utterance in _utterances(cut, where):
            if utterance.id in cuts:
                raise ValueError(f"{where}: id '{utterance.id}' appears again; remove one of the two")
            if not utterance.supervisions[0].text and not keep_empty:
                report.skip("empty transcript", f"{utterance.id} ({where})")
            else:
                cuts[utterance.id] = utterance
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} audio files of {path} do not exist: {first_few(missing)}; relative paths are taken "
            f"from {path.parent}, its parent and the current folder"
        )
    return CutSet.from_cuts(cuts.values())


def _items(path: Path) -> Iterator[tuple[str, Any]]:
    """The JSON lines of a manifest with `FILE:LINE`."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}); copy it again") from error
    except ValueError as error:
        raise ValueError(f"{path}:{number}: not a JSON line ({error}); a lhotse manifest is one cut a line") from error


def _mono_cut(item: Any, where: str) -> MonoCut:
    kind = item.get("type") if isinstance(item, dict) else type(item).__name__
    if kind != "MonoCut":
        raise ValueError(f"{where}: holds {kind or 'something else'} where a MonoCut was expected; write a CutSet")
    try:
        cut = deserialize_item(item)
    except Exception as error:  # lhotse raises whatever its dataclasses raise
        raise ValueError(f"{where}: not a lhotse cut ({type(error).__name__}: {error})") from error
    if cut.recording is None:
        raise ValueError(f"{where}: cut '{cut.id}' has no recording; features are computed from audio")
    for source in cut.recording.sources:
        if source.type not in ("file", "memory"):
            raise ValueError(
                f"{where}: audio of '{cut.id}' comes from a {source.type} ({source.source!r}), which is never run or "
                "fetched; write the audio to files"
            )
    return cut


def _with_found_audio(
    cut: MonoCut, folder: Path, where: str, places: dict[str, Path | None], missing: list[str]
) -> MonoCut:
    """Makes the audio paths of a cut such that they open from here; `places` remembers the paths looked up."""
    sources = []
    for source in cut.recording.sources:
        name = source.source
        if source.type == "file":
            if name not in places:
                places[name] = _found(name, folder, where, missing)
            source = fastcopy(source, source=str(places[name] or name))
        sources.append(source)
    return fastcopy(cut, recording=fastcopy(cut.recording, sources=sources))


def _found(name: str, folder: Path, where: str, missing: list[str]) -> Path | None:
    path = audio.locate(name, folder)
    if path is None:
        missing.append(f"{name} ({where})")
    elif audio.is_sphere(path):
        audio.read_sphere_without_shell()
    return path


def _utterances(cut: MonoCut, where: str) -> list[MonoCut]:
    """One cut a supervision, named after it where there are several."""
    single = len(cut.supervisions) == 1
    parts = [cut] if single else cut.trim_to_supervisions(keep_overlapping=False)
    made = []
    for part in parts:
        supervision = part.supervisions[0]
        text = " ".join((supervision.text or "").split())
        speaker = str(supervision.speaker or supervision.id)
        supervision = fastcopy(supervision, text=text, speaker=speaker)
        id = str(cut.id if single else supervision.id)
        made.append(fastcopy(part, id=id, supervisions=[supervision], features=None))
    return made
