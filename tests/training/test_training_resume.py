"""Checkpoints: kill -9, signals, damage, foreign files, changed settings, full and read-only disks."""

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from training_toy import NoisyBatches, ToyBatches, toy_model, toy_train

from tdnnq_lab.training import (
    DamagedFile,
    checkpoints,
    read_tensors,
    seed_everything,
    weights_sha256,
    write_tensors,
)
from tdnnq_lab.training.state import random_states, set_random_states

TOY = Path(__file__).with_name("training_toy.py")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def start(run_dir: Path, updates: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(TOY), str(run_dir), str(updates)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def wait_for_checkpoint(run_dir: Path, at_least: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not any(int(p.stem.split("-")[1]) >= at_least for p in checkpoints(run_dir)):
        assert process.poll() is None
        assert time.monotonic() < end, "no checkpoint in a minute"
        time.sleep(0.003)


def rows(run_dir: Path) -> list[dict]:
    """Lines of the metrics without what the clock says."""
    read = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith("seconds")} for row in read]


def test_killed_and_stopped_ends_in_the_same_bytes(tmp_path):
    """Killed by SIGKILL, resumed by a second process, which SIGTERM stops, resumed by a third (this one)."""
    options = {"batches": NoisyBatches(), "updates": 100, "checkpoint_every": 3}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_train(whole, **options)

    process = start(cut, 100)
    wait_for_checkpoint(cut, 20, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    process = start(cut, 100)
    wait_for_checkpoint(cut, 60, process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0].split() == ["stopped", "asked", "to", "stop"]
    assert process.returncode == 0

    assert not (cut / "final.safetensors").exists()
    assert len(checkpoints(cut)) == 2
    assert toy_train(cut, **options).state == "finished"
    assert sha256(cut / "final.safetensors") == sha256(whole / "final.safetensors")
    assert rows(cut) == rows(whole)


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C as in a terminal, even where the tests run in the background of a script, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class StopAt:
    """A hook that interrupts its own process once."""

    def __init__(self, update: int) -> None:
        self.update = update

    def __call__(self, model: nn.Module, update: int) -> None:
        if update == self.update:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("update", [1, 7, 13, 14, 39])
def test_interrupted_at_any_update_ends_in_the_same_weights(tmp_path, update):
    whole, resumed = toy_model(), toy_model(seed=3)
    epochs: list[int] = []
    toy_train(tmp_path / "whole", model=whole, batches=NoisyBatches())
    stopped = toy_train(tmp_path / "cut", batches=NoisyBatches(), after_step=StopAt(update), checkpoint_every=0)
    assert (stopped.state, stopped.reason, stopped.update) == ("stopped", "interrupted", update)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    report = toy_train(tmp_path / "cut", model=resumed, batches=NoisyBatches(), on_epoch=lambda m, e: epochs.append(e))
    assert report.state == "finished"
    assert epochs == list(range((update - 1) // 7, 6))
    assert weights_sha256(resumed) == weights_sha256(whole)


@pytest.mark.parametrize("optimiser", ["adamw", "muon", "sgd"])
def test_every_optimiser_goes_on_as_if_nothing_had_been(tmp_path, optimiser):
    whole, resumed = toy_model(), toy_model(seed=3)
    toy_train(tmp_path / "whole", model=whole, optimiser=optimiser)
    stopped = toy_train(tmp_path / "cut", after_step=StopAt(17), optimiser=optimiser)
    assert stopped.state == "stopped"
    assert toy_train(tmp_path / "cut", model=resumed, optimiser=optimiser).state == "finished"
    assert weights_sha256(resumed) == weights_sha256(whole)


def test_lines_of_updates_that_were_lost_are_written_once(tmp_path):
    def crash(model: nn.Module, update: int) -> None:
        if update == 14:
            raise RuntimeError("the lights went out")

    toy_train(tmp_path / "whole", log_every=1)
    with pytest.raises(RuntimeError, match="lights"):
        toy_train(tmp_path / "cut", log_every=1, after_step=crash)
    assert [row["update"] for row in rows(tmp_path / "cut")] == list(range(1, 14))
    with open(tmp_path / "cut" / "metrics.jsonl", "a") as file:
        file.write('{"kind": "tra')
    toy_train(tmp_path / "cut", log_every=1)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_second_interrupt_is_immediate(tmp_path):
    def twice(model: nn.Module, update: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        toy_train(tmp_path, after_step=twice)


def test_trains_in_a_thread_without_signals(tmp_path):
    reports = []
    thread = threading.Thread(target=lambda: reports.append(toy_train(tmp_path)))
    thread.start()
    thread.join()
    assert reports[0].state == "finished"


def test_time_limit_stops_and_goes_on(tmp_path):
    whole, resumed = toy_model(), toy_model()
    toy_train(tmp_path / "whole", model=whole)
    report = toy_train(tmp_path / "cut", time_limit=0.02, checkpoint_every=0, after_step=lambda m, u: time.sleep(0.005))
    assert (report.state, report.reason) == ("stopped", "time limit")
    assert 1 <= report.update < 40
    assert toy_train(tmp_path / "cut", model=resumed, time_limit=60.0).state == "finished"
    assert weights_sha256(resumed) == weights_sha256(whole)


def test_keeps_the_last_two(tmp_path):
    toy_train(tmp_path, updates=38)
    assert [p.name for p in checkpoints(tmp_path)] == ["checkpoint-35.safetensors", "checkpoint-38.safetensors"]


def test_checkpoint_by_time(tmp_path):
    toy_train(tmp_path, updates=6, keep=9, checkpoint_every=0, checkpoint_seconds=1e-6, after_step=lambda m, u: None)
    assert len(checkpoints(tmp_path)) == 6


def test_nothing_is_pickled(tmp_path):
    toy_train(tmp_path)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert data[:1] == b"{" or data[8:9] == b"{", path  # JSON, or safetensors


# ---- damage --------------------------------------------------------------------------------------------------


def stopped_run(run_dir: Path) -> list[Path]:
    toy_train(run_dir, after_step=StopAt(12))
    return checkpoints(run_dir)


@pytest.mark.parametrize("keep_bytes", [0, 5, 8, 9, 200, -1])
def test_truncated_newest_falls_back(tmp_path, keep_bytes):
    whole, resumed = toy_model(), toy_model()
    toy_train(tmp_path / "whole", model=whole)
    newest = stopped_run(tmp_path / "cut")[-1]
    newest.write_bytes(newest.read_bytes()[:keep_bytes])
    with pytest.warns(UserWarning, match=r"checkpoint-12\.safetensors is damaged or cut short .*the one before"):
        toy_train(tmp_path / "cut", model=resumed)
    assert weights_sha256(resumed) == weights_sha256(whole)
    assert newest.with_name(newest.name + ".damaged").exists()


def test_all_truncated_is_an_error(tmp_path):
    for path in stopped_run(tmp_path):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match=r"No checkpoint in .* is whole"):
        toy_train(tmp_path)


@pytest.mark.parametrize("kind", ["pickle", "other safetensors", "text"])
def test_foreign_checkpoint_is_named(tmp_path, kind):
    path = tmp_path / "checkpoint-99.safetensors"
    if kind == "pickle":
        torch.save({"weights": torch.zeros(3)}, path)
    elif kind == "text":
        path.write_text("hello, this is no checkpoint")
    else:
        save_file({"weights": torch.zeros(3)}, path)
    stopped_before = path.read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint-99\.safetensors (is not a safetensors|was not written by)"):
        toy_train(tmp_path)
    assert path.read_bytes() == stopped_before


def test_checkpoint_of_another_model_is_named(tmp_path):
    stopped_run(tmp_path)
    wider = nn.Sequential(nn.Linear(5, 17), nn.BatchNorm1d(17), nn.ReLU(), nn.Dropout(0.3), nn.Linear(17, 2))
    with pytest.raises(ValueError, match=r"12\.safetensors does not fit the model: 0\.bias is \(16,\) .*\(17,\)"):
        toy_train(tmp_path, model=wider)


@pytest.mark.parametrize("finished", [False, True])
def test_changed_settings_are_named(tmp_path, finished):
    toy_train(tmp_path) if finished else stopped_run(tmp_path)
    with pytest.raises(ValueError, match=r"other settings \(learning_rate: 0\.02 there, 0\.01 now\)"):
        toy_train(tmp_path, learning_rate=0.01)
    with pytest.raises(ValueError, match=r"other settings \(data: None there, 'abc' now\)"):
        toy_train(tmp_path, identity={"data": "abc"})
    assert toy_train(tmp_path, log_every=1, keep=5).state == "finished"  # these may change


def test_fewer_batches_are_noticed(tmp_path):
    stopped_run(tmp_path)
    with pytest.raises(ValueError, match="Epoch 1 has 3 batches now and had more than 4"):
        toy_train(tmp_path, batches=ToyBatches(count=3))


def test_no_resume_refuses_a_run(tmp_path):
    stopped_run(tmp_path)
    with pytest.raises(FileExistsError, match="holds a run already"):
        toy_train(tmp_path, resume=False)


def test_read_back_is_what_was_written(tmp_path):
    tied = torch.randn(3, 4)
    tensors = {"a": tied, "b": tied, "c": torch.arange(5).flip(0), "d": tied.t(), "e": torch.tensor(2.5)}
    write_tensors(tmp_path / "x.safetensors", tensors, {"n": [1, 2.5, None]})
    read, facts = read_tensors(tmp_path / "x.safetensors")
    assert facts["n"] == [1, 2.5, None]
    assert {name: (t.dtype, t.tolist()) for name, t in read.items()} == {
        name: (t.dtype, t.tolist()) for name, t in tensors.items()
    }


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.arange(20.0)}, {"n": 1})
    data = path.read_bytes()
    for size in [*range(0, len(data), 13), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(DamagedFile, match=r"x\.safetensors is damaged"):
            read_tensors(path)


# ---- disks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_files():
    """Files of this process cannot grow beyond a few kB, as on a disk that is almost full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_full_disk_loses_nothing(tmp_path, small_files):
    whole, resumed = toy_model(), toy_model()
    toy_train(tmp_path / "whole", model=whole)

    def fill(model: nn.Module, update: int) -> None:
        if update == 13:
            small_files(2000)

    with pytest.raises(OSError, match=r"Cannot write .*checkpoint-15\.safetensors.*resume"):
        toy_train(tmp_path / "full", after_step=fill, log_every=100)
    small_files(resource.RLIM_INFINITY)
    names = sorted(p.name for p in (tmp_path / "full").iterdir())
    assert names == ["checkpoint-10.safetensors", "checkpoint-5.safetensors", "metrics.jsonl"]
    assert toy_train(tmp_path / "full", model=resumed).state == "finished"
    assert weights_sha256(resumed) == weights_sha256(whole)


def test_full_disk_at_the_metrics(tmp_path, small_files):
    def fill(model: nn.Module, update: int) -> None:
        if update == 11:
            small_files((tmp_path / "metrics.jsonl").stat().st_size + 20)

    with pytest.raises(OSError, match=r"Cannot write .*metrics\.jsonl.*so far are whole"):
        toy_train(tmp_path, after_step=fill)
    small_files(resource.RLIM_INFINITY)
    toy_train(tmp_path)
    assert [row["update"] for row in rows(tmp_path)] == list(range(4, 41, 4))


def test_read_only_disk(tmp_path):
    tmp_path.chmod(0o555)
    folder = Path("/sys/run") if os.geteuid() == 0 else tmp_path / "run"  # root may write everywhere else
    with pytest.raises(OSError, match=f"Cannot make the run directory {folder}"):
        toy_train(folder)


def test_random_states_come_back():
    """Directly, as a draw might be missed in a run; half a pair of Gaussians is left behind on purpose."""

    def draws() -> list[float]:
        return [random.gauss(0, 1), random.random(), np.random.normal(), np.random.rand(), torch.rand(1).item()]  # noqa: NPY002

    seed_everything(4)
    draws()
    tensors, facts = random_states()
    facts = json.loads(json.dumps(facts))
    expected = draws()
    set_random_states(tensors, facts)
    assert draws() == expected
