"""Transcription of any file: the same words as all at once, channel by channel; bad files in one sentence."""

from functools import partial

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from deploy_toys import noise, toy_hclg, toy_plan, toy_recogniser_model

from tdnnq_lab.corpora import MfccSettings, SpeechMean
from tdnnq_lab.decoding import decode
from tdnnq_lab.decoding.streaming import sentence_loop
from tdnnq_lab.deploy import Channel, Recogniser, Transcript, make_bundle, transcribe
from tdnnq_lab.quantize import round_model

SCALE = 0.9


@pytest.fixture(scope="module")
def model():
    found = toy_recogniser_model()
    round_model(found, toy_plan(found, 8))
    return found


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("bundle")
    make_bundle(folder, model, toy_plan(model, 8), toy_hclg(), acoustic_scale=SCALE)
    return Recogniser(folder)


def at_once(model, samples):
    """Words and times of samples at 8 kHz, nothing in blocks."""
    outputs = model(torch.from_numpy(MfccSettings().compute(samples))[None])[0]
    found = decode(outputs, sentence_loop(toy_hclg()), acoustic_scale=SCALE, beam=12.0, max_active=3000)
    return found.words, found.times


def write(path, samples, rate=8000, **more):
    soundfile.write(path, samples, rate, **{"subtype": "FLOAT" if path.suffix == ".wav" else None, **more})
    return path


@pytest.mark.parametrize("chunk", [3, 100, 250, 3000])
def test_chunks_do_not_change_a_word(tmp_path, monkeypatch, recogniser, model, chunk):
    samples = noise(7.123, seed=1)
    path = write(tmp_path / "a.wav", samples)
    monkeypatch.setattr(transcribe, "output_blocks", partial(transcribe.output_blocks, chunk=chunk))
    found = recogniser.transcribe(path)
    words, times = at_once(model, samples)
    assert len(words) > 5
    assert found == Transcript(str(path), 8000, [Channel(words, times, len(samples) / 8000)])
    assert found.text == " ".join(words)
    assert found.real_time_factor > 0


def test_channels_one_by_one(tmp_path, recogniser, model):
    left, right = noise(3.0, seed=2), noise(3.0, seed=3)
    shares = []
    path = write(tmp_path / "a.wav", np.stack([left, right, 0 * left], axis=1))
    found = recogniser.transcribe(path, progress=shares.append)
    assert [(c.words, c.times) for c in found.channels[:2]] == [at_once(model, left), at_once(model, right)]
    assert found.channels[2] == Channel([], [], 3.0, "silent")
    assert found.notes == ["channel 3: silent"]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [16000, 44100, 11025])
def test_any_rate_is_resampled_and_said(tmp_path, recogniser, model, rate):
    samples = noise(3.0, seed=4, rate=rate)
    found = recogniser.transcribe(write(tmp_path / "a.wav", samples, rate))
    whole = torchaudio.functional.resample(torch.from_numpy(samples), rate, 8000).numpy()
    assert (found.channels[0].words, found.channels[0].times) == at_once(model, whole)
    assert found.channels[0].seconds == pytest.approx(3.0)
    assert (found.sampling_rate, found.notes) == (rate, [f"resampled from {rate} Hz to 8000 Hz"])


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.opus", "a.mp3", "a.sph", "a.aiff"])
def test_any_format(tmp_path, recogniser, model, name):
    more = {"a.opus": {"format": "OGG", "subtype": "OPUS"}, "a.sph": {"format": "NIST", "subtype": "ULAW"}}
    path = write(tmp_path / name, noise(2.5, seed=5), **more.get(name, {}))
    decoded, _ = soundfile.read(path, dtype="float32")
    found = recogniser.transcribe(str(path))
    assert (found.channels[0].words, found.channels[0].times) == at_once(model, decoded)
    assert found.file == str(path)


