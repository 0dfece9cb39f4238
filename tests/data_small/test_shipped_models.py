"""The shipped checkpoint, bundle and sensitivities: small, whole, of one run, and they recognise speech."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from tdnnq_lab.corpora import call_audio, cuts, find_data_small, transcripts
from tdnnq_lab.deploy import Recogniser
from tdnnq_lab.models import layers, load_model
from tdnnq_lab.precision import SensitivityTable
from tdnnq_lab.scoring import wer
from tdnnq_lab.training import weights_sha256

SHIPPED = find_data_small() / "models"
REPORT = Path(__file__).parents[2] / "results" / "demo" / "report.json"


def total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_sizes() -> None:
    assert (SHIPPED / "baseline.safetensors").stat().st_size <= 4.5e6
    assert total(SHIPPED / "bundle") <= 4e6
    assert total(SHIPPED.parent) <= 25e6


def test_all_come_from_one_run() -> None:
    model = load_model(SHIPPED / "baseline.safetensors")
    table = SensitivityTable.load(SHIPPED / "sensitivity.json")
    assert table.layers == list(layers(model))
    assert table.made_by["made_for"]["weights"] == weights_sha256(model)
    plan = Recogniser(SHIPPED / "bundle").bundle.packed.plan
    average = sum(s * plan.bits[name] for name, s in zip(table.layers, table.sizes, strict=True)) / sum(table.sizes)
    assert 3.9 < average <= 4
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    assert report["plan"]["bits"] == plan.bits
    mixed = next(system for system in report["systems"] if system["name"] == report["plan"]["system"])
    assert mixed["bytes"] == (SHIPPED / "bundle" / "model.safetensors").stat().st_size


@pytest.mark.parametrize("call", ["dev01", "dev02"])
def test_bundle_recognises_a_whole_call(call: str, tmp_path: Path) -> None:
    """Digital silence lies between the turns of a channel; nothing must be heard in it."""
    found = cuts("data_small", "dev")
    samples, rate = call_audio(found, call)
    soundfile.write(tmp_path / "call.wav", samples.T, rate)
    heard = Recogniser(SHIPPED / "bundle").transcribe(tmp_path / "call.wav").channels
    turns = {side: sorted(cut.id for cut in found if cut.id.startswith(f"{call}-{side}")) for side in "AB"}
    said = {side: [word for id in ids for word in transcripts(found)[id]] for side, ids in turns.items()}
    errors = wer(said, {side: channel.words for side, channel in zip("AB", heard, strict=True)})
    assert errors.percent < 8


@pytest.mark.parametrize("split", ["dev", "test_seen"])
def test_bundle_recognises_files(split: str, tmp_path: Path) -> None:
    recogniser, said, heard = Recogniser(SHIPPED / "bundle"), {}, {}
    for cut in list(cuts("data_small", split))[:60:5]:
        soundfile.write(tmp_path / "one.wav", cut.load_audio()[0], cut.sampling_rate)
        said[cut.id] = cut.supervisions[0].text.split()
        heard[cut.id] = recogniser.transcribe(tmp_path / "one.wav").channels[0].words
    assert wer(said, heard).percent < 20
