"""Bundles: everything in one folder, the same bytes every time, every part checked."""

import json
import shutil

import numpy as np
import pytest
from deploy_toys import toy_hclg, toy_plan, toy_recogniser_model

from tdnnq_lab.corpora import MfccSettings
from tdnnq_lab.decoding import decode
from tdnnq_lab.deploy import Recogniser, bundle, load, make_bundle, read_bundle
from tdnnq_lab.models import save_model

MODEL, GRAPH = toy_recogniser_model(), toy_hclg()
FILES = [*bundle.PARTS, bundle.HEADER]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "a" / "bundle"
    about = {"licence": "Apache-2.0", "data": ["спасибо", 3]}
    return folder, make_bundle(folder, MODEL, toy_plan(MODEL), GRAPH, acoustic_scale=0.7, about=about)


def test_what_is_reported_is_on_disk(made):
    folder, report = made
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == report.bytes_by_part
    assert set(report.bytes_by_part) == set(FILES)
    assert sum(report.bytes_by_part.values()) == report.bytes_on_disk
    assert report.model.bytes_on_disk == report.bytes_by_part["model.safetensors"]


def test_it_opens_as_it_was_made(made):
    found = read_bundle(made[0])
    assert (found.acoustic_scale, found.beam, found.max_active) == (0.7, bundle.BEAM, bundle.MAX_ACTIVE)
    assert found.features == MfccSettings(8000)
    assert found.about == {"licence": "Apache-2.0", "data": ["спасибо", 3]}
    assert found.packed.plan == toy_plan(MODEL)
    assert (found.hclg.words, found.hclg.lexicon.pronunciations) == (GRAPH.words, GRAPH.lexicon.pronunciations)
    x = np.random.default_rng(0).standard_normal((40, GRAPH.topology.num_pdfs))
    assert decode(x, found.hclg) == decode(x, GRAPH)  # the graph is compressed without loss


def test_the_same_again_is_the_same_to_the_byte(made, tmp_path):
    about = {"licence": "Apache-2.0", "data": ["спасибо", 3]}
    again = load(made[0] / "model.safetensors")
    make_bundle(tmp_path, again, toy_plan(MODEL), read_bundle(made[0]).hclg, acoustic_scale=0.7, about=about)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes(), name
    other = toy_recogniser_model(seed=1)
    make_bundle(tmp_path, other, toy_plan(other, 2), GRAPH, acoustic_scale=1)  # over the old one
    assert read_bundle(tmp_path).packed.plan == toy_plan(other, 2)
    assert len(list(tmp_path.iterdir())) == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_part_is_named(made, tmp_path, name):
    folder = shutil.copytree(made[0], tmp_path / "bundle")
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"bundle.{name}: .*no such file|bundle.{name}: .*missing"):
        Recogniser(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_part_is_named(made, tmp_path, name):
    folder = shutil.copytree(made[0], tmp_path / "bundle")
    raw = (folder / name).read_bytes()
    for at in np.linspace(0, len(raw) - 1, 25).astype(int):
        flipped = bytearray(raw)
        flipped[at] ^= 1 << at % 8
        (folder / name).write_bytes(flipped)
        with pytest.raises(ValueError, match=rf"bundle.{name}: "):
            Recogniser(folder)
    for other in (raw[:-1], raw + b"\n", b""):
        (folder / name).write_bytes(other)
        with pytest.raises(ValueError, match=rf"bundle.{name}: "):
            Recogniser(folder)


def test_a_part_of_another_bundle_is_refused(made, tmp_path):
    folder = shutil.copytree(made[0], tmp_path / "bundle")
    other = toy_recogniser_model(seed=1)
    make_bundle(tmp_path / "other", other, toy_plan(other), GRAPH, acoustic_scale=0.7)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(ValueError, match=r"model\.safetensors: .*of another one"):
        Recogniser(folder)


def rewritten(folder, **changes):
    header = json.loads((folder / bundle.HEADER).read_text("utf-8")) | {"sha256": bundle.BLANK} | changes
    header = {key: value for key, value in header.items() if value is not None}
    (folder / bundle.HEADER).write_bytes(bundle.sealed(json.dumps(header).encode()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "tdnnq-lab bundle 2"}, "format version 2 is newer than 1: update"),
        ({"format": "tdnnq-lab plan 1"}, "its format is 'tdnnq-lab plan 1'"),
        ({"features": {"sampling_rate": 8000, "colour": 3}}, "not the description of a bundle"),
        ({"features": {"num_ceps": 13}}, "takes 40 features a frame, the bundle's are 13"),
        ({"parts": {}}, "not the description of a bundle"),
        ({"beam": None}, "not the description of a bundle"),
    ],
)
def test_other_descriptions_are_refused(made, tmp_path, changes, message):
    folder = shutil.copytree(made[0], tmp_path / "bundle")
    rewritten(folder)
    Recogniser(folder)
    rewritten(folder, **changes)
    with pytest.raises(ValueError, match=message):
        Recogniser(folder)


def test_a_folder_that_is_no_bundle(tmp_path):
    save_model(MODEL, tmp_path / "model.safetensors")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"bundle\.json: no such file; a bundle is a folder"):
            Recogniser(folder)


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        (toy_recogniser_model(input_dim=20), {}, "takes 20 features a frame, the bundle's are 40"),
        (toy_recogniser_model(ivector_dim=3), {}, "needs i-vectors"),
        (toy_recogniser_model(num_pdfs=3), {}, "asks for 8 pdfs, the model has 3"),
        (MODEL, {"acoustic_scale": 0.0}, "acoustic_scale is 0.0"),
        (MODEL, {"about": {"x": object()}}, "about must be of JSON values"),
        (MODEL, {"about": {"x": float("nan")}}, "about must be of JSON values"),
        (object(), {}, "only a Tdnnf can be packed"),
    ],
)
def test_what_cannot_be_bundled_leaves_nothing(tmp_path, model, more, message):
    with pytest.raises(ValueError, match=message):
        make_bundle(tmp_path / "b", model, toy_plan(MODEL), GRAPH, **{"acoustic_scale": 1.0, **more})
    assert not list(tmp_path.iterdir())
