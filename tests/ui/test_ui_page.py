"""The page is one file, needs no network, reads without JavaScript, and draws in a real browser."""

import copy
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdnnq_lab import ui
from tdnnq_lab.scoring import wer
from tdnnq_lab.ui.examples import aligned, example
from tdnnq_lab.ui.sections import heard

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Text outside scripts and styles; checks that tags nest and ids are unique; notes what would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.ids, self.loads, self.links = "", [], [], []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        known = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in known:
            self.ids.append(known["id"])
        if not known.get("src", "data:").startswith("data:") or tag in ("link", "iframe", "base"):
            self.loads.append((tag, known))
        if tag == "a":
            self.links.append(known["href"])

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        pass  # SVG's empty elements

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data + " "


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(compressed: dict) -> str:
    return ui.report_page(compressed)


def test_one_file_without_network(page: str) -> None:
    reader = read(page)
    assert reader.loads == []
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert len(reader.ids) == len(set(reader.ids))
    assert page.count("* plotly.js v") == 1
    assert len(page) < 6e6
    assert "default-src 'none'" in page


def test_readable_without_javascript(page: str, report: dict) -> None:
    without = re.sub(r"<script\b.*?</script>", "", page, flags=re.S)
    reader = read(without)
    for entry in report["sets"]:
        assert f"{entry['wer']:.1f}" in reader.text
        assert f"{entry['words']:,}" in reader.text
        for speaker in entry["errors_by_speaker"]:
            assert speaker["speaker"] in reader.text
    assert without.count("<svg ") == 8
    assert without.count("<table") >= 9


def test_systems_are_told_in_full(page: str, compressed: dict) -> None:
    text = re.sub(r"\s+", " ", read(page).text)
    for system in compressed["systems"]:
        row = f"{system['label']} {system['average_bits']:.2f} {system['bytes']:,}"
        assert row in text
        for split, entry in system["sets"].items():
            assert f"{split} {system['label']} {entry['wer']:.1f}" in text
    assert "<0.001" in text
    for layer, bits in compressed["plan"]["bits"].items():
        assert re.search(rf"{layer} [\d,]+ {bits} ", text)
    assert page.count("<audio controls") == 3
    assert page.count('src="data:audio/ogg;base64,') == 3
    assert "media-src data:" in page


def test_a_report_without_systems_says_nothing_of_them(report: dict) -> None:
    page = ui.report_page(report)
    for part in ('id="systems"', 'id="plan"', 'id="listen"', "<audio", "Packed into"):
        assert part not in page
    assert '<h2 id="results">Results</h2>' in page


def test_words_are_never_markup(compressed: dict) -> None:
    evil = "</script><script>alert(1)</script>"
    changed = copy.deepcopy(compressed)
    changed["systems"][1] |= {"label": evil, "sets": {evil: changed["systems"][1]["sets"]["hard"]}}
    changed["sensitivity"] |= {"layers": [evil, *changed["sensitivity"]["layers"][1:]], "unit": evil, "measure": evil}
    heard = {
        "id": evil,
        "set": evil,
        "reference": evil,
        "hypotheses": {evil: f"a {evil}"},
        "audio": f'data:audio/"{evil}',
    }
    changed["listen"] = [heard]
    changed["title"] = changed["corpus"]["note"] = changed["run"]["command"] = evil
    entry = changed["sets"][0]
    entry["name"] = entry["what"] = evil
    entry["errors_by_speaker"][0] |= {"speaker": evil, "accent": evil, "gender": evil}
    entry["examples"] = [{"id": evil, "reference": f"{evil} tē 語 <b>", "hypothesis": "é & ü"}]
    page = ui.report_page(changed)
    assert "<script>alert" not in page
    reader = read(page)
    assert "tē" in reader.text
    assert "語" in reader.text
    assert "é" in reader.text


def test_errors_are_marked_not_by_colour_alone() -> None:
    shown = example({"id": "u1", "reference": "a b c d", "hypothesis": ["a", "x", "d", "e"]})
    reader = read(shown)
    assert "3 errors in 4 words" in reader.text
    tags = re.findall(r'class="tag">(\w*)<', shown)
    assert sorted(filter(None, tags)) == ["added", "missed", "wrong"]
    assert "no error in 0 words" in read(example({"id": "u2", "reference": "", "hypothesis": ""})).text


