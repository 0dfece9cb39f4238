"""launch and attach: runs that live, stop, resume, fail and die; and a real kernel that goes away under one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tdnnq_lab.experiments import Run, attach, launch, runs

JOB = str(Path(__file__).with_name("experiments_job.py"))


def start(run_dir: Path, updates: int = 2000, *more: str) -> Run:
    return launch("count", run_dir, command=[sys.executable, JOB, str(updates), str(run_dir), *more])


def wait_until(run: Run, state: str = "running", update: int = 1) -> None:
    end = time.monotonic() + 120
    while (status := run.status()).state != state or (status.update or 0) < update:
        assert time.monotonic() < end, (run.status(), run.log())
        time.sleep(0.01)


@pytest.fixture
def run_dir(tmp_path):
    yield tmp_path / "run"
    if (tmp_path / "run" / "process.json").exists():
        attach(tmp_path / "run").stop()


def test_a_run_is_resumed_while_its_process_still_ends(run_dir):
    """On a busy machine "stopped" is on disk well before the process is gone."""
    run = start(run_dir, 2000, "linger")
    wait_until(run, update=2)
    first = run._process.pid
    os.kill(first, signal.SIGTERM)
    wait_until(run, "stopped", 0)
    assert run._process.poll() is None
    counted = len(run.metrics())
    run.resume()
    wait_until(run, update=counted + 1)


def test_whole_life(run_dir):
    run = start(run_dir)
    with pytest.raises(FileExistsError, match=r"has a live run \(process \d+\)"):
        start(run_dir)
    wait_until(run, update=3)
    with pytest.raises(FileExistsError, match="has a live run"):
        run.resume()
    other = attach(run_dir)  # as from another process: only the directory is known
    status = other.status()
    assert (status.state, status.stage, status.updates) == ("running", "counting", 2000)
    assert status.loss == pytest.approx(1 / status.update)
    assert status.remaining_seconds > 0
    assert 0 <= status.seconds < 60

    stopped = other.stop(timeout=120)
    assert (stopped.state, stopped.message) == ("stopped", "asked to stop")
    assert run.status() == stopped
    counted = len(run.metrics())
    assert counted >= stopped.update >= 3

    assert run.resume().status().state in ("starting", "running")
    wait_until(run, update=counted + 1)
    run.stop(timeout=120)
    assert [row["update"] for row in run.metrics()] == list(range(1, len(run.metrics()) + 1))


def test_finishes(run_dir):
    run = start(run_dir, 5)
    status = run.wait(timeout=120)
    assert (status.state, status.update, status.updates) == ("finished", 5, 5)
    assert run.log(1) == "counted to 5"
    assert run.resume().status() == status  # nothing is left to do
    assert "finished" in repr(attach(run_dir))
    pid = json.loads((run_dir / "process.json").read_text())["process"]["pid"]
    assert not psutil.pid_exists(pid)  # no zombie of ours either


def test_error_is_told(run_dir):
    run = start(run_dir, 50, "fail")
    assert run.wait(timeout=120).state == "failed"
    assert run.status().message == "ValueError: three is enough"
    assert "three is enough" in run.log()
    with pytest.raises(TimeoutError, match=r"did not end within 0\.01 seconds"):
        start(run_dir, 2000).wait(timeout=0.01)


def test_killed_run_died_and_can_be_resumed(run_dir):
    run = start(run_dir)
    wait_until(run, update=3)
    os.kill(json.loads((run_dir / "process.json").read_text())["process"]["pid"], signal.SIGKILL)
    assert run.wait(timeout=120).state == "died"
    found = attach(run_dir)
    assert found.status().state == "died"
    at = found.status().update
    wait_until(found.resume(), update=at + 1)


def test_command_that_cannot_start_its_work(run_dir):
    """Its last line is what we know."""
    run = launch("count", run_dir, command=[sys.executable, "-c", "raise SystemExit('no such option')"])
    status = run.wait(timeout=120)
    assert (status.state, status.message) == ("died", "no such option")


def test_stopped_before_it_said_anything(run_dir):
    run = launch("count", run_dir, command=[sys.executable, "-c", "import time; time.sleep(60)"])
    assert run.status().state == "starting"
    assert run.stop(timeout=120).state == "stopped"


def test_reused_pid_is_not_ours(run_dir):
    run_dir.mkdir()
    ours = {"pid": os.getpid(), "created": psutil.Process().create_time() - 100}
    facts = {"job": "count", "launched": time.time() - 100, "process": ours}
    (run_dir / "process.json").write_text(json.dumps(facts))
    assert attach(run_dir).status().state == "died"
    assert attach(run_dir).stop().state == "died"  # and this process is still here


def test_moved_directory_resumes(tmp_path, monkeypatch):
    """A job of ours is given the directory's new place, from the old working directory."""
    seen = []
    monkeypatch.setattr(runs, "JOBS", {"demo": ("demo",)})
    monkeypatch.setattr(runs.subprocess, "Popen", lambda command, **o: seen.append((command, o)) or Quiet())
    launch("demo", tmp_path / "a", corpus="data_small", seed=3, fast=True, slow=False, not_given=None, bits=[2, 4])
    (tmp_path / "a").rename(tmp_path / "b")
    attach(tmp_path / "b").resume()
    options = ["--corpus", "data_small", "--seed", "3", "--fast", "--no-slow", "--bits", "2", "--bits", "4"]
    for (command, how), name in zip(seen, "ab", strict=True):
        head = [sys.executable, "-m", "tdnnq_lab.cli", "demo", "--run-dir", str(tmp_path / name)]
        assert command == head + options
        assert how["start_new_session"]
        assert how["stdin"] == subprocess.DEVNULL
        assert how["cwd"] == os.getcwd()
        assert "shell" not in how


