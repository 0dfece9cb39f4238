"""Hear an utterance and see it: features, phone posteriors and words above each other, with a line that plays along.

Plain HTML and a few lines of JavaScript with all data inside: it needs neither kernel nor network. Where scripts do
not run, the picture and (where the page allows it) the player are still there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .parts import Page
from .svg import svg_line, svg_text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WIDTH, LEFT, RIGHT = 960, 96, 12  # pixels of the picture and beside its panels
MELS, ROW, WORDS, GAP = 150, 13, 26, 22  # heights
SHOWN = 0.25  # a phone is shown if its posterior reaches this somewhere
FRAME_SHIFT, OUTPUT_SHIFT = 0.01, 0.03  # s between rows of features, of posteriors

Word = tuple[str, float, float]


def sound(samples: ArrayLike, rate: int) -> str:
    """Samples as a data URI of Ogg/Opus, about 2 kB a second and channel at 8 kHz.

    Args:
        samples: (samples,) or (channels, samples), in [-1, 1].
        rate: Hz; one that Opus knows: 8000, 12000, 16000, 24000 or 48000.
    """
    import soundfile

    file = io.BytesIO()
    data = np.asarray(samples, dtype=np.float32).T
    soundfile.write(file, data, rate, format="OGG", subtype="OPUS", compression_level=0.96)
    return "data:audio/ogg;base64," + base64.b64encode(file.getvalue()).decode()


def player(samples: ArrayLike, rate: int, caption: str = "") -> Page:
    """A player of some samples; arguments as for `sound`."""
    label = html.escape(caption or "recording", quote=True)
    return Page(
        f'<figure style="margin:.4em 0"><audio controls style="width:min(100%,480px)" aria-label="{label}" '
        f'src="{sound(samples, rate)}"></audio><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def log_mel(mfcc: ArrayLike, lifter: float = 22.0) -> NDArray[np.float64]:
    """The log mel spectrum (T, F) that MFCC with all F coefficients stand for: lifter and cosine transform undone."""
    from scipy.fft import idct

    values = np.asarray(mfcc, dtype=np.float64)
    weights = 1 + 0.5 * lifter * np.sin(np.pi * np.arange(values.shape[1]) / lifter)
    return idct(values / weights, norm="ortho", axis=1)


def listen(
    samples: ArrayLike,
    rate: int,
    features: ArrayLike,
    posteriors: ArrayLike,
    phones: Sequence[str],
    words: Sequence[Word] = (),
    caption: str = "",
) -> Page:
    """An utterance to hear, with features, posteriors and words that a moving line reads along.

    Args:
        samples: (samples,) in [-1, 1].
        rate: Hz.
        features: (T, F) MFCC, a row every 10 ms; drawn as the log mel spectrum that they stand for.
        posteriors: (T', N) in [0, 1], a row every 30 ms, a column a phone.
        phones: N names.
        words: (word, start, duration) in seconds.
        caption: a line above.

    Returns:
        A `Page`. Keys on the picture: left and right move by 0.1 s, the space bar plays and pauses.

    Raises:
        ValueError: posteriors and phones do not fit.
    """
    posteriors = np.asarray(posteriors, dtype=np.float64)
    if posteriors.ndim != 2 or posteriors.shape[1] != len(phones):
        raise ValueError(f"posteriors of shape {posteriors.shape} do not fit {len(phones)} phones")
    seconds = np.asarray(samples).shape[-1] / rate
    kept = _order(posteriors)
    picture = _picture(log_mel(features), posteriors[:, kept], [phones[k] for k in kept], words, seconds)
    levels = np.rint(255 * posteriors[:, kept].clip(0, 1)).astype(np.uint8)
    data = {"seconds": seconds, "shift": OUTPUT_SHIFT, "phones": [phones[k] for k in kept]}
    data |= {
        "left": LEFT / WIDTH,
        "span": (WIDTH - LEFT - RIGHT) / WIDTH,
        "levels": base64.b64encode(levels.tobytes()).decode(),
    }
    data["words"] = [[word, round(start, 2), round(start + length, 2)] for word, start, length in words]
    return Page(_content(picture, sound(samples, rate), data, caption, words))


def _order(posteriors: NDArray[np.float64]) -> list[int]:
    """Phones that reach `SHOWN` somewhere, in the order in which they first do."""
    reached = posteriors >= SHOWN
    return sorted(np.flatnonzero(reached.any(0)).tolist(), key=lambda k: int(reached[:, k].argmax()))


def _picture(
    mels: NDArray[np.float64],
    posteriors: NDArray[np.float64],
    names: Sequence[str],
    words: Sequence[Word],
    seconds: float,
) -> str:
    """Spectrum, words and posteriors over one time axis, as SVG."""
    across = WIDTH - LEFT - RIGHT
    top = 6 + MELS + WORDS + 8
    bottom = top + ROW * max(1, len(names))
    low, high = np.percentile(mels, [2, 99.5]) if mels.size else (0.0, 1.0)
    spectrum = ((mels - low) / max(1e-9, high - low)).clip(0, 1)
    wide = {
        "mels": len(mels) * FRAME_SHIFT / seconds * across,
        "phones": len(posteriors) * OUTPUT_SHIFT / seconds * across,
    }
    parts = [
        heat_map(spectrum.T[::-1], "magma", LEFT, 6, min(across, wide["mels"]), MELS),
        heat_map(posteriors.T, "Blues", LEFT, top, min(across, wide["phones"]), bottom - top) if len(names) else "",
        *(svg_text(LEFT - 8, top + ROW * (k + 0.5) + 4, name, "end") for k, name in enumerate(names)),
        svg_text(14, 6 + MELS / 2, "log mel spectrum", "middle", turn=True),
        svg_text(14, (top + bottom) / 2, "phone posteriors", "middle", turn=True),
        svg_text(LEFT - 8, 6 + 12, "high", "end"),
        svg_text(LEFT - 8, 6 + MELS, "low", "end"),
        svg_text(LEFT - 8, 6 + MELS + 18, "heard", "end"),
    ]
    for word, start, length in words:
        x = LEFT + across * (start + length / 2) / seconds
        edge = LEFT + across * start / seconds
        parts += [
            svg_text(x, 6 + MELS + 18, word.lower(), "middle"),
            svg_line(edge, 6 + MELS, edge, top, "#1d2126", 1, 0.5),
        ]
    step = next((s for s in (0.5, 1, 2, 5, 10, 30) if seconds / s <= 12), 60)
    for k in range(int(seconds / step) + 1):
        x = LEFT + across * k * step / seconds
        parts += [svg_line(x, bottom, x, bottom + 5, "#1d2126", 1), svg_text(x, bottom + 19, f"{k * step:g}", "middle")]
    parts.append(svg_text(LEFT + across / 2, bottom + 36, "time (s)", "middle"))
    height = bottom + GAP + 22
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="system-ui, sans-serif" font-size="12" color="#1d2126"><rect width="{WIDTH}" height="{height}" '
        f'fill="#fff"/>{"".join(parts)}</svg>'
    )


def heat_map(values: NDArray[np.float64], colours: str, x: float, y: float, width: float, height: float) -> str:
    """Values in [0, 1] as an image of 64 colours, stretched to a box."""
    import matplotlib
    from PIL import Image

    image = Image.fromarray(np.rint(63 * values).astype(np.uint8), "P")
    palette = matplotlib.colormaps[colours](np.linspace(0, 1, 64))[:, :3]
    image.putpalette(np.rint(255 * palette).astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<image x="{x}" y="{y}" width="{width:.1f}" height="{height}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def _content(picture: str, uri: str, data: dict[str, Any], caption: str, words: Sequence[Word]) -> str:
    """Player, picture with its moving line, and what the line reads."""
    name = "listen-" + hashlib.sha256(picture.encode()).hexdigest()[:10]
    heard = " ".join(word for word, _, _ in words).lower()
    alt = f"Log mel spectrum, words heard ({heard}) and phone posteriors over {data['seconds']:.1f} seconds"
    image = "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
    line = "position:absolute;top:0;bottom:0;width:2px;background:#c2478a;pointer-events:none"
    keys = "Left and right arrows move by 0.1 s, the space bar plays and pauses."
    return f"""<div class="{name}" style="max-width:{WIDTH}px">
<div>{html.escape(caption)}</div>
<audio controls preload="auto" style="width:min(100%,480px)" src="{uri}"></audio>
<div class="strip" tabindex="0" role="slider" aria-label="Position in the utterance. {keys}" aria-valuemin="0"
 aria-valuemax="{data["seconds"]:.1f}" aria-valuenow="0" style="position:relative;cursor:crosshair">
<img alt="{html.escape(alt, quote=True)}" src="{image}" style="display:block;width:100%"><div class="line"
 style="{line};left:{100 * LEFT / WIDTH:.2f}%"></div></div>
<div class="now" style="min-height:1.6em">{html.escape(keys)}</div>
<script>{SCRIPT.replace("NAME", name).replace("DATA", json.dumps(data).replace("<", chr(92) + "u003c"))}</script>
</div>"""


SCRIPT = """
(function () {
  var data = DATA;
  var levels = Uint8Array.from(atob(data.levels), function (c) { return c.charCodeAt(0); });
  var count = data.phones.length;
  function reading(t) {
    var row = Math.floor(t / data.shift), found = [];
    for (var k = 0; k < count; k++) {
      var level = levels[row * count + k] / 255;
      if (level >= 0.05) { found.push([level, data.phones[k]]); }
    }
    found.sort(function (a, b) { return b[0] - a[0]; });
    var word = data.words.filter(function (w) { return w[1] <= t && t < w[2]; })[0];
    return t.toFixed(2) + ' s  ' + (word ? word[0].toLowerCase() + '  ' : '') + found.slice(0, 4).map(function (f) {
      return f[1] + ' ' + Math.round(100 * f[0]) + '% ' + '\\u2588'.repeat(Math.round(10 * f[0]));
    }).join('  ');
  }
  document.querySelectorAll('.NAME').forEach(function (box) {
    if (box.dataset.ready) { return; }
    box.dataset.ready = 'yes';
    var audio = box.querySelector('audio'), strip = box.querySelector('.strip');
    var line = box.querySelector('.line'), now = box.querySelector('.now'), last = -1;
    function show() {
      var t = Math.min(audio.currentTime, data.seconds);
      if (t === last) { return; }
      last = t;
      line.style.left = (100 * (data.left + data.span * t / data.seconds)) + '%';
      strip.setAttribute('aria-valuenow', t.toFixed(2));
      now.textContent = reading(t);
    }
    function loop() { show(); if (!audio.paused && !audio.ended) { requestAnimationFrame(loop); } }
    function seek(t) { audio.currentTime = Math.max(0, Math.min(data.seconds, t)); }
    audio.addEventListener('play', loop);
    audio.addEventListener('seeked', show);
    audio.addEventListener('pause', show);
    strip.addEventListener('click', function (event) {
      var box = strip.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width - data.left) / data.span * data.seconds);
    });
    strip.addEventListener('keydown', function (event) {
      if (event.key === 'ArrowRight') { seek(audio.currentTime + 0.1); }
      else if (event.key === 'ArrowLeft') { seek(audio.currentTime - 0.1); }
      else if (event.key === ' ') { if (audio.paused) { audio.play(); } else { audio.pause(); } }
      else { return; }
      event.preventDefault();
      event.stopPropagation();
    });
  });
})();
"""