def cells(shown: str) -> list[list[str]]:
    """Words and tags of each column of a listening example."""
    columns = shown.split('class="pair column">')[1:]
    return [re.findall(r">([^<>]+)</span>", column) for column in columns]


def test_hypotheses_stand_under_their_words() -> None:
    entry = {"id": "u", "reference": "a b c", "hypotheses": {"full": "a b c", "mixed": "a x x c", "uniform": "b c d"}}
    shown = heard(entry, {"mixed": "mixed, 4.0 bits"})
    found = cells(shown)
    assert [column[0] for column in found] == ["a", "–", "b", "c", "–"]
    assert found[1] == ["–", "x", "added"]
    assert found[2] == ["b", "b", "x", "wrong", "b"]
    assert found[0] == ["a", "a", "a", "–", "missed"]
    assert found[4] == ["–", "d", "added"]
    text = read(shown).text
    assert "full: no errors; mixed, 4.0 bits: 2 errors; uniform: 2 errors" in text
    assert "<audio" not in shown


def test_systems_of_one_kind_are_told_apart() -> None:
    entry = {"reference": "a", "hypotheses": {"mixed4": "a", "mixed2.5": "b"}}
    labels = {"mixed4": "mixed, 4.00 bits", "mixed2.5": "mixed, 2.50 bits"}
    assert "<span>mixed4</span><span>mixed2.5</span>" in heard(entry, labels)


WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@given(WORDS, st.dictionaries(st.sampled_from(["x", "y", "z"]), WORDS, max_size=3))
def test_aligned_columns_lose_nothing(reference: list[str], hypotheses: dict[str, list[str]]) -> None:
    counts, columns = aligned(reference, hypotheses)
    assert [said for said, _ in columns if said is not None] == reference
    for k, (name, words) in enumerate(hypotheses.items()):
        mine = [row[k] for _, row in columns]
        assert [word for _, word in mine if word is not None] == words
        assert counts[name] == wer({"u": reference}, {"u": words}).errors == sum(op in list("SID") for op, _ in mine)
        for (said, _), (op, word) in zip(columns, mine, strict=True):
            assert (op in ("", "I")) == (said is None)
            assert op != "C" or said == word


def test_compare_in_a_notebook() -> None:
    page = ui.compare("A B " * 8, {"full": "A B " * 8, "<4 bits>": "X A B" + " A B" * 6})
    text = re.sub(r"\s+", " ", read(page._repr_html_()).text)
    assert "✗ x (wrong)" in text
    assert "full: no errors; <4 bits>: 2 errors in 16 words." in text
    assert page.content.count("<table>") == 2
    assert "✗ (missed)" in text
    assert "no errors in 0 words" in ui.compare("", {"a": ""}).content


def test_a_bare_report_makes_a_page() -> None:
    page = ui.report_page({"sets": [{"name": "only", "words": 0, "wer": None}]})
    reader = read(page)
    assert "only" in reader.text
    assert "How it learned" not in reader.text
    with pytest.raises(ValueError, match="sets is missing"):
        ui.report_page({})


def test_write_page_leaves_no_rest(report: dict, tmp_path: Path) -> None:
    ui.write_page(report, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no chromium here; the page is checked without a browser above")
def test_figures_are_drawn_in_a_browser(compressed: dict, tmp_path: Path) -> None:
    path = ui.write_page(compressed, tmp_path / "report.html")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += f"--disable-component-update --disable-sync --virtual-time-budget=4000 --user-data-dir={tmp_path}/profile"
    command = [BROWSER, *flags.split(), "--dump-dom", "--enable-logging=stderr", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-500:]
    drawn = re.sub(r"<script\b.*?</script>", "", done.stdout, flags=re.S)
    assert drawn.count('class="main-svg" ') >= 8
    assert "still" not in re.findall(r'class="(plot[^"]*)"', drawn)
    assert "CONSOLE" not in done.stderr, done.stderr  # no error, nothing refused by the policy