class Quiet:
    """A process that ended at once."""

    pid = 2**22 + 1

    def poll(self) -> int:
        return 0


def test_gpus_are_chosen_by_the_environment(run_dir):
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ.get('MPLBACKEND'))"
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    try:
        run = launch("count", run_dir, devices=(0, 2), command=[sys.executable, "-c", code])
    finally:
        del os.environ["MPLBACKEND"]
    run.wait(timeout=120)
    assert run.log() == "0,2 None"


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="Unknown job 'dem': there are demo, train"):
        launch("dem", tmp_path)
    with pytest.raises(ValueError, match="Cannot launch on 'moon'"):
        launch("demo", tmp_path, where="moon")
    with pytest.raises(FileNotFoundError, match="no run directory"):
        attach(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not a run directory"):
        attach(tmp_path)
    (tmp_path / "process.json").write_text('{"job": "train"}')
    with pytest.raises(ValueError, match="holds a run of job 'train', not 'demo'"):
        launch("demo", tmp_path)
    (tmp_path / "process.json").write_text('{"job": ')
    with pytest.raises(ValueError, match=r"process\.json is not a JSON file of a run"):
        attach(tmp_path)
    assert not (tmp_path / "log.txt").exists()


def test_run_in_the_foreground_can_be_attached_to(run_dir):
    subprocess.run([sys.executable, JOB, "3", str(run_dir)], check=True, stdout=subprocess.DEVNULL)
    run = attach(run_dir)
    assert run.status().state == "finished"
    (run_dir / "status.json").write_text((run_dir / "status.json").read_text().replace("finished", "running"))
    assert run.status().state == "died"
    with pytest.raises(ValueError, match="was not started by launch"):
        run.resume()


def test_unfinished_line_of_metrics_is_left_out(run_dir):
    run = start(run_dir, 2)
    run.wait(timeout=120)
    with open(run_dir / "metrics.jsonl", "a") as file:
        file.write('{"update": 3, "lo')
    assert [row["update"] for row in run.metrics()] == [1, 2]
    assert run.metrics("none.jsonl") == []


def test_outlives_its_kernel(run_dir, tmp_path):
    """A real kernel launches it, is interrupted, restarted and shut down; the run counts on to its end."""
    manager_module = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    manager, client = manager_module.start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        command = [sys.executable, JOB, "400", str(run_dir)]
        client.execute_interactive(
            f"from tdnnq_lab.experiments import launch\nlaunch('count', 'run', command={command!r})", timeout=60
        )
        run = attach(run_dir)
        wait_until(run, update=3)
        client.execute("import time; time.sleep(60)")
        time.sleep(0.2)
        manager.interrupt_kernel()
        still_counting(run)
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=60)
        said: list[str] = []
        client.execute_interactive(
            "from tdnnq_lab.experiments import attach\nprint(attach('run').status().state)",
            timeout=60,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
        )
        assert "".join(said).strip() in ("running", "finished")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert not manager.is_alive()
    status = run.wait(timeout=60)
    assert (status.state, status.update) == ("finished", 400)


def still_counting(run: Run) -> None:
    before = run.status().update
    wait_until(run, update=before + 5)
