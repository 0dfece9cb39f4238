"""`tdnnq-lab doctor`: what this machine has, what is missing, and the command that mends it.

Nothing heavy is imported (no torch): every look is a file, a version in the package metadata or a short command,
so that it answers within seconds on a broken machine too.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]  # the checkout; in a wheel, the folder of packages
MEND = "pip install -c constraints.txt -e '.[lab,dev]'  (or: make env)"
DEMO_BYTES = 4e9  # memory that `make demo` may take
DISK_BYTES = 2e9  # room for features, checkpoints and runs
MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]note[/]", "missing": "[red]missing[/]"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        name: What was looked at.
        status: "ok"; "warn": works without it, or differs from what was tested; "missing": needed and not there.
        detail: What was found.
        remedy: The command or step that mends it; empty when there is nothing to mend.
    """

    name: str
    status: Literal["ok", "warn", "missing"]
    detail: str
    remedy: str = ""


def examine(root: Path = ROOT) -> list[Finding]:
    """Look at everything that tdnnq-lab needs or can use, in under five seconds.

    Args:
        root: The checkout with `constraints.txt` and `data_small/`.
    """
    return [
        python(),
        *packages(root),
        threads(),
        memory(),
        gpu(),
        disk(),
        data_small(root),
        corpora(),
        k2(),
        tool("sctk", ("sctk", "sclite"), "compared live with NIST's scoring in the tests", "sudo apt-get install sctk"),
        tool(
            "chromium",
            ("chromium", "chromium-browser", "google-chrome"),
            "pages are opened in it in the tests",
            "sudo apt-get install chromium",
        ),
    ]


def python() -> Finding:
    """The version of Python: 3.11 to 3.13."""
    found = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", found)
    return Finding("python", "missing", f"{found}; 3.11 to 3.13 are needed", "make env PYTHON=python3.12")


def packages(root: Path = ROOT) -> list[Finding]:
    """Installed packages against what pyproject.toml asks for and constraints.txt was tested with.

    Returns:
        One finding for all that are as they should be, and one for each that is not.
    """
    pins = dict(_pins(root / "constraints.txt"))
    good, findings = 0, []
    for requirement, extra in _requirements(root):
        name = requirement.name
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            use = f"not installed (extra {extra})" if extra else "not installed"
            findings.append(Finding(name, "warn" if extra else "missing", use, MEND))
            continue
        pin = pins.get(_canonical(name))
        if not requirement.specifier.contains(version, prereleases=True):
            findings.append(Finding(name, "missing", f"{version}; {requirement} is needed", MEND))
        elif pin and version.split("+")[0] != pin:
            findings.append(Finding(name, "warn", f"{version}; tested with {pin}", MEND))
        else:
            good += 1
    as_tested = "as tested" if pins else "as required (no constraints.txt here to compare with)"
    return [Finding("packages", "ok", f"{good} {as_tested}"), *findings]


def _requirements(root: Path) -> Iterator[tuple]:
    """(Requirement, extra or "") of the package: from pyproject.toml in a checkout, else from its metadata."""
    from packaging.requirements import Requirement

    if (root / "pyproject.toml").is_file():
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for line in project["dependencies"]:
            yield Requirement(line), ""
        for extra in ("lab", "dev"):
            for line in project["optional-dependencies"][extra]:
                yield Requirement(line), extra
        return
    for line in importlib.metadata.requires("tdnnq-lab") or []:
        requirement = Requirement(line)
        for extra in ("", "lab"):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                yield requirement, extra
                break


