"""Small corpora and signals that the tests of this folder write."""

from pathlib import Path
from uuid import uuid4

import numpy as np
import soundfile
from lhotse import CutSet, Features, MonoCut, Recording, SupervisionSegment
from lhotse.audio import AudioSource

from tdnnq_lab.corpora import store

RATE = 8000


def noise(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Quiet noise with a tone in it, float32."""
    n = round(seconds * rate)
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(n) / rate)
    return (tone + 0.02 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def write_audio(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Writes (N,) or (N, channels) in the format that the suffix says; .opus, .sph and .wv1 too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    formats = {".opus": ("OGG", "OPUS"), ".sph": ("NIST", "PCM_16"), ".wv1": ("NIST", "ULAW")}
    format, subtype = formats.get(path.suffix, (None, None))
    soundfile.write(path, samples, rate, format=format, subtype=subtype)
    return path


def write_lists(folder: Path, **lists: str) -> Path:
    """Writes Kaldi lists: `wav_scp` becomes wav.scp, other names stay; lines lose their indentation."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in lists.items():
        lines = [line.strip(" ") for line in content.strip("\n").split("\n")]
        text = "\n".join(line for line in lines if line) + "\n"
        (folder / name.replace("_", ".")).write_bytes(text.encode())
    return folder


def small_kaldi(root: Path, suffix: str = ".wav") -> Path:
    """A data directory of two recordings of 4 s, three segments and two speakers; paths relative to it."""
    for name, seed in (("rec1", 1), ("rec2", 2)):
        write_audio(root / "data" / f"{name}{suffix}", noise(4.0, seed))
    return write_lists(
        root / "data",
        wav_scp=f"rec1 rec1{suffix}\n rec2 rec2{suffix}",
        segments="u1 rec1 0.0 1.5\n u2 rec1 1.5 3.0\n u3 rec2 0.5 4.0",
        text="u1 HELLO WORLD\n u2 YES\n u3 HELLO AGAIN",
        utt2spk="u1 anna\n u2 anna\n u3 ben",
    )


HEADER = ["utterance", "file", "start", "end", "call", "side", "call_start", "speaker", "gender", "accent"]
HEADER += ["topic", "conditions", "text"]


def small_data_small(root: Path) -> Path:
    """A data_small of one split: one call, two sides, three turns."""
    a, b = noise(3.0, 1), noise(2.0, 2)
    write_audio(root / "audio" / "train" / "c1-A.opus", a)
    write_audio(root / "audio" / "train" / "c1-B.opus", b)
    rows = [
        ["c1-A-1", "audio/train/c1-A.opus", "0.0", "1.0", "c1", "A", "0.5", "s1", "f", "us", "pets", "snr=20", "HI"],
        ["c1-B-1", "audio/train/c1-B.opus", "0.2", "1.8", "c1", "B", "1.6", "s2", "m", "uk", "pets", "", "OH  WELL"],
        ["c1-A-2", "audio/train/c1-A.opus", "1.1", "2.9", "c1", "A", "3.0", "s1", "f", "us", "pets", "snr=20", "BYE"],
    ]
    write_table(root / "train.tsv", rows)
    return root


def write_table(path: Path, rows: list[list[str]], header: list[str] | None = None) -> None:
    """Writes a tab-separated list of data_small."""
    lines = ["\t".join(row) for row in [header or HEADER, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def featured(folder: Path, matrices: list[np.ndarray]) -> CutSet:
    """Cuts `u0`, `u1` … with given features (T, F), kept as the cache keeps them; there is no audio."""
    name = uuid4().hex  # as in the cache, a name never gets another content
    ids = [f"u{i}" for i in range(len(matrices))]
    firsts = np.cumsum([0] + [len(matrix) for matrix in matrices])
    index = store.Index({id: (int(first), len(m)) for id, first, m in zip(ids, firsts, matrices, strict=False)})
    store.save(folder, name, index, [m.astype(np.float32) for m in matrices], matrices[0].shape[1])
    path = str(folder / f"{name}.npy")
    cuts = []
    for id, matrix in zip(ids, matrices, strict=True):
        seconds = (len(matrix) + 2) / 100
        recording = Recording(id, [AudioSource("file", [0], "none.wav")], RATE, round(seconds * RATE), seconds)
        first, rows = index.spans[id]
        manifest = Features(
            "kaldi-mfcc", rows, matrix.shape[1], 0.01, RATE, 0.0, seconds, "tdnnq_npy", path, f"{first}:{rows}", id, 0
        )
        supervision = SupervisionSegment(id, id, 0.0, seconds, text=f"WORD {id}", speaker=f"spk-{id}")
        cuts.append(MonoCut(id, 0.0, seconds, 0, [supervision], manifest, recording))
    return CutSet.from_cuts(cuts)
