"""What stands in the README is what was recorded, and what was recorded is what the kept hypotheses say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tdnnq_lab.corpora import cuts, transcripts
from tdnnq_lab.experiments import frozen
from tdnnq_lab.scoring import read_trn, wer
from tdnnq_lab.ui import load_report, readme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
BASELINES = RESULTS / "baselines"


@pytest.mark.parametrize(
    ("block", "source"),
    [
        ("demo", RESULTS / "demo/report.json"),
        ("real", RESULTS / "speechocean762_8k/report.json"),
        ("baselines", BASELINES),
    ],
)
def test_the_readme_says_what_was_recorded(block: str, source: Path) -> None:
    assert not readme.update(source, ROOT / "README.md", check=True, block=block)


def test_the_page_on_speed_says_what_was_recorded() -> None:
    assert not readme.update(RESULTS / "bench", ROOT / "docs/speed.md", check=True, block="speed")


def kept_results() -> Iterator[tuple[Path, list[dict]]]:
    """(hypotheses, results) of every recorded recognition of the shipped corpus."""
    yield RESULTS / "demo/hyp", load_report(RESULTS / "demo/report.json")["sets"]
    for record in frozen.kept(BASELINES / "data_small") if (BASELINES / "data_small").is_dir() else ():
        yield BASELINES / f"data_small/seed{record['settings']['flat']['seed']}/hyp", record["results"]


@pytest.mark.parametrize(("folder", "results"), list(kept_results()))
def test_kept_hypotheses_have_the_errors_that_were_recorded(folder: Path, results: list[dict]) -> None:
    for result in results:
        references = transcripts(cuts("data_small", result["name"]))
        found = wer(references, read_trn(folder / f"{result['name']}.trn.gz"))
        counted = (found.substitutions, found.insertions, found.deletions)
        assert counted == (result["substitutions"], result["insertions"], result["deletions"])
        assert round(found.percent, 2) == result["wer"]


def test_baselines_come_from_a_commit() -> None:
    for corpus in BASELINES.iterdir():
        assert all(record["commit"] and record["dirty"] is False for record in frozen.kept(corpus))