def _pins(path: Path) -> Iterator[tuple[str, str]]:
    """(name, version) of the `name==version` lines; none where the file is not there."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        name, equals, version = line.split("#")[0].partition("==")
        if equals:
            yield _canonical(name.strip()), version.strip()


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def threads() -> Finding:
    """Cores that this process may use, against the thread count asked for in the environment."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup("cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        cores = max(1, min(cores, int(quota[0]) // int(quota[1])))
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > cores:
        detail = f"{cores} cores, but OMP_NUM_THREADS={asked}: they would wait for one another"
        return Finding("threads", "warn", detail, f"export OMP_NUM_THREADS={cores}")
    return Finding("threads", "ok", f"{cores} cores" + (f", OMP_NUM_THREADS={asked}" if asked else ""))


def memory() -> Finding:
    """Memory available to this process; the demo takes up to 4 GB."""
    import psutil

    total, free = psutil.virtual_memory().total, psutil.virtual_memory().available
    limit = _cgroup("memory.max")
    if limit.isdigit():
        total, free = min(total, int(limit)), min(free, int(limit))
    detail = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f}"
    if free < DEMO_BYTES:
        return Finding("memory", "warn", f"{detail}; `make demo` takes up to 4 GB", "close other programs first")
    return Finding("memory", "ok", detail)


def _cgroup(name: str) -> str:
    """The text of a control file of Linux's cgroup v2, which holds a container's limits; empty elsewhere."""
    try:
        return Path("/sys/fs/cgroup", name).read_text().strip()
    except OSError:
        return ""


def gpu() -> Finding:
    """An NVIDIA GPU, and a torch that can use it. None is needed."""
    if not shutil.which("nvidia-smi"):
        return Finding("gpu", "ok", "none found; everything here runs on the CPU")
    found = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if not found:
        return Finding("gpu", "warn", "nvidia-smi is there but finds no working GPU", "check the driver: nvidia-smi")
    try:
        torch = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        torch = "none"
    if torch.endswith("+cpu"):
        return Finding("gpu", "warn", f"{found}; torch {torch} cannot use it", "pip install torch torchaudio")
    return Finding("gpu", "ok", found.replace("\n", "; "))


def disk() -> Finding:
    """Room where runs and features are written: the working directory."""
    free = shutil.disk_usage(".").free
    detail = f"{free / 1e9:.1f} GB free here"
    if free < DISK_BYTES:
        return Finding("disk", "warn", f"{detail}; a run takes up to 2 GB", "work on a larger disk")
    return Finding("disk", "ok", detail)


def data_small(root: Path = ROOT) -> Finding:
    """The shipped corpus: its lists, every file that they name, and the hashes of the samples of a few files."""
    folder, again = root / "data_small", "git checkout -- data_small  (or clone again)"
    if os.environ.get("TDNNQ_DATA_SMALL"):  # as in `corpora`
        folder = Path(os.environ["TDNNQ_DATA_SMALL"]).expanduser()
    lists = sorted(folder.glob("*.tsv"))
    if not lists:
        detail = "not here: it comes with the repository, not with the wheel"
        return Finding("data_small", "missing", detail, "clone the repository, or set TDNNQ_DATA_SMALL to its folder")
    files = sorted({name for path in lists for name in _audio_files(path)})
    for name in files:
        if not (folder / name).is_file() or not (folder / name).stat().st_size:
            return Finding("data_small", "missing", f"{name} is missing or empty", again)
    wrong = _wrong_hash(folder, files)
    if wrong:
        return Finding("data_small", "missing", wrong, again)
    megabytes = sum((folder / name).stat().st_size for name in files) / 1e6
    return Finding("data_small", "ok", f"{len(files)} audio files, {megabytes:.1f} MB; hashes of a sample agree")


def _audio_files(path: Path) -> Iterator[str]:
    """The `file` column of a split's list."""
    header, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    columns = header.split("\t")
    if "file" in columns:
        yield from (line.split("\t")[columns.index("file")] for line in lines if line)


def _wrong_hash(folder: Path, files: list[str], sample: int = 3) -> str:
    """What is wrong with the hashes of the smallest files; empty when they agree."""
    import hashlib

    import soundfile

    hashes = folder / "pcm.sha256"
    if not hashes.is_file():
        return "pcm.sha256 is missing"
    lines = (line.split(maxsplit=1) for line in hashes.read_text(encoding="utf-8").splitlines() if line.strip())
    known = {name.strip(): digest for digest, name in lines}
    for name in sorted(files, key=lambda name: (folder / name).stat().st_size)[:sample]:
        try:
            samples, _ = soundfile.read(folder / name, dtype="int16")
        except (soundfile.SoundFileError, OSError) as error:
            return f"{name} cannot be decoded: {error}"
        if hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest() != known.get(name):
            return f"{name} does not decode to the samples that pcm.sha256 names"
    return ""


def corpora() -> Finding:
    """The folder of further corpora that TDNNQ_CORPORA names. None is needed."""
    named = os.environ.get("TDNNQ_CORPORA", "")
    if not named:
        return Finding("TDNNQ_CORPORA", "ok", "not set; data_small is used (the README says how to get real speech)")
    if not Path(named).is_dir():
        return Finding("TDNNQ_CORPORA", "warn", f"{named} is not a folder", "export TDNNQ_CORPORA=/folder/of/corpora")
    sets = sorted(path.name for path in Path(named).iterdir() if path.is_dir())
    return Finding("TDNNQ_CORPORA", "ok", f"{named}: {', '.join(sets) or 'empty'}")


def k2() -> Finding:
    """k2, an optional second opinion on the criterion: here, or in the interpreter that K2_PYTHON names."""
    other = os.environ.get("K2_PYTHON", "")
    if other:
        ask = "import importlib.metadata as m; print('k2', m.version('k2'), 'with torch', m.version('torch'))"
        found = _output(other, "-c", ask)
        if found:
            return Finding("k2", "ok", f"{found}, in K2_PYTHON")
        return Finding("k2", "warn", f"K2_PYTHON={other} does not answer with a k2", "unset K2_PYTHON, or mend it")
    try:
        return Finding("k2", "ok", f"{importlib.metadata.version('k2')}, in this environment")
    except importlib.metadata.PackageNotFoundError:
        return Finding("k2", "ok", "not installed; optional, a second opinion on the criterion")


def tool(name: str, commands: tuple[str, ...], use: str, remedy: str) -> Finding:
    """An optional program: the first of `commands` that is on the path.

    Args:
        name: What to call it.
        commands: Its possible names.
        use: What it is used for, said when it is not there.
        remedy: How to get it.
    """
    found = next((path for path in map(shutil.which, commands) if path), None)
    if found:
        return Finding(name, "ok", found)
    return Finding(name, "warn", f"not installed; optional: {use}", remedy)


def _output(*command: str) -> str:
    """What a short command prints; empty when it fails, is not there or takes more than three seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def table(findings: list[Finding]) -> Table:
    """The findings as a table for the terminal, what is missing last."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title="tdnnq-lab doctor", title_justify="left")
    for column in ("", "what", "found", "to mend"):
        shown.add_column(column, overflow="fold")
    for finding in sorted(findings, key=lambda finding: finding.status == "missing"):
        row = (finding.name, finding.detail, finding.remedy)
        shown.add_row(MARKS[finding.status], *map(escape, row))
    return shown


def show(findings: list[Finding]) -> int:
    """Print the table and one line on what is missing.

    Returns:
        The exit status: 1 when something needed is missing, else 0.
    """
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(table(findings))
    missing = [finding.name for finding in findings if finding.status == "missing"]
    console.print(f"missing: {escape(', '.join(missing))}" if missing else "Nothing that is needed is missing.")
    return 1 if missing else 0
