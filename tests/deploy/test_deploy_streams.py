"""Resampling, features and network outputs in blocks: equal to those of the whole."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torchaudio
from deploy_toys import noise, toy_model
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.corpora import MfccSettings, SpeechMean
from tdnnq_lab.deploy.sound import resampled
from tdnnq_lab.deploy.streams import QUIETEST, feature_blocks, feature_mean, output_blocks


def cut(values, places):
    """Blocks of an array, cut at the given places (which may repeat: empty blocks)."""
    return [values[first:after] for first, after in pairwise([0, *sorted(places), len(values)])]


def whole_resampled(samples, source, target):
    return torchaudio.functional.resample(torch.from_numpy(samples), source, target).numpy()


@settings(deadline=None, max_examples=80)
@given(st.data(), st.integers(40, 300), st.integers(40, 300), st.integers(1, 700))
def test_resampling_in_blocks_is_torchaudios_of_the_whole(data, source, target, count):
    samples = noise(count / 8000, seed=count)
    places = data.draw(st.lists(st.integers(0, count), max_size=5))
    blocks = list(resampled(cut(samples, places), source, target))
    want = whole_resampled(samples, source, target)
    assert sum(map(len, blocks)) == len(want) == -(-count * target // source)
    np.testing.assert_allclose(np.concatenate(blocks), want, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "target"), [(16000, 8000), (44100, 8000), (48000, 8000), (6000, 8000), (8000, 16000)]
)
def test_resampling_at_usual_rates(source, target):
    samples = noise(1.3, rate=source)
    blocks = list(resampled(cut(samples, range(0, len(samples), source // 7)), source, target))
    assert all(block.dtype == np.float32 for block in blocks)
    np.testing.assert_allclose(np.concatenate(blocks), whole_resampled(samples, source, target), atol=1e-5)


def test_rates_that_share_no_divisor_need_no_huge_filter():
    tone = np.sin(2 * np.pi * 440 * np.arange(44101) / 44101).astype(np.float32)
    found = np.concatenate(list(resampled(cut(tone, [9999, 31000]), 44101, 8000)))
    want = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(found[50:-50], want[50:-50], atol=2e-3)


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 4000), st.sampled_from([8000, 11025]))
def test_features_in_blocks_are_those_of_the_whole(data, count, rate):
    samples, mfcc = noise(count / 8000, seed=count), MfccSettings(rate)
    places = data.draw(st.lists(st.integers(0, count), max_size=6))
    blocks = list(feature_blocks(cut(samples, places), mfcc))
    found = np.concatenate([np.zeros((0, 40), np.float32), *blocks])
    np.testing.assert_allclose(found, mfcc.compute(samples), atol=1e-4)


@pytest.mark.parametrize("sizes", [[5000], [100, 300, 4600], [1999, 3001]])
def test_a_subtracted_mean_is_that_of_the_whole_channel(sizes: list[int]) -> None:
    samples = np.random.default_rng(4).standard_normal(sum(sizes)).astype(np.float32) * 0.1
    blocks = np.split(samples, np.cumsum(sizes)[:-1])
    normalised = MfccSettings(subtract_mean=True)
    mean = feature_mean(blocks, normalised)
    found = np.concatenate(list(feature_blocks(blocks, normalised, mean)))
    np.testing.assert_allclose(found, normalised.compute(samples), atol=1e-3)
    with pytest.raises(ValueError, match="mean of the whole channel"):
        list(feature_blocks(blocks, normalised))


@pytest.mark.parametrize("sizes", [[5000], [100, 300, 4600], [1999, 3001]])
def test_the_mean_of_a_channels_speaker_is_that_of_its_louder_frames(sizes: list[int]) -> None:
    samples = np.random.default_rng(4).standard_normal(sum(sizes)).astype(np.float32)
    samples *= np.repeat([1e-3, 0.1], len(samples) // 2)  # the other side's turn first, 40 dB below
    blocks = np.split(samples, np.cumsum(sizes)[:-1])
    by_speaker, plain = MfccSettings(speaker_mean=True), MfccSettings().compute(samples)
    speech = SpeechMean(40)
    speech.add(plain[np.arange(len(plain)) * 80 + 200 > len(samples) // 2 + 120])
    mean = feature_mean(blocks, by_speaker)
    np.testing.assert_allclose(mean, speech.mean(), atol=0.7)  # a frame that both turns share may count
    found = np.concatenate(list(feature_blocks(blocks, by_speaker, mean)))
    np.testing.assert_allclose(found, plain - mean, atol=1e-3)
    with pytest.raises(ValueError, match="mean of the whole channel"):
        list(feature_blocks(blocks, by_speaker))


def test_digital_silence_is_raised_to_what_a_network_has_heard() -> None:
    settings, samples = MfccSettings(speaker_mean=True), np.zeros(16000, np.float32)
    samples[8000:] = np.random.default_rng(5).standard_normal(8000).astype(np.float32) * 0.1
    mean = feature_mean([samples], settings)
    found = np.concatenate(list(feature_blocks([samples], settings, mean)))
    level = found[:, 0] / np.sqrt(40) * 10 / np.log(10)
    np.testing.assert_allclose(level[:97], -QUIETEST, atol=1e-3)
    np.testing.assert_allclose(level[100:], 0, atol=10)
    plain = MfccSettings().compute(samples)
    np.testing.assert_allclose(found[:, 1:], (plain - mean)[:, 1:], atol=1e-3)  # nothing but the level


def network(**changes):
    return toy_model(3, bottlenecks=(3, 2, 3, 2, 3), strides=(1, 1, 0, 3, 3), **changes)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 101), st.sampled_from([1, 3, 4, 10, 33, 60, 1000]))
def test_outputs_in_chunks_are_those_of_the_whole(data, length, chunk):
    model = network()
    x = torch.randn(length, 3, generator=torch.Generator().manual_seed(length))
    places = data.draw(st.lists(st.integers(0, length), max_size=6))
    blocks = list(output_blocks(cut(x.numpy(), places), model, chunk=chunk))
    assert all(len(block) for block in blocks)
    torch.testing.assert_close(torch.cat(blocks), model(x[None])[0].detach(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("strides", "splice"), [((), (0,)), ((1, 3), (-2, 0)), ((2, 3), (0, 1, 4)), ((1, 1), (-1, 0, 1))]
)
@pytest.mark.parametrize("subsampling", [1, 3])
def test_outputs_of_other_contexts(strides, splice, subsampling):
    model = toy_model(4, bottlenecks=(2,) * len(strides), strides=strides, splice=splice, subsampling=subsampling)
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    for chunk in (3, 12, 40):
        blocks = list(output_blocks(cut(x.numpy(), range(5, 50, 5)), model, chunk=chunk))
        torch.testing.assert_close(torch.cat(blocks), model(x[None])[0].detach(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("chunk", [1, 30])
def test_rows_come_with_the_chunk_that_completes_them(chunk):
    """No more is held than a chunk and the context: nothing waits for the end of the audio."""
    model = network()
    right = model.config.context[1]
    given, came = [0], []

    def frames():
        for _ in range(300):
            given[0] += 1
            yield np.zeros((1, 3), np.float32)

    rows = 0
    for block in output_blocks(frames(), model, chunk=chunk):
        rows += len(block)
        came.append((given[0], rows))
    assert came[-1] == (300, 100)
    for at, ready in came[:-1]:
        assert at % chunk == 0
        assert ready == (at - 1 - right) // 3 + 1


def test_a_chunk_without_frames_is_refused():
    with pytest.raises(ValueError, match="at least one frame, not 0"):
        list(output_blocks([], network(), chunk=0))


def test_no_frames_no_outputs():
    assert list(output_blocks([], network())) == []
    assert list(feature_blocks([np.zeros(199, np.float32)], MfccSettings())) == []
    assert list(resampled([], 16000, 8000)) == []
