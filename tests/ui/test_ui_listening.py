"""The listening page: sound, picture and readings hold what was put in, and nothing is fetched."""

import base64
import io
import json
import re
import xml.etree.ElementTree as ET

import kaldi_native_fbank as knf
import numpy as np
import pytest
import soundfile

pytest.importorskip("PIL", reason="pillow comes with the extra lab")

from PIL import Image

from tdnnq_lab import ui
from tdnnq_lab.corpora.mfcc import MfccSettings
from tdnnq_lab.ui.listening import log_mel, sound

RATE, SECONDS = 8000, 1.5
PHONES = ["SIL", "AA", "B", "never"]


def example() -> dict:
    rng = np.random.default_rng(0)
    posteriors = np.zeros((50, 4))
    posteriors[:20, 1], posteriors[20:40, 0], posteriors[40:, 2] = 0.9, 1.0, 0.6
    posteriors[:, 3] = 0.04
    return {
        "samples": 0.1 * np.sin(np.arange(round(RATE * SECONDS)) / 3),
        "rate": RATE,
        "features": rng.normal(size=(148, 40)),
        "posteriors": posteriors,
        "phones": PHONES,
        "words": [("<AH>", 0.0, 0.6), ("BEE", 1.2, 0.3)],
        "caption": "a & b",
    }


def data_of(content: str) -> dict:
    return json.loads(re.search(r"var data = (\{.*?\});", content).group(1))


def picture_of(content: str) -> ET.Element:
    return ET.fromstring(base64.b64decode(re.search(r"data:image/svg\+xml;base64,([\w+/=]+)", content).group(1)))


def test_readings_are_the_posteriors() -> None:
    given = example()
    content = ui.listen(**given)._repr_html_()
    data = data_of(content)
    assert data["phones"] == ["AA", "SIL", "B"]  # in the order in which they are heard; one never is
    levels = np.frombuffer(base64.b64decode(data["levels"]), np.uint8).reshape(50, 3) / 255
    np.testing.assert_allclose(levels, given["posteriors"][:, [1, 0, 2]], atol=0.002)
    assert data["words"] == [["<AH>", 0.0, 0.6], ["BEE", 1.2, 1.5]]
    assert data["seconds"] == SECONDS


def test_picture_holds_spectrum_and_posteriors() -> None:
    root = picture_of(ui.listen(**example()).content)
    images = list(root.iter("{http://www.w3.org/2000/svg}image"))
    sizes = []
    for image in images:
        uri = image.get("href")
        assert uri.startswith("data:image/png;base64,")
        sizes.append(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size)
    assert sizes == [(148, 40), (50, 3)]
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"AA", "SIL", "B", "<ah>", "bee", "time (s)", "0.5"} <= set(texts)
    assert "never" not in texts


def test_nothing_is_fetched_and_words_are_no_markup() -> None:
    page = ui.listen(**example())
    whole = page.page("title <")
    assert not re.search(r'(src|href)="(?!data:)', whole)
    assert "<AH>" not in whole.replace("\\u003cAH>", "")
    assert "a &amp; b" in whole
    assert "<title>title &lt;</title>" in whole
    assert 'role="slider" aria-label="Position' in whole
    assert len(whole) < 60_000


def test_odd_input() -> None:
    given = example()
    with pytest.raises(ValueError, match=r"shape \(50, 4\) do not fit 2 phones"):
        ui.listen(**{**given, "phones": ["a", "b"]})
    silent = ui.listen(**{**given, "posteriors": np.zeros((50, 4)), "words": (), "features": np.zeros((148, 40))})
    assert data_of(silent.content)["phones"] == []


def test_sound_survives() -> None:
    samples = np.stack([np.sin(np.arange(RATE) / 5), np.zeros(RATE)]) * 0.3
    read, rate = soundfile.read(io.BytesIO(base64.b64decode(sound(samples, RATE).partition(",")[2])))
    assert (rate, read.shape) == (RATE, (RATE, 2))
    assert np.corrcoef(read[1000:-1000, 0], samples[0, 1000:-1000])[0, 1] > 0.9
    assert np.abs(read[:, 1]).max() < 0.05
    player = ui.player(samples[0], RATE, 'a "call" <b>')._repr_html_()
    assert "<figcaption>a &quot;call&quot; &lt;b&gt;</figcaption>" in player
    assert "<audio controls" in player


def test_log_mel_undoes_the_cepstrum() -> None:
    """Against kaldi-native-fbank's log mel energies of the same sound."""
    samples = np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.05
    options = knf.FbankOptions()
    options.frame_opts.samp_freq, options.frame_opts.dither = RATE, 0.0
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = 40, 40.0, -200.0
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(RATE, (32768 * samples).tolist())
    bank.input_finished()
    expected = np.stack([bank.get_frame(t) for t in range(bank.num_frames_ready)])
    found = log_mel(MfccSettings(RATE).compute(samples))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=5e-3)
