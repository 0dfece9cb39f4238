"""NIST's sctk as an oracle. Run as a script (with sctk installed) to make sctk_golden.json anew."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

GOLDEN = Path(__file__).with_name("sctk_golden.json")
Utterances = dict[str, list[str]]


def installed() -> bool:
    return shutil.which("sctk") is not None


def corrupt(words: list[str], vocabulary: list[str], share: float, rng: random.Random) -> list[str]:
    """Words with about `share` of them substituted, deleted or followed by an insertion."""
    result = []
    for word in words:
        kind = rng.random() / share
        if kind < 0.5:
            result.append(rng.choice(vocabulary))
        elif kind >= 0.7:
            result.append(word)
        if 0.7 <= kind < 1:
            result.append(rng.choice(vocabulary))
    return result


def trial(seed: int, utterances: int, size: int, share_a: float, share_b: float) -> tuple[Utterances, ...]:
    """A reference and two corrupted copies over a vocabulary of `size` words."""
    rng = random.Random(seed)
    vocabulary = [f"w{n}" for n in range(size)]
    ids = [f"s{n % 7}-u{n:03d}" for n in range(utterances)]
    reference = {id: rng.choices(vocabulary, k=rng.randint(1, 16)) for id in ids}
    a = {id: corrupt(words, vocabulary, share_a, rng) for id, words in reference.items()}
    b = {id: corrupt(words, vocabulary, share_b, rng) for id, words in reference.items()}
    return reference, a, b


def sclite_sgml(reference: Path, hypothesis: Path, folder: Path) -> str:
    """sclite's alignments of two TRN files, as SGML."""
    options = ["-s", "-e", "utf-8", "-i", "spu_id", "-o", "sgml", "-O", str(folder), "-n", hypothesis.stem]
    command = ["sctk", "sclite", "-r", str(reference), "-h", str(hypothesis), *options]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / f"{hypothesis.stem}.sgml").read_text()


def steps(sgml: str) -> dict[str, str]:
    """The ops (C, S, I, D) of every utterance; words must hold neither colons nor quotes."""
    paths = re.findall(r'<PATH id="\((.*?)\)".*?>\n(.*?)\n?</PATH>', sgml, re.DOTALL)
    return {id: "".join(re.findall(r"(?:^|:)([CSID]),", path)) for id, path in paths}


def sc_stats(sgml_a: str, sgml_b: str, folder: Path) -> dict[str, float]:
    """What sc_stats prints of the matched pair test (its sign: a - b)."""
    command = ["sctk", "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-"]
    run = subprocess.run(command, input=sgml_a + sgml_b, check=True, capture_output=True, text=True, cwd=folder)
    found = re.search(r"# segs: (\d+).*mean: (\S+)\).*std dev: (\S+)\).*Z Stat: (\S+)\)", run.stdout)
    assert found, run.stdout
    return {"segments": int(found[1]), "mean": float(found[2]), "sd": float(found[3]), "z": float(found[4])}


def score(reference: Utterances, a: Utterances, b: Utterances, folder: Path) -> dict:
    """Everything sctk says of two hypotheses."""
    for name, words in (("ref", reference), ("a", a), ("b", b)):
        lines = "".join(f"{' '.join(utterance)} ({id})\n" for id, utterance in words.items())
        (folder / f"{name}.trn").write_text(lines)
    sgml = {name: sclite_sgml(folder / "ref.trn", folder / f"{name}.trn", folder) for name in "ab"}
    return {"a": steps(sgml["a"]), "b": steps(sgml["b"]), "mapsswe": sc_stats(sgml["a"], sgml["b"], folder)}


def main() -> None:
    import tempfile

    settings = [(1, 40, 3, 0.3, 0.4), (2, 60, 12, 0.15, 0.17), (3, 40, 30, 0.1, 0.5), (4, 8, 4, 0.9, 0.9)]
    golden = []
    for setting in settings:
        words = trial(*setting)
        with tempfile.TemporaryDirectory() as folder:
            made = score(*words, Path(folder))
        text = [{id: " ".join(utterance) for id, utterance in part.items()} for part in words]
        golden.append({"reference": text[0], "hypothesis a": text[1], "hypothesis b": text[2], "sctk": made})
    GOLDEN.write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
