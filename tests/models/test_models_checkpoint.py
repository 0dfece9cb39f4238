"""Model files: whole or refused, by name."""

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_twin import model_of, tiny
from safetensors.torch import save_file

from tdnnq_lab.models import load_model, save_model, write_atomically


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model = model_of(tiny(lda=True, ivector_dim=2)).float()
    save_model(model, path)
    return model, path


def test_a_model_comes_back_tensor_for_tensor(saved):
    model, path = saved
    back = load_model(path)
    assert back.config == model.config
    assert not back.training
    assert back.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    assert os.listdir(path.parent) == [path.name]  # nothing temporary is left


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_a_truncated_file_is_refused_by_name(saved, tmp_path_factory, data):
    raw = saved[1].read_bytes()
    bad = tmp_path_factory.mktemp("cut") / "cut.safetensors"
    bad.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(ValueError, match=r"cut\.safetensors: not a whole model file"):
        load_model(bad)


def test_foreign_and_missing_files_are_told_apart(tmp_path, saved):
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.ones(2)}, foreign)
    with pytest.raises(ValueError, match=r"foreign\.safetensors.*its format is 'none'"):
        load_model(foreign)
    save_file({"x": torch.ones(2)}, foreign, {"format": "tdnnq-lab model 1", "config": saved[0].config.to_json()})
    with pytest.raises(ValueError, match=r"foreign\.safetensors"):
        load_model(foreign)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_model(tmp_path / "absent")
    with pytest.raises(ValueError, match="not a whole model file"):
        load_model(tmp_path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(OSError, match="missing"):
        write_atomically(tmp_path / "missing" / "file", b"")
