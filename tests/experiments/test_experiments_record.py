"""status.json and run.json."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tdnnq_lab.experiments import RunRecord, StatusWriter, Stopped, record
from tdnnq_lab.experiments.record import git_commit, machine, package_versions, peak_memory_mb, portable


def read(run_dir: Path, name: str = "status.json") -> dict:
    return json.loads((run_dir / name).read_text(encoding="utf-8"))


@dataclasses.dataclass
class Step:
    update: int
    updates: int = 9
    loss: float | None = 0.5
    remaining_seconds: float | None = 2.0


def test_status_of_a_run_that_finishes(tmp_path):
    with StatusWriter(tmp_path / "run", "read") as status:
        assert read(status.run_dir)["state"] == "running"
        assert read(status.run_dir)["stage"] == "read"
        status.stage("train", 9)
        status.progress(Step(9))
        told = read(status.run_dir)
        assert (told["stage"], told["update"], told["updates"], told["loss"]) == ("train", 9, 9, 0.5)
        assert told["process"] == {"pid": os.getpid(), "created": psutil.Process().create_time()}
    assert read(tmp_path / "run")["state"] == "finished"


def test_progress_is_not_written_too_often(tmp_path):
    with StatusWriter(tmp_path, min_seconds=3600) as status:
        status.progress(Step(3))
        assert read(tmp_path)["update"] is None
        status.message("look")
        assert (read(tmp_path)["update"], read(tmp_path)["message"]) == (3, "look")


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (ValueError("no data"), "failed", "ValueError: no data"),
        (Stopped("time limit"), "stopped", "time limit"),
        (KeyboardInterrupt(), "stopped", "interrupted"),
        (SystemExit(2), "failed", "SystemExit: 2"),
        (SystemExit(0), "finished", ""),
    ],
)
def test_status_says_how_it_ended(tmp_path, error, state, message):
    with pytest.raises(type(error)), StatusWriter(tmp_path):
        raise error
    assert (read(tmp_path)["state"], read(tmp_path)["message"]) == (state, message)


def test_close_has_the_last_word(tmp_path):
    with StatusWriter(tmp_path) as status:
        status.close("stopped", "time limit")
    assert read(tmp_path)["state"] == "stopped"


def test_sigterm_raises_stopped_inside_only(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as caught, StatusWriter(tmp_path):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert read(tmp_path)["state"] == "stopped"
    assert signal.getsignal(signal.SIGTERM) is before


def test_inner_writer_leaves_the_last_word_to_the_outer(tmp_path):
    with StatusWriter(tmp_path, "all") as outer:
        with StatusWriter(tmp_path) as inner:
            inner.stage("part")
            assert read(tmp_path)["stage"] == "part"
        assert read(tmp_path)["state"] == "running"
        outer.stage("rest")
    assert (read(tmp_path)["state"], read(tmp_path)["stage"]) == ("finished", "rest")


def test_second_process_is_refused(tmp_path):
    """As when `tdnnq-lab train` is typed while a background run is at it."""
    with StatusWriter(tmp_path):
        code = f"from tdnnq_lab.experiments import StatusWriter; StatusWriter({str(tmp_path)!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"has a live run (process {os.getpid()})" in done.stderr


def test_unwritable_status_names_the_file(tmp_path):
    with StatusWriter(tmp_path) as status:
        status.path = tmp_path / "gone" / "status.json"
        with pytest.raises(FileNotFoundError, match=r"Cannot write .*gone/status\.json"):
            status.write()
        status.path = tmp_path / "status.json"


def test_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["x", "train", "--run-dir", str(tmp_path / "runs/a"), "--corpus=/data/big"])
    made = RunRecord.begin("runs/a", "train", "kaldi:/data/big", 3, data_hash="ab", settings={"lexicon": "/d/l.txt"})
    made.finish(wer=12.5)
    told = read(tmp_path / "runs/a", "run.json")
    assert told["command"] == ["tdnnq-lab", "train", "--run-dir", "runs/a", "--corpus=…/big"]
    assert (told["row"], told["corpus"], told["seed"], told["data_hash"]) == ("train", "kaldi:…/big", 3, "ab")
    assert told["settings"] == {"lexicon": "…/l.txt"}
    assert told["results"] == {"wer": 12.5}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["started"])
    assert 10 < told["peak_memory_mb"] < 100_000
    text = json.dumps(told)
    assert os.uname().nodename not in text
    assert str(tmp_path) not in text
    assert "/data" not in text


def test_record_counts_on_when_resumed(tmp_path):
    first = RunRecord.begin(tmp_path, "demo", "data_small", 0)
    first.seconds, first.results = 50.0, {"updates": 7}
    record.write_json(tmp_path / "run.json", dataclasses.asdict(first))
    again = RunRecord.begin(tmp_path, "demo", "data_small", 0)
    again.finish(wer=3.0)
    told = RunRecord.load(tmp_path)
    assert (told.calls, told.started, told.results) == (2, first.started, {"updates": 7, "wer": 3.0})
    assert 50 <= told.seconds < 60


def test_record_of_another_run_is_refused(tmp_path):
    RunRecord.begin(tmp_path, "demo", "kaldi:/a/b", 0)
    RunRecord.begin(tmp_path, "demo", "kaldi:b", 0)  # the same, seen from another working directory
    with pytest.raises(ValueError, match=r"run\.json is of a run with seed 0, not 1"):
        RunRecord.begin(tmp_path, "demo", "kaldi:/a/b", 1)
    with pytest.raises(ValueError, match="with corpus"):
        RunRecord.begin(tmp_path, "demo", "kaldi:/a/c", 0)
    with pytest.raises(FileNotFoundError, match="not the directory of a run"):
        RunRecord.load(tmp_path / "none")
    (tmp_path / "run.json").write_text('{"colour": 3}')
    with pytest.raises(ValueError, match=r"run\.json is not the record of a run"):
        RunRecord.load(tmp_path)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("data_small", "data_small"),
        ("runs/a", "runs/a"),
        ("a=b:c", "a=b:c"),
        ("lhotse:/else/where/cuts.jsonl.gz", "lhotse:…/cuts.jsonl.gz"),
        ([1, None, {"p": Path("/else/x")}], [1, None, {"p": "…/x"}]),
    ],
)
def test_portable(given, made):
    assert portable(given) == made


def test_git(tmp_path, monkeypatch):
    """A checkout of the package itself counts, somebody's repository around it does not, nor does no git."""
    package = tmp_path / "top" / "tdnnq_lab" / "experiments"
    package.mkdir(parents=True)
    (package / "record.py").write_text("x = 1\n")
    monkeypatch.setattr(record, "__file__", str(package / "record.py"))
    assert git_commit() == (None, None)
    monkeypatch.setenv("TDNNQ_COMMIT", "abc")  # where there is no repository, and only there
    assert git_commit() == ("abc", None)

    def git(where: Path, *arguments: str) -> str:
        options = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *options, *arguments], cwd=where, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "around")
    assert git_commit() == ("abc", None)
    git(tmp_path / "top", "init")
    git(tmp_path / "top", "add", ".")
    git(tmp_path / "top", "commit", "-m", "own")
    assert git_commit() == (git(tmp_path / "top", "rev-parse", "HEAD"), False)
    (package / "record.py").write_text("x = 2\n")
    assert git_commit()[1] is True
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TDNNQ_COMMIT")
    assert git_commit() == (None, None)


def test_facts_of_the_machine():
    assert package_versions()["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert {"numpy", "torch", "lhotse"} <= package_versions().keys()
    facts = machine()
    assert 1 <= facts["cores"] <= (os.cpu_count() or 1)
    assert facts["processor"]
    assert peak_memory_mb() * 1e6 >= psutil.Process().memory_info().rss * 0.5
