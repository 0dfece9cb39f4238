"""Transcripts, speakers, words outside a lexicon, and the report of skips."""

from pathlib import Path

from corpora_helpers import small_kaldi, write_lists
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tdnnq_lab.corpora import Report, cuts, oov_report, speakers, transcripts


def test_transcripts_and_speakers(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), text="u1 A B\nu2\nu3 ÇA")
    found = cuts(f"kaldi:{folder}", keep_empty=True)
    assert transcripts(found) == {"u1": ["A", "B"], "u2": [], "u3": ["ÇA"]}
    assert speakers(found) == {"u1": "anna", "u2": "anna", "u3": "ben"}


def test_oov_report(tmp_path: Path) -> None:
    folder = write_lists(small_kaldi(tmp_path), text="u1 A X X\nu2 A B\nu3 Y X Z")
    found = oov_report(cuts(f"kaldi:{folder}"), ["A", "B", "C"])
    assert (found.words, found.oov_words, found.types, found.oov_types) == (8, 5, 5, 3)
    assert (found.rate, found.type_rate) == (5 / 8, 3 / 5)
    assert found.top(2) == [("X", 3), ("Y", 1)]
    assert list(found.counts) == ["X", "Y", "Z"]
    assert found.utterances == {"u1": ["X", "X"], "u3": ["Y", "X", "Z"]}
    assert found.lines(1) == [
        "outside the lexicon: 5 of 8 running words (62.50%), 3 of 5 distinct ones (60.00%), in 2 utterances",
        "most frequent: X 3",
    ]


def test_nothing_outside(tmp_path: Path) -> None:
    found = oov_report(cuts(f"kaldi:{small_kaldi(tmp_path)}"), {"HELLO": 1, "WORLD": 1, "YES": 1, "AGAIN": 1})
    assert (found.rate, found.utterances, len(found.lines())) == (0.0, {}, 1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(min_size=1, max_size=5)), max_size=20))
def test_report_counts_everything(skips: list[tuple[str, str]]) -> None:
    report, other = Report(), Report()
    for i, (reason, name) in enumerate(skips):
        (report if i % 2 else other).skip(reason, name)
    report.update(other)
    assert report.num_skipped == len(skips)
    assert len(report.lines()) == len({reason for reason, _ in skips})
    assert bool(report) == bool(skips)


def test_report_names_the_first_few() -> None:
    report = Report()
    for i in range(7):
        report.skip("empty transcript", f"u{i} [text:{i}]")
    report.note("clipped", "u9")
    console = Console(record=True, width=40)
    report.show(2, console)
    assert (
        console.export_text() == "left out: empty transcript: 7 (u0 [text:0], u1 [text:1], …)\nnote: clipped: 1 (u9)\n"
    )
