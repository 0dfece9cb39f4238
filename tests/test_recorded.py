"""What stands in the README is what was recorded, and what was recorded is what the kept hypotheses say."""

from pathlib import Path

import pytest

from tdnnq_lab.corpora import cuts, transcripts
from tdnnq_lab.experiments import frozen
from tdnnq_lab.scoring import read_trn, wer
from tdnnq_lab.ui import readme

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


@pytest.mark.parametrize("place", range(3))
def test_kept_hypotheses_have_the_errors_that_were_recorded(place: int) -> None:
    record = frozen.kept(BASELINES / "data_small")[place]
    folder = BASELINES / f"data_small/seed{record['settings']['flat']['seed']}/hyp"
    assert record["dirty"] is False
    for result in record["results"]:
        references = transcripts(cuts("data_small", result["name"]))
        found = wer(references, read_trn(folder / f"{result['name']}.trn.gz"))
        counted = (found.substitutions, found.insertions, found.deletions)
        assert counted == (result["substitutions"], result["insertions"], result["deletions"])
        assert round(found.percent, 2) == result["wer"]
