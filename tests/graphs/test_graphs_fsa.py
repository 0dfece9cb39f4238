import math

import pytest
import torch

from tdnnq_lab.graphs import Fsa


def make(**changes):
    values = {
        "arcs": torch.tensor([[0, 1, 3], [1, 1, 0]]),
        "scores": torch.tensor([-0.5, -1.0], dtype=torch.float64),
        "initial": torch.tensor([0.0, -math.inf]),
        "final": torch.tensor([-math.inf, 0.0]),
    }
    return Fsa(**{**values, **changes})


def test_types_are_converted_and_sizes_known():
    fsa = make()
    assert (fsa.num_states, fsa.num_arcs, fsa.num_pdfs) == (2, 2, 4)
    assert fsa.arcs.dtype == torch.int32
    assert fsa.scores.dtype == fsa.initial.dtype == torch.float32
    assert Fsa(torch.zeros(0, 3, dtype=torch.int32), torch.zeros(0), torch.zeros(1), torch.zeros(1)).num_pdfs == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arcs": torch.tensor([[0, 2, 0], [1, 1, 0]])}, "destination state 2"),
        ({"arcs": torch.tensor([[-1, 1, 0], [1, 1, 0]])}, "source state -1"),
        ({"arcs": torch.tensor([[0, 1, -1], [1, 1, 0]])}, "no epsilons"),
        ({"arcs": torch.zeros(2, 4, dtype=torch.int32)}, r"\(2, 4\)"),
        ({"arcs": torch.zeros(2, 3)}, "float32; int32"),
        ({"scores": torch.zeros(3)}, r"\(3,\); one for each of 2 arcs"),
        ({"scores": torch.tensor([0.0, math.nan])}, r"scores\[1\] is nan"),
        ({"scores": torch.tensor([math.inf, 0.0])}, r"scores\[0\] is inf"),
        ({"initial": torch.tensor([0.0, math.nan])}, r"initial\[1\]"),
        ({"final": torch.tensor([math.inf, 0.0])}, r"final\[0\]"),
        ({"final": torch.zeros(3)}, r"both must be \(S,\)"),
        ({"initial": torch.zeros(0), "final": torch.zeros(0)}, "at least one state"),
        ({"scores": [0.0, 0.0]}, "is a list"),
    ],
)
def test_bad_input_is_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_round_trip_and_damage(tmp_path):
    fsa = make()
    fsa.save(tmp_path / "a.fsa")
    again = Fsa.load(tmp_path / "a.fsa")
    for name in ("arcs", "scores", "initial", "final"):
        assert torch.equal(getattr(fsa, name), getattr(again, name))
    assert [p.name for p in tmp_path.iterdir()] == ["a.fsa"]
    (tmp_path / "b.fsa").write_bytes((tmp_path / "a.fsa").read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"b\.fsa: truncated"):
        Fsa.load(tmp_path / "b.fsa")
    (tmp_path / "c.fsa").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"c\.fsa"):
        Fsa.load(tmp_path / "c.fsa")
    with pytest.raises(FileNotFoundError, match=r"d\.fsa"):
        Fsa.load(tmp_path / "d.fsa")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    fsa = make()
    fsa.save(tmp_path / "a.fsa")
    before = (tmp_path / "a.fsa").read_bytes()

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr("tdnnq_lab.graphs.fsa.save_file", full)
    with pytest.raises(OSError, match="No space"):
        fsa.save(tmp_path / "a.fsa")
    assert (tmp_path / "a.fsa").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
