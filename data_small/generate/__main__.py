"""`python -m data_small.generate --cache DIR`: make the corpus again, from the packages' voices to the lists."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from . import synth
from .assemble import assemble
from .cast import Call, calls, utterances
from .fetch import kokoro

HERE = Path(__file__).parent


def main() -> None:
    """Read the arguments, synthesise what is not cached, pack."""
    parser = argparse.ArgumentParser(prog="python -m data_small.generate", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for voices and clean turns (1 GB)")
    parser.add_argument("--out", type=Path, default=HERE.parent, help="where the corpus goes")
    parser.add_argument("--processes", type=int, default=2, help="one thread each")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--pack-only", action="store_true", help="apply conditions and pack; synthesise nothing")
    only.add_argument("--ready-only", action="store_true", help="pack the calls that are complete so far")
    only.add_argument("--clean-only", action="store_true", help="synthesise; do not pack")
    options = parser.parse_args()
    lexicon = synth.read_lexicon(HERE / "lexicon_stress.txt")
    plan = calls()
    turns = {call.name: utterances(call, lexicon) for call in plan}
    _check_words(turns, options.out / "lexicon.txt")
    if options.ready_only:
        plan = [call for call in plan if all(turn.job.path(options.cache).exists() for turn in turns[call.name])]
        turns = {call.name: turns[call.name] for call in plan}
    jobs = [turn.job for call in _mixed(plan) for turn in turns[call.name]]
    missing = sum(not job.path(options.cache).exists() for job in jobs)
    if options.pack_only and missing:
        parser.error(f"{missing} of {len(jobs)} turns are not in {options.cache}: run without --pack-only first")
    if missing:
        synth.synthesise(jobs, kokoro(options.cache), options.cache, options.processes)
    if not options.clean_only:
        assemble(plan, turns, options.cache, options.out, options.processes)


def _mixed(plan: list[Call]) -> list[Call]:
    """The calls with all sets in step, so that a run stopped half-way has half of every set."""
    sizes = Counter(call.split for call in plan)
    seen: Counter[str] = Counter()
    place = {}
    for call in plan:
        place[call.name] = seen[call.split] / sizes[call.split]
        seen[call.split] += 1
    return sorted(plan, key=lambda call: place[call.name])


def _check_words(turns: dict, path: Path) -> None:
    known = {line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    said = {word for call in turns.values() for turn in call for word in turn.text.split()}
    if said - known:
        raise SystemExit(f"{path} lacks {', '.join(sorted(said - known))}")


if __name__ == "__main__":
    main()
