"""Do text and sound match? An independent recogniser listens to clean turns of every speaker.

`python -m data_small.generate.check --cache DIR` writes `voice_check.tsv`: words wrong by speaker. pocketsphinx
(its English model is in the wheel) was made from other people's speech and knows nothing of ours; its language
model is its own general one, so the figures tell garbled from clear, and no more.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from . import synth
from .cast import Utterance, calls, utterances
from .conditions import generator

HERE = Path(__file__).parent
RESULT = HERE / "voice_check.tsv"
RATE = 16_000  # Hz, pocketsphinx's
TURNS = 8  # a speaker
FILLERS = {"UM", "UH", "UH-HUH", "MM", "HMM", "HUH", "OH"}  # its general model does not know them
Turn = tuple[str, str, str]  # speaker, text, path of the clean wav


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Levenshtein distance between two word sequences."""
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(hypothesis, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def normalise(text: str) -> list[str]:
    """Upper-case words without fillers, marks of pronunciation variants and apostrophes."""
    words = re.sub(r"\(\d+\)|<[^>]*>|\[[^]]*\]", " ", text).upper().split()
    return [word.replace("'", "") for word in words if word not in FILLERS]


def listen(turns: Sequence[Turn]) -> tuple[str, int, int]:
    """Speaker, words and word errors over the turns of one speaker."""
    from pocketsphinx import Decoder  # only the check needs it

    decoder, words, wrong = Decoder(loglevel="FATAL"), 0, 0
    for _, text, path in turns:
        samples, _ = soundfile.read(path)
        samples = resample_poly(samples, RATE // 8_000, synth.RATE // 8_000)
        pcm = (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp().hypstr if decoder.hyp() else ""
        reference = normalise(text)
        words, wrong = words + len(reference), wrong + edits(reference, normalise(found))
    return turns[0][0], words, wrong


def sample(turns: Sequence[Utterance], cache: Path) -> dict[str, list[Turn]]:
    """`TURNS` turns of at least six words of every speaker, drawn by seed."""
    mine: dict[str, list[Turn]] = {}
    order = generator("check").permutation(len(turns))
    for turn in (turns[i] for i in order):
        chosen = mine.setdefault(turn.speaker.name, [])
        if len(chosen) < TURNS and len(turn.text.split()) >= 6:
            chosen.append((turn.speaker.name, turn.text, str(turn.job.path(cache))))
    return mine


def main() -> None:
    """Listen to every speaker and write the table."""
    parser = argparse.ArgumentParser(prog="python -m data_small.generate.check", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    lexicon = synth.read_lexicon(HERE / "lexicon_stress.txt")
    turns = [turn for call in calls() for turn in utterances(call, lexicon)]
    jobs = list(sample(turns, options.cache).values())
    with get_context("spawn").Pool(options.processes) as pool:
        found = sorted(pool.imap_unordered(listen, jobs), key=lambda row: row[2] / row[1])
    lines = [f"{name}\t{words}\t{wrong}\t{100 * wrong / words:.1f}" for name, words, wrong in found]
    text = "\n".join(["speaker\twords\terrors\tpercent", *lines]) + "\n"
    partial = RESULT.with_suffix(".tmp")
    partial.write_text(text, "utf-8")
    os.replace(partial, RESULT)
    print(text, end="")


if __name__ == "__main__":
    main()
