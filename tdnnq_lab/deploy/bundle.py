"""A bundle: all that recognition needs in one folder, every part checked when it is opened.

model.safetensors   the packed model
HCLG.fst.xz         the decoding graph, compressed without loss
hclg.json           its description, words.txt its words, lexiconp.txt its pronunciations (as `Hclg.save`)
bundle.json         features, acoustic scale, search, size and SHA-256 of each part, and what is told about it
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..corpora import MfccSettings
from ..decoding.first_pass import check_options
from ..graphs import Hclg
from ..models import Tdnnf, TdnnfConfig, write_atomically
from ..quantize import BitPlan
from .packed import Packed, PackedReport, pack, read_packed
from .seal import BLANK, is_sealed, sealed

FORMAT, VERSION = "tdnnq-lab bundle", 1
MODEL, GRAPH, HEADER = "model.safetensors", "HCLG.fst.xz", "bundle.json"
GRAPH_FILES = ("hclg.json", "words.txt", "lexiconp.txt")
PARTS = (MODEL, GRAPH, *GRAPH_FILES)
BEAM, MAX_ACTIVE = 12.0, 3000


@dataclass(frozen=True)
class BundleReport:
    """What a bundle weighs.

    Attributes:
        bytes_on_disk: sum over its files.
        bytes_by_part: size of each file by its name.
        model: the parts of the packed model.
    """

    bytes_on_disk: int
    bytes_by_part: dict[str, int]
    model: PackedReport


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle.

    Attributes:
        packed: codes, α and vectors, and the plan; `packed.model()` is the network.
        hclg: the decoding graph.
        features: what the network was trained on.
        acoustic_scale, beam, max_active: as for `decoding.decode`.
        about: what its maker says of it.
    """

    packed: Packed
    hclg: Hclg
    features: MfccSettings
    acoustic_scale: float
    beam: float
    max_active: int
    about: dict[str, Any]


def make_bundle(
    folder: str | os.PathLike[str],
    model: nn.Module,
    plan: BitPlan,
    hclg: Hclg,
    *,
    acoustic_scale: float,
    features: MfccSettings | None = None,
    beam: float = BEAM,
    max_active: int = MAX_ACTIVE,
    about: Mapping[str, Any] | None = None,
) -> BundleReport:
    """Pack a model by a plan and put it beside its graph.

    Args:
        folder: made if missing; parts of a bundle in it are replaced, `bundle.json` last.
        model, plan: as for `pack`.
        hclg: of the phones that the model was trained on.
        acoustic_scale, beam, max_active: of the search (`decoding.decode`).
        features: their settings; None: the defaults.
        about: JSON values to travel with it: where it comes from, its licence.

    Returns:
        Bytes on disk by file. The same arguments give the same bytes.

    Raises:
        ValueError: as `pack`; a graph with more pdfs than the model; a model of other features, or one that needs
            i-vectors; a setting out of range; an `about` that is no JSON. Nothing is written then.
        OSError: the folder cannot be written.
    """
    check_options(acoustic_scale, beam, max_active)
    features = features or MfccSettings()
    if isinstance(model, Tdnnf):  # of anything else `pack` says that it does not take it
        _check(model.config, hclg, features)
    header: dict[str, Any] = {
        "sha256": BLANK,
        "format": f"{FORMAT} {VERSION}",
        "features": dataclasses.asdict(features),
        "acoustic_scale": float(acoustic_scale),
        "beam": float(beam),
        "max_active": int(max_active),
        "about": _json(about or {}),
    }
    with tempfile.TemporaryDirectory() as temporary:
        report = pack(model, plan, Path(temporary) / MODEL)
        parts = {MODEL: (Path(temporary) / MODEL).read_bytes(), **_graph_parts(hclg, Path(temporary))}
    header["parts"] = {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in parts.items()}
    parts[HEADER] = sealed((json.dumps(header, ensure_ascii=False, indent=1) + "\n").encode())
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, data in parts.items():
        write_atomically(Path(folder) / name, data)
    sizes = {name: len(data) for name, data in parts.items()}
    return BundleReport(sum(sizes.values()), sizes, report)


