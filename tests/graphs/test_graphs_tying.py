"""Tyings: what may be tied, what is refused, files."""

import json

import numpy as np
import pytest
from graphs_oracles import random_tying
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.graphs import Topology, Tying

PHONES = ["SIL", "a", "ʃ"]


def test_monophones_are_the_pdfs_of_a_topology_without_tying():
    tying, topology = Tying.monophone(3), Topology(PHONES)
    assert topology.tying == tying
    assert tying.is_monophone
    assert tying.num_pdfs == topology.num_pdfs == 6
    for left in (-1, 0, 2):
        assert [topology.forward_pdf(p, left) for p in range(3)] == [0, 2, 4]
        assert [topology.loop_pdf(p, left) for p in range(3)] == [1, 3, 5]


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 99))
def test_owners_say_whose_every_pdf_is(phones, seed):
    tying = random_tying(phones, seed)
    assert tying.owners.shape == (tying.num_pdfs, 2)
    for (_, phone, kind), pdf in np.ndenumerate(tying.pdfs):
        assert tying.owners[pdf].tolist() == [phone, kind]


def test_pairs_seen_often_have_pdfs_of_their_own_and_the_rest_of_a_phone_shares():
    counts = np.array([[5, 0, 9], [20, 3, 9], [0, 30, 9], [1, 1, 9]])  # [left, phone]
    tying = Tying.from_counts(counts, 9)
    assert tying.pdfs[:, 0, 0].tolist() == [1, 0, 1, 1]
    assert len(np.unique(tying.pdfs[:, 1, 0])) == 2
    assert len(np.unique(tying.pdfs[:, 2, 0])) == 4  # nothing is left to share
    assert tying.num_pdfs == 2 * (2 + 2 + 4)


def test_what_is_no_tying_is_refused():
    good = Tying.monophone(3).pdfs
    with pytest.raises(ValueError, match=r"\(n \+ 1, n, 2\).*\(3, 3, 2\)"):
        Tying(good[1:])
    with pytest.raises(ValueError, match="none is 5"):
        Tying(np.where(good == 5, 7, good))
    with pytest.raises(ValueError, match="-1 among them"):
        Tying(good - 1)
    with pytest.raises(ValueError, match="pdf 3 belongs to phone 1 and to phone 2"):
        Tying(np.where(good == 4, 3, np.where(good == 5, 4, good)))
    with pytest.raises(ValueError, match="2 phones for 3"):
        Topology(PHONES, Tying.monophone(2))


def test_files(tmp_path):
    tying, path = random_tying(3, 5), tmp_path / "tying.json"
    tying.save(path, PHONES)
    assert Tying.load(path, PHONES) == tying
    assert hash(Tying.load(path, PHONES)) == hash(tying)
    with pytest.raises(ValueError, match="'ʃ' where the lexicon has 'b'"):
        Tying.load(path, ["SIL", "a", "b"])
    with pytest.raises(ValueError, match="'ʃ' where the lexicon has None"):
        Tying.load(path, ["SIL", "a"])
    with pytest.raises(FileNotFoundError, match="tie"):
        Tying.load(tmp_path / "none.json", PHONES)
    whole = path.read_text(encoding="utf-8")
    for text in (whole[: len(whole) // 2], "[]", json.dumps({"format": "other"})):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="not a tying"):
            Tying.load(path, PHONES)
    path.write_text(whole.replace("[[[", "[[[7, 1], ["), encoding="utf-8")
    with pytest.raises(ValueError, match=r"tying\.json"):
        Tying.load(path, PHONES)
