"""`run.json`: who made a result, from what and with what, without host names or absolute paths."""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .jsonfiles import read_json, write_json
from .status import StatusWriter, Stopped

__all__ = [
    "RunRecord",
    "StatusWriter",
    "Stopped",
    "git_commit",
    "machine",
    "package_versions",
    "peak_memory_mb",
    "portable",
    "read_json",
    "write_json",
]

RECORDED_PACKAGES = (
    *("tdnnq-lab", "torch", "torchaudio", "numpy", "scipy", "numba", "lhotse", "kaldifst", "kaldi-decoder"),
    *("kaldilm", "kaldi-native-fbank", "kaldi-native-io", "soundfile", "safetensors"),
)


@dataclass
class RunRecord:
    """Who made a result, from what, with what: written as `run.json`.

    Attributes:
        row: the row of a table, or the job ("demo", "train").
        corpus: as given ("data_small", "kaldi:DIR").
        seed: of the run.
        data_hash: over the data it read.
        settings: whatever else is needed to repeat it; absolute paths in it are made portable.
        command: the command line, likewise.
        commit: of the package's own git checkout; None without one. `dirty`: with uncommitted changes.
        versions: of Python and the packages that results depend on.
        machine: processor, cores, memory, system, GPU.
        started: UTC.
        seconds: wall time, earlier calls of a resumed run included.
        calls: how often it was started.
        peak_memory_mb: of the largest process of the run, in 10^6 bytes.
        results: figures to keep.
    """

    row: str
    corpus: str
    seed: int
    data_hash: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    commit: str | None = None
    dirty: bool | None = None
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    seconds: float = 0.0
    calls: int = 1
    peak_memory_mb: float = 0.0
    results: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, run_dir: str | Path, row: str, corpus: str, seed: int, **more: Any) -> "RunRecord":
        """Collect what is known at the start and write it; count on if the run is a resumed one.

        Args:
            run_dir: made if missing.
            row, corpus, seed: see the class.
            more: `data_hash`, `settings`, `command` (default: this process's).

        Raises:
            ValueError: `run.json` there is of another row, corpus or seed, or is none.
            OSError: the directory cannot be written.
        """
        path = Path(run_dir) / "run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        more.setdefault("command", ["tdnnq-lab", *sys.argv[1:]])
        record = cls(row, portable(corpus), seed, **portable(more))
        record.commit, record.dirty = git_commit()
        record.versions, record.machine = package_versions(), machine()
        record.started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record._keep_at(path, RunRecord.load(run_dir) if path.exists() else None)
        record.write()
        return record

    def facts(self) -> dict[str, Any]:
        """What a report says of its run (`run` of `ui.report`)."""
        return {
            "row": self.row,
            "seed": self.seed,
            "command": " ".join(self.command),
            "commit": self.commit,
            "started": self.started,
            "wall_seconds": self.seconds,
            "peak_memory_bytes": int(self.peak_memory_mb * 1e6),
            "data_hash": self.data_hash,
            "machine": {
                "cpu": self.machine.get("processor"),
                "cores": self.machine.get("cores"),
                "platform": self.machine.get("system"),
            },
            "versions": self.versions,
        }

    def write(self) -> None:
        """Write `run.json` with the time and memory used so far, atomically."""
        self.seconds = round(self._seconds_before + time.monotonic() - self._begun, 1)
        self.peak_memory_mb = max(self.peak_memory_mb, round(peak_memory_mb(), 1))
        write_json(self._path, asdict(self))

    def finish(self, **results: Any) -> None:
        """Write it once more, with figures to keep."""
        self.results |= results
        self.write()

    @classmethod
    def load(cls, run_dir: str | Path) -> "RunRecord":
        """Read `run.json` of a run directory.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is something else; names the file.
        """
        path = Path(run_dir) / "run.json"
        values = read_json(path)
        if values is None:
            raise FileNotFoundError(f"{path} does not exist: {run_dir} is not the directory of a run.")
        try:
            record = cls(**values)
        except TypeError as error:
            raise ValueError(f"{path} is not the record of a run ({error}).") from error
        record._keep_at(path, None)
        record._seconds_before = record.seconds
        return record

    def _keep_at(self, path: Path, earlier: "RunRecord | None") -> None:
        """Remember where it is kept; count on from an earlier call of the same run."""
        self._path, self._begun, self._seconds_before = path, time.monotonic(), 0.0
        if earlier is None:
            return
        for name in ("row", "corpus", "seed"):
            if _ends(getattr(earlier, name)) != _ends(getattr(self, name)):
                raise ValueError(
                    f"{path} is of a run with {name} {getattr(earlier, name)!r}, not {getattr(self, name)!r}: "
                    "choose another run directory."
                )
        self._seconds_before = earlier.seconds
        self.started, self.calls = earlier.started, earlier.calls + 1
        self.results, self.peak_memory_mb = earlier.results, earlier.peak_memory_mb


def _ends(name: Any) -> tuple[str, str]:
    """Return what of a name stays the same from wherever the run is started: kind and last part of a path."""
    parts = str(name).replace(":", "/").split("/")
    return parts[0], parts[-1]


def portable(value: Any) -> Any:
    """Return a value with all absolute paths in its strings made relative, in lists and dicts too.

    A path below the working directory becomes relative to it, any other one `…/` and its last part; what stands
    before a path, as in `kaldi:PATH` and `--run-dir=PATH`, stays.
    """
    if isinstance(value, Mapping):
        return {name: portable(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [portable(v) for v in value]
    if isinstance(value, Path):
        value = str(value)
    return _portable_text(value) if isinstance(value, str) else value


def _portable_text(argument: str) -> str:
    prefix, path = "", argument
    if not Path(argument).is_absolute():
        for mark in ("=", ":"):
            before, found, after = argument.partition(mark)
            if found and Path(after).is_absolute():
                prefix, path = before + mark, after
                break
        else:
            return argument
    try:
        return prefix + Path(path).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return prefix + "…/" + Path(path).name


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def git_commit() -> tuple[str | None, bool | None]:
    """Return (commit, uncommitted changes?) of the checkout that this package lies in.

    Without a repository, in a container or on a cluster, (TDNNQ_COMMIT or None, None): who copies may say what.
    """
    root = Path(__file__).resolve().parents[2]
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:  # an installed package inside somebody's repository is not ours
        return os.environ.get("TDNNQ_COMMIT"), None
    commit = _git(root, "rev-parse", "HEAD")
    return commit, None if commit is None else bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on, those that are installed."""
    versions = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def usable_cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return what of the machine matters for times: processor, cores usable, memory in GB, system, GPU."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    facts = {"processor": model, "cores": usable_cores(), "memory_gb": round(psutil.virtual_memory().total / 1e9)}
    facts |= {"system": f"{platform.system()} {platform.machine()}"}
    torch = sys.modules.get("torch")  # asked only if the run uses it anyway
    if torch is not None and torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process or its largest child that ended, in 10^6 bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / 1e6  # type: ignore[attr-defined]
    unit = 1 if sys.platform == "darwin" else 1024
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) * unit / 1e6


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