def read_bundle(folder: str | os.PathLike[str]) -> Bundle:
    """Open a bundle and check every part.

    Raises:
        FileNotFoundError: there is no bundle, or a part of it is missing; it is named.
        ValueError: a part is damaged or was changed, or the bundle is of a newer version; it is named.
    """
    folder = Path(folder)
    header = _read_header(folder)
    try:
        expected = {name: header["parts"][name] for name in PARTS}
        settings = MfccSettings(**header["features"])
        search = {name: header[name] for name in ("acoustic_scale", "beam", "max_active")}
        about = header["about"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / HEADER}: not the description of a bundle ({error})") from error
    parts = {name: _read_part(folder / name, expected[name]) for name in PARTS}
    packed, hclg = read_packed(folder / MODEL), _hclg(folder, parts)
    _check(packed.config, hclg, settings)
    return Bundle(packed, hclg, settings, **search, about=about)


def _check(config: TdnnfConfig, hclg: Hclg, features: MfccSettings) -> None:
    """ValueError unless model, graph and features belong together."""
    if config.ivector_dim:
        raise ValueError("the model needs i-vectors, which transcription does not extract")
    if config.input_dim != features.num_ceps:
        raise ValueError(f"the model takes {config.input_dim} features a frame, the bundle's are {features.num_ceps}")
    if hclg.topology.num_pdfs > config.num_pdfs:
        asked = hclg.topology.num_pdfs
        raise ValueError(
            f"the graph asks for {asked} pdfs, the model has {config.num_pdfs}: take the model's own graph"
        )


def _json(about: Mapping[str, Any]) -> Any:
    try:
        return json.loads(json.dumps(dict(about), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"about must be of JSON values ({error})") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _graph_parts(hclg: Hclg, temporary: Path) -> dict[str, bytes]:
    hclg.save(temporary)
    raw = (temporary / "HCLG.fst").read_bytes()
    compressed = lzma.compress(raw, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)
    return {GRAPH: compressed, **{name: (temporary / name).read_bytes() for name in GRAPH_FILES}}


def _hclg(folder: Path, parts: Mapping[str, bytes]) -> Hclg:
    """The graph, through a folder of its own: kaldifst reads files only."""
    with tempfile.TemporaryDirectory() as temporary:
        try:
            (Path(temporary) / "HCLG.fst").write_bytes(lzma.decompress(parts[GRAPH], format=lzma.FORMAT_XZ))
            for name in GRAPH_FILES:
                (Path(temporary) / name).write_bytes(parts[name])
            return Hclg.load(temporary)
        except (ValueError, lzma.LZMAError) as error:
            message = str(error).replace(f"{temporary}{os.sep}", "")
            raise ValueError(f"{folder}: its graph cannot be read ({message})") from error


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / HEADER
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a bundle is a folder that make_bundle has written")
    data = path.read_bytes()
    try:
        header = json.loads(data)
        found = re.fullmatch(rf"{FORMAT} ([0-9]{{1,9}})", header["format"])
        digest = str(header["sha256"])
    except (KeyError, RecursionError, TypeError, ValueError):
        raise ValueError(f"{path}: damaged, or not the description of a bundle") from None
    if not found:
        raise ValueError(f"{path}: its format is {header['format']!r}, not {FORMAT!r}")
    if int(found[1]) > VERSION:
        raise ValueError(f"{path}: its format version {found[1]} is newer than {VERSION}: update tdnnq-lab")
    if not is_sealed(data, digest):
        raise ValueError(f"{path}: damaged or changed since it was made; fetch the bundle again")
    return header


def _read_part(path: Path, expected: Mapping[str, Any]) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: this part of the bundle is missing; fetch the bundle again")
    data = path.read_bytes()
    if _sha256(data) != expected["sha256"]:
        raise ValueError(f"{path}: this part of the bundle is damaged or of another one; fetch the bundle again")
    return data
