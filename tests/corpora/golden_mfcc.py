"""Writes golden_mfcc.json beside this file with kaldi-native-fbank: `python tests/corpora/golden_mfcc.py`."""

import json
from pathlib import Path

import numpy as np

FRAMES = (0, 37, 60, 97)


def signal(num_samples: int = 8000) -> np.ndarray:
    """int16 values: a rising tone in noise of a linear congruential generator, then digital silence, then noise."""
    n = np.arange(num_samples)
    state, values = 1, np.empty(num_samples, np.int64)
    for i in n:
        state = (1103515245 * state + 12345) % 2**31
        values[i] = state % 801 - 400
    seconds = n / 8000
    tone = np.round(6000 * np.sin(2 * np.pi * (200 * seconds + 800 * seconds**2))).astype(np.int64)
    values[: num_samples // 2] += tone[: num_samples // 2]
    values[num_samples // 2 : num_samples * 3 // 4] = 0
    return values.astype(np.int16)


def reference(samples: np.ndarray, rate: int = 8000) -> np.ndarray:
    """High-resolution MFCC (T, 40) of int16 samples by kaldi-native-fbank."""
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 40
    options.mel_opts.low_freq = 40
    options.mel_opts.high_freq = -200
    options.num_ceps = 40
    options.use_energy = False
    online = knf.OnlineMfcc(options)
    online.accept_waveform(rate, samples.astype(np.float32))
    online.input_finished()
    return np.stack([online.get_frame(i) for i in range(online.num_frames_ready)])


if __name__ == "__main__":
    matrix = reference(signal())
    golden = {str(frame): [round(float(value), 4) for value in matrix[frame]] for frame in FRAMES}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"shape": matrix.shape, "frames": golden}) + "\n")
