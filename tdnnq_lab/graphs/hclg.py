"""The decoding graph: made from a lexicon, an n-gram and a topology; saved and loaded as one folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .arpa import read_arpa
from .files import atomic
from .lexicon import Lexicon
from .ngram import BOS, EOS, Ngram
from .topology import Topology
from .tying import Tying

if TYPE_CHECKING:
    from kaldifst import StdConstFst

FORMAT = "tdnnq-lab hclg 1"
_FILES = ("HCLG.fst", "words.txt", "lexiconp.txt")


@dataclass(eq=False)
class Hclg:
    """A decoding graph and what reads its labels.

    Args:
      fst: OpenFst graph; input label pdf + 1 (0: no frame), output label an index of `words`; costs are negative
        natural logs of the word n-gram, the pronunciation, the silences and the transitions (0.5 a frame).
      words: words by output label; label 0 is no word.
      lexicon: the pronunciations it was made with.
      topology: the pdfs it was made with.
      info: states, arcs, n-grams of each order, `unheard` (lexicon words the language model lacks, which can
        never be recognised) and `unspoken` (number of language model words the lexicon lacks, left out).
    """

    fst: StdConstFst
    words: list[str]
    lexicon: Lexicon
    topology: Topology
    info: dict[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write `HCLG.fst`, `words.txt`, `lexiconp.txt`, `phones.txt` (Kaldi's forms) and `hclg.json`.

        Every file is renamed into place when complete, `hclg.json`, which has the others' checksums, last.

        Raises:
          OSError: the folder cannot be made or written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / "HCLG.fst") as temporary:
            if not self.fst.write(str(temporary)):
                raise OSError(f"{folder / 'HCLG.fst'}: cannot write it (is the disk full?)")
        _write_table(folder / "words.txt", self.words)
        _write_table(folder / "phones.txt", list(self.topology.phones))
        self.lexicon.write(folder / "lexiconp.txt")
        header = {
            "format": FORMAT,
            "phones": list(self.topology.phones),
            "tying": None if self.topology.tying.is_monophone else self.topology.table.tolist(),
            "silence": self.lexicon.silence,
            "silence_probability": self.lexicon.silence_probability,
            "edge_silence_probability": self.lexicon.edge_silence_probability,
            "info": self.info,
            "sha256": {name: _sha256(folder / name) for name in _FILES},
        }
        with atomic(folder / "hclg.json") as temporary:
            temporary.write_text(json.dumps(header, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Hclg:
        """Read what `save` wrote.

        Raises:
          FileNotFoundError: the folder or one of its files is missing.
          ValueError: a file is damaged or does not belong to the others.
        """
        import kaldifst

        folder = Path(folder)
        header = _read_header(folder)
        for name, digest in header["sha256"].items():
            if _sha256(folder / name) != digest:
                raise ValueError(f"{folder / name}: damaged, or of another graph than hclg.json; make the graph again")
        lexicon = Lexicon.from_file(
            folder / "lexiconp.txt",
            silence=header["silence"],
            silence_probability=header["silence_probability"],
            edge_silence_probability=header["edge_silence_probability"],
            phones=header["phones"],
        )
        with open(folder / "words.txt", encoding="utf-8", newline="\n") as file:
            words = [line.rstrip("\n").rpartition(" ")[0] for line in file]
        fst = kaldifst.StdConstFst.read(str(folder / "HCLG.fst"))
        tying = Tying(np.array(header["tying"], np.int32)) if header.get("tying") else None
        topology = Topology(header["phones"], *([tying] if tying else []))
        return cls(fst, words, lexicon, topology, header["info"])


def hclg(
    lexicon: Lexicon,
    arpa: str | Path | Ngram,
    topology: Topology,
    out_dir: str | Path | None,
    *,
    prune: float = 0.0,
) -> Hclg:
    """Make the decoding graph of a lexicon, a word n-gram and a topology.

    A path costs -log P(words) of the n-gram (its back-off included), -log of each pronunciation's probability, -log
    of each silence or its absence, and log 2 a frame. Words outside the lexicon are left out of the n-gram, as in
    Kaldi, without scaling up the rest.

    Args:
      lexicon: pronunciations and silence probabilities.
      arpa: file in the ARPA format, or a model.
      topology: its phones must include the lexicon's.
      out_dir: where to save the graph; None: nowhere.
      prune: threshold of `Ngram.prune`, applied first; 0: not at all.

    Raises:
      FileNotFoundError, ValueError: the ARPA file is missing or bad; lexicon and language model share no word; a
        phone of the lexicon is not in the topology.
      OSError: `out_dir` cannot be written.
    """
    import kaldifst

    from .hclg_build import build

    model = arpa if isinstance(arpa, Ngram) else read_arpa(arpa)
    if prune:
        model = model.prune(prune)
    graph, words = build(lexicon, model, topology)
    fst = kaldifst.StdConstFst(graph)
    spoken = set(words)
    info = {
        "states": graph.num_states,
        "arcs": sum(graph.num_arcs(state) for state in range(graph.num_states)),
        "ngrams": model.sizes(),
        "unheard": [word for word in lexicon.pronunciations if word not in spoken],
        "unspoken": sum(len(g) == 1 and g[0] not in spoken and g[0] not in (BOS, EOS) for g in model.probs),
    }
    made = Hclg(fst, words, lexicon, topology, info)
    if out_dir is not None:
        made.save(out_dir)
    return made


def _write_table(path: Path, names: list[str]) -> None:
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{name} {i}\n" for i, name in enumerate(names))


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; make the graph with hclg(…)")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / "hclg.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; make the graph with hclg(…)")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] == FORMAT:
            return header
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path}: not the description of a graph ('{FORMAT}'); make the graph again")
