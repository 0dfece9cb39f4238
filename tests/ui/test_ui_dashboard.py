"""The dashboard over real and made-up runs: what it says, when it stops looking, its buttons."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets", reason="ipywidgets comes with the extra lab")

from tdnnq_lab import ui
from tdnnq_lab.experiments import Run, RunStatus, attach, launch
from tdnnq_lab.ui.live import plain
from tdnnq_lab.ui.run_dashboard import loss_curve, progress, status_text

JOB = str(Path(__file__).parents[1] / "experiments" / "experiments_job.py")


def until(condition, what: str = "") -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path: Path):
    started = launch("count", tmp_path / "run", command=[sys.executable, JOB, "3000", str(tmp_path / "run")])
    yield started
    started.stop()


def test_watches_stops_and_resumes(run: Run) -> None:
    box = ui.dashboard(run, every=0.05)
    try:
        until(lambda: box.status.state == "running" and (box.status.update or 0) >= 3)
        until(lambda: "update" in plain(box.text))
        assert 0 < box.bar.value < 1
        assert not box.stop.disabled
        assert box.go_on.disabled
        assert "3,000" in plain(box.text)
        box.stop.click()
        until(lambda: box.status.state == "stopped" and not box.go_on.disabled)
        assert "resume it" in plain(box.text)
        until(lambda: not box._thread.is_alive())  # it looks no more at a run that has ended
        counted = box.status.update

        again = ui.dashboard(attach(run.run_dir), every=0.05)  # as after a restart of the kernel
        assert again.status.update == counted
        again.go_on.click()
        until(lambda: again.status.state == "running" and (again.status.update or 0) > counted)
        again.close()
        until(lambda: not again._thread.is_alive())
        assert attach(run.run_dir).status().state == "running"  # a closed dashboard stops nothing
    finally:
        box.close()


def test_still_picture_and_errors(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    status = {"state": "finished", "stage": "decode", "update": 5, "updates": 5, "started": 10.0, "heartbeat": 75.0}
    (folder / "status.json").write_text(json.dumps(status))
    lines = [{"update": u, "loss": 2.0 / u} for u in range(1, 30)]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    box = ui.dashboard(attach(folder), every=0.05)
    assert box.bar.value == 1.0
    assert (box.stop.disabled, box.go_on.disabled) == (True, True)
    still = box._repr_mimebundle_()["text/html"]
    assert "The run has finished" in still
    assert "1 min 5 s since its start" in still
    assert "data:image/svg+xml;base64," in still
    assert "<svg" not in still
    assert "<polyline" in box.curve.value
    (folder / "status.json").write_text("{damaged")
    box.refresh()
    assert plain(box.text).startswith("Not done: ")
    box.close()


def test_words_for_every_state() -> None:
    running = RunStatus("running", "train", 20, 200, 1.25, 65.0, 240.0)
    assert status_text(running) == (
        "The run is running. Stage train, update 20 of 200, loss 1.250 nats a frame, 4 min 0 s left in this stage, "
        "1 min 5 s since its start."
    )
    assert "(out of memory)" in status_text(RunStatus("failed", "train", message="out of memory"))
    assert status_text(RunStatus("starting")) == "The run is starting. 0.0 s since its start."
    for state in ("stopped", "died"):
        assert "resume it" in status_text(RunStatus(state))
    assert [progress(s) for s in (running, RunStatus("starting"), RunStatus("finished"))] == [0.1, 0.0, 1.0]


def test_loss_curve() -> None:
    assert "No curve yet" in loss_curve([{"update": 1, "loss": 1.0}])
    points = [{"update": 20 * k, "loss": 3.0 - 0.001 * k, "xent": 1.0} for k in range(3000)]
    points += [{"update": 1, "loss": float("nan")}, {"loss": 1.0}]
    svg = loss_curve(points)
    thin, thick = re.findall(r'points="([^"]+)"', svg)
    assert len(thin.split()) == len(thick.split()) <= 500
    x, y = zip(*(map(float, pair.split(",")) for pair in thick.split()), strict=True)
    assert list(x) == sorted(x)
    assert list(y) == sorted(y)  # a falling loss goes down the page
    for unit in ("loss (nats a frame)", "update (batches seen)"):
        assert unit in svg
