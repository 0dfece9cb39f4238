"""`tdnnq-lab doctor` sees what is missing and names the command that mends it."""

import hashlib
import stat
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tdnnq_lab import doctor


def by_name(findings: list[doctor.Finding]) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in findings}


def test_examine_is_complete_and_fast() -> None:
    start = time.perf_counter()
    findings = by_name(doctor.examine())
    assert time.perf_counter() - start < 5
    names = {"python", "packages", "threads", "memory", "gpu", "disk", "data_small", "TDNNQ_CORPORA", "k2", "sctk"}
    assert names <= set(findings)
    assert findings["python"].status == "ok"
    assert all(finding.remedy for finding in findings.values() if finding.status != "ok")


def test_packages_against_constraints(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy>=1", "rich>=999", "no-such-package-of-ours", "packaging"]\n'
        '[project.optional-dependencies]\nlab = ["also_not_there"]\ndev = ["pytest"]\n'
    )
    (tmp_path / "constraints.txt").write_text("numpy==0.0.1  # old\nurllib3<3\n")
    findings = by_name(doctor.packages(tmp_path))
    assert findings["packages"].detail == "2 as tested"  # packaging and pytest
    assert findings["numpy"].status == "warn"
    assert "tested with 0.0.1" in findings["numpy"].detail
    assert findings["rich"].status == "missing"
    assert "rich>=999" in findings["rich"].detail
    assert findings["no-such-package-of-ours"].status == "missing"
    assert findings["also_not_there"].status == "warn"


def test_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    version = namedtuple("version", "major minor micro releaselevel serial")(3, 10, 0, "final", 0)
    monkeypatch.setattr(sys, "version_info", version)
    finding = doctor.python()
    assert finding.status == "missing"
    assert "3.11 to 3.13" in finding.detail


def test_too_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    assert doctor.threads().status == "warn"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert doctor.threads().status == "ok"


def test_container_limits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(doctor, "_cgroup", {"cpu.max": "100000 100000", "memory.max": str(2 * 10**9)}.get)
    assert doctor.threads().detail == "1 cores"
    memory = doctor.memory()
    assert memory.status == "warn"
    assert "of 2.0" in memory.detail


def test_corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TDNNQ_CORPORA", str(tmp_path / "nowhere"))
    assert doctor.corpora().status == "warn"
    (tmp_path / "set_a").mkdir()
    monkeypatch.setenv("TDNNQ_CORPORA", str(tmp_path))
    assert doctor.corpora().detail.endswith("set_a")
    monkeypatch.delenv("TDNNQ_CORPORA")
    assert doctor.corpora().status == "ok"


def fake_program(folder: Path, name: str, prints: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_gpu_and_k2_and_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("K2_PYTHON", raising=False)
    assert "none found" in doctor.gpu().detail
    tool = doctor.tool("sctk", ("sctk", "sclite"), "scoring", "sudo apt-get install sctk")
    assert (tool.status, tool.remedy) == ("warn", "sudo apt-get install sctk")

    fake_program(tmp_path, "nvidia-smi", "A Card, 80 GiB")
    fake_program(tmp_path, "sclite", "")
    assert "A Card" in doctor.gpu().detail
    assert doctor.tool("sctk", ("sctk", "sclite"), "scoring", "").detail == str(tmp_path / "sclite")
    monkeypatch.setenv("K2_PYTHON", str(fake_program(tmp_path, "python-k2", "k2 1.23.4 with torch 1.13.1")))
    assert doctor.k2().detail == "k2 1.23.4 with torch 1.13.1, in K2_PYTHON"
    monkeypatch.setenv("K2_PYTHON", str(tmp_path / "gone"))
    assert doctor.k2().status == "warn"


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data_small of one file of noise, with its list and hash."""
    monkeypatch.delenv("TDNNQ_DATA_SMALL", raising=False)
    folder = tmp_path / "data_small"
    (folder / "audio").mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 0.1, 8000)
    soundfile.write(folder / "audio" / "a.flac", noise, 8000)
    samples, _ = soundfile.read(folder / "audio" / "a.flac", dtype="int16")
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    (folder / "pcm.sha256").write_text(f"{digest}  audio/a.flac\n")
    (folder / "dev.tsv").write_text("utterance\tfile\ttext\nu1\taudio/a.flac\tYES\n")
    return tmp_path


def test_data_small_as_it_should_be(corpus: Path) -> None:
    finding = doctor.data_small(corpus)
    assert finding.status == "ok"
    assert "1 audio files" in finding.detail


def test_data_small_damaged(corpus: Path) -> None:
    audio = corpus / "data_small" / "audio" / "a.flac"
    good = audio.read_bytes()
    soundfile.write(audio, np.zeros(8000), 8000)
    assert "does not decode to the samples" in doctor.data_small(corpus).detail
    audio.write_bytes(b"not audio at all")
    assert "cannot be decoded" in doctor.data_small(corpus).detail
    audio.write_bytes(b"")
    assert "audio/a.flac is missing or empty" in doctor.data_small(corpus).detail
    audio.write_bytes(good)
    (corpus / "data_small" / "pcm.sha256").unlink()
    assert doctor.data_small(corpus).detail == "pcm.sha256 is missing"


def test_data_small_elsewhere(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = doctor.data_small(tmp_path / "nowhere")
    assert (finding.status, bool(finding.remedy)) == ("missing", True)
    monkeypatch.setenv("TDNNQ_DATA_SMALL", str(corpus / "data_small"))
    assert doctor.data_small(tmp_path / "nowhere").status == "ok"


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    good = doctor.Finding("disk", "ok", "9 GB [free]")
    assert doctor.show([good]) == 0
    assert "Nothing that is needed is missing" in capsys.readouterr().out
    assert doctor.show([doctor.Finding("torch", "missing", "not installed", "pip install torch"), good]) == 1
    out = capsys.readouterr().out
    assert "missing: torch" in out
    assert "pip install torch" in out
    assert "[free]" in out
