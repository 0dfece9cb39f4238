import numpy as np
import pytest
import torch
from decoding_toys import random_likelihoods, toy_graph
from test_decoding_phones import TOPOLOGY, phone_loop

from tdnnq_lab.decoding import decode, decode_all, decode_phones, decode_phones_all

LOOP = phone_loop([[-1.0] * 3] * 3)


@pytest.fixture(scope="module")
def graph():
    return toy_graph(0)[0]


@pytest.fixture
def outputs():
    return {f"u{n}": random_likelihoods(3 + n, 8, n) for n in range(9)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_utterance(graph, outputs, workers):
    tensors = {id: torch.from_numpy(x) for id, x in outputs.items()}
    found = decode_all(tensors, graph, acoustic_scale=0.7, beam=20, workers=workers)
    assert found == {id: decode(x, graph, acoustic_scale=0.7, beam=20) for id, x in outputs.items()}
    assert list(found) == list(outputs)
    assert found.skipped == {}
    assert found.speech_seconds == pytest.approx(0.03 * sum(map(len, outputs.values())))
    assert found.seconds > 0
    assert found.real_time_factor == found.seconds / found.speech_seconds


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_utterances_are_skipped_and_named(graph, outputs, workers):
    outputs |= {"empty": np.zeros((0, 8)), "broken": np.full((3, 8), np.nan)}
    found = decode_all(outputs.items(), graph, workers=workers)
    assert len(found) == 9
    assert list(found.skipped) == ["empty", "broken"]
    assert "no frames" in found.skipped["empty"]
    assert "nan" in found.skipped["broken"]


def test_outputs_are_taken_one_at_a_time(graph, outputs):
    made = []

    def network():
        for id, x in outputs.items():
            made.append(id)
            yield id, x

    assert len(decode_all(network(), graph)) == len(made) == 9


def test_refuses(graph, outputs):
    with pytest.raises(ValueError, match="beam is 0"):
        decode_all(outputs, graph, beam=0)
    with pytest.raises(ValueError, match="'u0' comes twice"):
        decode_all([("u0", outputs["u0"]), ("u0", outputs["u1"])], graph)
    with pytest.raises(ValueError, match=r"none of 9 utterances can be decoded; the first, 'u0': .* 5 pdfs"):
        decode_all({id: x[:, :5] for id, x in outputs.items()}, graph)


def test_nothing_to_do(graph):
    found = decode_all({}, graph)
    assert (found, found.skipped, found.real_time_factor) == ({}, {}, 0.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_phones_of_every_utterance(outputs, workers):
    outputs["broken"] = np.full((3, 8), np.inf)
    found = decode_phones_all(outputs, LOOP, TOPOLOGY, acoustic_scale=0.5, workers=workers)
    outputs.pop("broken")
    assert found == {id: decode_phones(x, LOOP, TOPOLOGY, acoustic_scale=0.5) for id, x in outputs.items()}
    assert list(found.skipped) == ["broken"]
    kept = decode_phones_all(outputs, LOOP, TOPOLOGY, silence=None)
    assert sum(map(len, kept.values())) > sum(map(len, found.values()))
