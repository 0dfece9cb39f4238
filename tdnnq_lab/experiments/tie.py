"""From monophones to left biphones: a trained model aligns its own training speech, a tree ties what sounds alike."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from lhotse import CutSet
from numpy.typing import NDArray

from ..corpora import Report
from ..decoding import phone_segments
from ..graphs import Fsa, Topology, Tying, denominator, hclg
from ..graphs.tree import Statistics, grow_tree
from ..models import Tdnnf
from .acoustic import make_numerators
from .alignments import align
from .prepare import INITIAL, Prepared, Say
from .record import write_json

LEAVES, MINIMUM = 300, 200.0
COPIED = ("phone_lm.safetensors", "*.arpa")


def own_speed(prepared: Prepared, report: Report) -> tuple[CutSet, dict[str, Fsa]]:
    """The training utterances at their own speed that can be aligned, and their numerators."""
    cuts = prepared.cuts(prepared.settings.train).filter(lambda cut: "_sp" not in cut.id).to_eager()
    numerators = make_numerators(prepared, cuts, report)
    return cuts.filter(lambda cut: cut.id in numerators).to_eager(), numerators


def described(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the tree sees of each output frame: the cepstra of its input frame and how they change there, (T', 2F)."""
    x = features.astype(np.float64)
    at = np.arange(0, len(x), 3)
    change = x[np.minimum(at + 2, len(x) - 1)] - x[np.maximum(at - 2, 0)]
    return np.concatenate([x[at], change], axis=1)


def gather(model: Tdnnf, prepared: Prepared, report: Report) -> Statistics:
    """Sums of the described frames by left context, phone and kind of pdf, each dimension scaled to a variance of 1.

    Raises:
      ValueError: no utterance could be aligned.
    """
    topology, n = prepared.topology, prepared.topology.num_phones
    counts: NDArray[np.float64] = np.zeros((n + 1) * n * 2)
    sums = squares = np.zeros((len(counts), 0))
    for cut, pdfs in align(model, *own_speed(prepared, report), report):
        x = described(cut.load_features())
        place = places(pdfs, topology)
        if not sums.shape[1]:
            sums, squares = (np.zeros((len(counts), x.shape[1])) for _ in range(2))
        np.add.at(counts, place, 1.0)
        np.add.at(sums, place, x)
        np.add.at(squares, place, x**2)
    frames = max(1.0, counts.sum())
    mean = sums.sum(0) / frames
    scale = 1 / np.sqrt(np.maximum(squares.sum(0) / frames - mean**2, 1e-12))
    squares = (squares - 2 * sums * mean + counts[:, None] * mean**2) * scale**2
    sums = (sums - counts[:, None] * mean) * scale
    shape = (n + 1, n, 2)
    return Statistics(counts.reshape(shape), sums.reshape(*shape, -1), squares.reshape(*shape, -1))


def places(pdfs: NDArray[np.int32], topology: Topology) -> NDArray[np.int64]:
    """For each frame of a path the flat index of (left context, phone, kind)."""
    n = topology.num_phones
    kinds = topology.owners[pdfs, 1]
    lefts, phones, left = [], [], -1
    for name, first, after in phone_segments(pdfs, topology):
        phone = topology.index(name)
        lefts += [left + 1] * (after - first)
        phones += [phone] * (after - first)
        left = phone
    return np.ravel_multi_index((np.array(lefts), np.array(phones), kinds), (n + 1, n, 2))


def make_tying(model: Tdnnf, prepared: Prepared, method: str, leaves: int, minimum: float, report: Report) -> Tying:
    """Tie by a tree ("tree": so many leaves), or by how often pairs were seen ("counts": `minimum` times).

    Raises:
      ValueError: another method.
    """
    if method not in ("tree", "counts"):
        raise ValueError(f"biphones are tied by 'tree' or 'counts', not '{method}'")
    statistics = gather(model, prepared, report)
    if method == "counts":
        return Tying.from_counts(statistics.counts[..., 0], minimum)  # one entering frame an occurrence
    silence = prepared.lexicon.silence
    return grow_tree(statistics, leaves, minimum, whole=[] if silence is None else [prepared.topology.index(silence)])


def run_tie(
    prepared: str | Path,
    model: Tdnnf,
    out: str | Path,
    *,
    method: str = "tree",
    leaves: int = LEAVES,
    minimum: float = MINIMUM,
    say: Say = print,
) -> Prepared:
    """Make a prepared folder whose pdfs are left biphones; its features are those of the folder it is made from.

    Args:
      prepared: with monophones. model: trained on it.
      out: made; left alone if it is already there with the same settings.
      method, leaves, minimum: as `make_tying`.

    Raises:
      ValueError: `out` was tied otherwise, `prepared` is tied already, or the model has other outputs.
    """
    data, folder = Prepared.load(prepared), Path(out)
    told = {"method": method, "leaves": leaves, "minimum": minimum}
    if (folder / "prepared.json").is_file():
        found = Prepared.load(folder)
        if (found.facts.get("tying") or {}).get("settings") == told:
            return found
        raise ValueError(f"{folder} was tied otherwise; choose another folder, or remove it")
    if not data.topology.tying.is_monophone or model.config.num_pdfs != data.topology.num_pdfs:
        asked = f"monophones ({data.topology.num_pdfs} pdfs) and a model of as many ({model.config.num_pdfs})"
        raise ValueError(f"tying begins from {asked}: train one on a folder that `tdnnq-lab prepare` made")
    report = Report()
    tying = make_tying(model, data, method, leaves, minimum, report)
    report.show()
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(path for pattern in COPIED for path in data.folder.glob(pattern)):
        shutil.copyfile(path, folder / path.name)
    tying.save(folder / "tying.json", data.lexicon.phones)
    den = _graphs(data, folder, Topology(data.lexicon.phones, tying))
    say(f"{tying.num_pdfs} pdfs; denominator of {den.num_states} states, {den.num_arcs} arcs")
    facts = json.loads(json.dumps(data.facts))
    facts["denominator"] = {"states": den.num_states, "arcs": den.num_arcs, "pdfs": tying.num_pdfs}
    facts["features"] = str(data.features.absolute())
    facts["tying"] = {"settings": told, "pdfs": tying.num_pdfs}
    write_json(folder / "prepared.json", facts)
    return Prepared.load(folder)


def _graphs(data: Prepared, folder: Path, topology: Topology) -> Fsa:
    """Denominator and decoding graphs of the tied pdfs."""
    den = denominator(data.phone_lm, topology, initial=INITIAL)
    den.save(folder / "denominator.safetensors")
    for arpa in sorted(folder.glob("*.arpa")):
        hclg(data.lexicon, arpa, topology, folder / "graphs" / arpa.stem)
    return den
