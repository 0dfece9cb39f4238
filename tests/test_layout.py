"""The house keeps its order: light import, downhill imports, short files and functions, a small clean wheel."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import tdnnq_lab

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tdnnq_lab"
ROOMS = [
    *("scoring", "corpora", "graphs", "lfmmi", "models", "training", "search", "quantize", "precision"),
    *("decoding", "deploy", "experiments"),
]
PAINT = ("plotly", "ipywidgets", "anywidget")
HEAVY = ("torch", "torchaudio", "lhotse", "numba", "numpy", "plotly", "ipywidgets", "k2", "kaldifst")
# A path of somebody's machine; `me`, `you`, `user` and `ada` stand for anybody. Written so that this line is none.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~])/(?:(?:home|Users)/(?!me\b|you\b|user\b|ada\b)|(?:root|work|workspace)/)\w|\b[A-Z]:\\\\?Users\b"
)
WHEEL_BYTES = 500_000  # the recogniser alone (235 kB) kept to 300 kB; plans, packing and lessons came on top


def tracked_files() -> list[Path]:
    """What git tracks or would track; without git, everything but environments and caches."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        skip = re.compile(r"(^|/)(\.|__pycache__|build|dist|runs|cache|[^/]*\.egg-info)")
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
        names = [name for name in names if not skip.search(name)]
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def imported(source: str, package: list[str]) -> Iterator[str]:
    """Full names of all that a module imports: relative, under TYPE_CHECKING and by importlib too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def uphill(source: str, room: str, package: list[str]) -> list[str]:
    """The imports that a module of a room may not make."""
    allowed = {*ROOMS[: ROOMS.index(room) + 1]}
    wrong = []
    for name in imported(source, package):
        top, *rest = name.split(".")
        if top in PAINT or (top == "tdnnq_lab" and rest and rest[0] not in allowed and not rest[0].startswith("_")):
            wrong.append(name)
    return wrong


def test_rooms_import_downhill() -> None:
    wrong = []
    for path in python_files():
        parts = path.relative_to(ROOT).parts
        if parts[0] == "tdnnq_lab" and len(parts) > 2 and parts[1] in ROOMS:
            bad = uphill(path.read_text(encoding="utf-8"), parts[1], list(parts[:-1]))
            wrong += [f"{'/'.join(parts)} imports {name}" for name in bad]
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize(
    "source",
    [
        "import tdnnq_lab.decoding",
        "from tdnnq_lab import decoding",
        "from tdnnq_lab.cli import main",
        "from ..ui import report_page",
        "from .. import training",
        "from ..training.loop import fit",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..decoding import decode",
        "def late():\n    from .. import experiments",
        "import importlib\nimportlib.import_module('tdnnq_lab.deploy')",
        "import plotly.graph_objects as go",
    ],
)
def test_uphill_imports_are_found(source: str) -> None:
    assert uphill(source, "graphs", ["tdnnq_lab", "graphs"])


def test_downhill_imports_are_allowed() -> None:
    source = "import torch\nfrom .fsa import Fsa\nfrom ..scoring import wer\nfrom tdnnq_lab.corpora import cuts\n"
    assert uphill(source, "graphs", ["tdnnq_lab", "graphs"]) == []
    assert uphill("from ..lexicon import Lexicon", "graphs", ["tdnnq_lab", "graphs", "sub"]) == []


def test_every_folder_is_a_known_room() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= {*ROOMS, "ui"}
    for name in folders:
        tree = ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"tdnnq_lab/{name}/__init__.py has no docstring"
    assert list(tdnnq_lab.ROOMS) == [*ROOMS, "ui"]


def test_import_is_light() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import tdnnq_lab; took = time.perf_counter() - start\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], took < 0.3)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[] True"


def test_rooms_load_at_first_use() -> None:
    code = "import sys, tdnnq_lab; assert 'tdnnq_lab.scoring' not in sys.modules; print(tdnnq_lab.scoring.__name__)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "tdnnq_lab.scoring"
    assert "decoding" in dir(tdnnq_lab)
    with pytest.raises(AttributeError, match=r"no attribute 'kitchen'.*scoring, corpora"):
        _ = tdnnq_lab.kitchen


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert tdnnq_lab.__version__ == project["version"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_binder_asks_for_what_the_package_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = {line.strip() for line in lines if line and line[0] not in "#-"}
    assert asked == {re.match(r"[\w.-]+", line).group() for line in needed}


def test_files_and_functions_are_short() -> None:
    wrong = []
    for path in python_files():
        source, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
        if source.count("\n") >= 400:
            wrong.append(f"{name} has {source.count(chr(10))} lines")
        for node in ast.walk(ast.parse(source, str(name))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 60:
                wrong.append(f"{name}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines")
    assert not wrong, "; ".join(wrong)


def test_no_path_of_one_machine() -> None:
    wrong, here = [], str(ROOT)
    for path in tracked_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # audio, pictures, weights
        found = [
            (index, line) for index, line in enumerate(lines, start=1) if MACHINE_PATH.search(line) or here in line
        ]
        wrong += [f"{path.relative_to(ROOT)}:{index}: {line.strip()[:80]}" for index, line in found]
    assert not wrong, "; ".join(wrong[:10])


def test_paths_of_one_machine_are_found() -> None:
    folder = "/".join(["", "home", "grace", "corpus"])
    assert MACHINE_PATH.search(f'open("{folder}")')
    assert MACHINE_PATH.search(f"cd {folder}")
    assert not MACHINE_PATH.search("https://example.org" + folder)
    assert not MACHINE_PATH.search("#!/usr/bin/env bash")


def test_wheel_is_small_and_complete(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(PACKAGE, tree / "tdnnq_lab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size <= WHEEL_BYTES
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "tdnnq-lab = tdnnq_lab.cli:main" in archive.read(entry).decode()
    sources = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert any(name.endswith("licenses/LICENSE") for name in names)