def test_the_mean_of_a_channels_speaker_is_taken_away(tmp_path, model):
    folder, features = tmp_path / "bundle", MfccSettings(speaker_mean=True)
    make_bundle(folder, model, toy_plan(model, 8), toy_hclg(), acoustic_scale=SCALE, features=features)
    path = write(tmp_path / "a.wav", samples := noise(4.0, seed=6))
    plain, speech = MfccSettings().compute(samples), SpeechMean(40)
    speech.add(plain)
    outputs = model(torch.from_numpy((plain - speech.mean()).astype(np.float32))[None])[0]
    found = decode(outputs, sentence_loop(toy_hclg()), acoustic_scale=SCALE, beam=12.0, max_active=3000)
    assert Recogniser(folder).transcribe(path).channels[0].words == found.words


def test_the_search_can_be_told_otherwise(tmp_path, recogniser, model):
    folder = tmp_path / "bundle"
    make_bundle(folder, model, toy_plan(model, 8), toy_hclg(), acoustic_scale=SCALE)
    path = write(tmp_path / "a.wav", noise(4.0, seed=6))
    narrow = Recogniser(folder, acoustic_scale=0.01, beam=5, max_active=50).transcribe(path)
    assert narrow.text != recogniser.transcribe(path).text
    with pytest.raises(ValueError, match="beam is -1; give a number above 0"):
        Recogniser(folder, beam=-1)


def test_lines_end_where_nobody_speaks():
    a = Channel(["a", "b", "c"], [(0.0, 0.5), (0.9, 0.1), (1.5, 0.2)], 2.0)
    b = Channel(["d"], [(0.6, 0.1)], 2.0)
    both = Transcript("x", 8000, [a, b, Channel([], [], 2.0)])
    lines = [(line.channel, line.start, pytest.approx(line.end), line.text) for line in both.lines()]
    assert lines == [(1, 0.0, 1.0, "a b"), (2, 0.6, 0.7, "d"), (1, 1.5, 1.7, "c")]
    assert both.text == "1: a b\n2: d\n1: c"
    assert [line.text for line in both.lines(pause=0.3)] == ["a", "d", "b", "c"]
    assert Transcript("x", 8000, [a]).text == "a b c"


def damaged(tmp_path, kind):
    """A file with something wrong with it."""
    path = tmp_path / {"cut flac": "bad.flac", "cut opus": "bad.opus"}.get(kind, "bad.wav")
    samples = noise(3.0)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "foreign":
        path.write_bytes(b"this is no audio at all" * 100)
    elif kind == "folder":
        path.mkdir()
    elif kind.startswith("cut"):
        more = {"format": "OGG", "subtype": "OPUS"} if kind == "cut opus" else {"subtype": "PCM_16"}
        write(path, samples, **more)
        path.write_bytes(path.read_bytes()[:-9000] if kind == "cut flac" else path.read_bytes()[:-3000])
    elif kind == "zeros":
        write(path, 0 * samples)
    elif kind == "no samples":
        write(path, samples[:0])
    elif kind == "short":
        write(path, samples[:199])
    elif kind == "nan":
        samples[20_000] = np.nan
        write(path, samples)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "does not exist"),
        ("folder", "does not exist"),
        ("empty", "audio file is empty"),
        ("foreign", "cannot be opened"),
        ("cut wav", "audio file is truncated"),
        ("cut opus", "audio file is truncated"),
        ("cut flac", "cannot be decoded beyond .* s|truncated"),
        ("zeros", "audio is silent"),
        ("no samples", "holds no samples"),
        ("short", r"shorter than one frame \(25 ms\)"),
        ("nan", "holds NaN or infinity"),
    ],
)
def test_bad_files_are_told_in_one_sentence(tmp_path, recogniser, kind, message):
    path = damaged(tmp_path, kind)
    error = FileNotFoundError if kind in ("missing", "folder") else ValueError
    with pytest.raises(error, match=message) as caught:
        recogniser.transcribe(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_shortest_audio(tmp_path, recogniser):
    found = recogniser.transcribe(write(tmp_path / "a.wav", noise(0.025)))
    assert found.channels[0].seconds == 0.025
