"""Small automata drawn: states and weighted arcs, and the trellis that the forward recursion fills frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .figures import COLOURS, FAINT
from .paper import INK, Drawing, paper
from .svg import svg_text

if TYPE_CHECKING:
    from torch import Tensor

    from ..graphs import Fsa

RADIUS = 19
EDGE = 78  # pixels from a picture's edge to the outermost states
Point = tuple[float, float]
Arcs = dict[tuple[int, int], list[str]]  # (source, destination) -> labels


def graph(
    fsa: Fsa,
    pdfs: Sequence[str],
    words: str,
    *,
    names: Sequence[str] | None = None,
    places: Mapping[int, Point] | None = None,
    height: int = 180,
) -> Drawing:
    """An automaton of a dozen states at most, its weights as probabilities.

    Args:
        fsa: the automaton.
        pdfs: names.
        words: what it is, in a sentence.
        names: of states, written into them (None: their numbers).
        places: of states, (0, 0) top left to (1, 1) bottom right; None: in columns, by arcs from the first state.
        height: pixels.
    """
    width = 680
    box = (width - 2 * EDGE, height - 2 * EDGE)
    shares = places or _columns(fsa)
    at = {state: (EDGE + x * box[0], EDGE + y * box[1]) for state, (x, y) in shares.items()}
    arcs: Arcs = {}
    for (source, destination, pdf), score in zip(fsa.arcs.tolist(), fsa.scores.tolist(), strict=True):
        arcs.setdefault((source, destination), []).append(f"{pdfs[pdf]} {math.exp(score):.2f}")
    parts = [_arc(pair, labels, at, (pair[1], pair[0]) in arcs, height) for pair, labels in arcs.items()]
    for state, point in at.items():
        start, end = (math.exp(float(weights[state])) for weights in (fsa.initial, fsa.final))
        parts.append(_state(point, names[state] if names else str(state), start, end))
    return paper(width, height, words, "\n".join(parts))


def _columns(fsa: Fsa) -> dict[int, Point]:
    """States in columns by how many arcs lead there from an initial state, spread evenly in each."""
    depth = {state: 0 for state, weight in enumerate(fsa.initial.tolist()) if weight > -math.inf}
    pairs = [(source, destination) for source, destination, _ in fsa.arcs.tolist()]
    while new := {d: depth[s] + 1 for s, d in pairs if s in depth and d not in depth}:
        depth |= new
    columns: dict[int, list[int]] = {}
    for state in range(fsa.num_states):
        columns.setdefault(depth.get(state, 0), []).append(state)
    last = max(1, *columns)
    return {
        state: (column / last, (row + 1) / (len(states) + 1))
        for column, states in columns.items()
        for row, state in enumerate(states)
    }


def _state(point: Point, name: str, start: float, end: float) -> str:
    """A circle; double where a path may end; with a word where one may begin."""
    (x, y), parts = point, []
    for radius in (RADIUS, RADIUS - 4)[: 1 + (end > 0)]:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="#fff" stroke="{INK}" stroke-width="1.5"/>')
    parts.append(svg_text(x, y + 5, name, "middle"))
    if start > 0:
        label = "start" if start > 0.995 else f"start {start:.2f}"
        parts.append(_halo(x, y + RADIUS + 16, label))
    if end > 0:
        parts.append(_halo(x, y + RADIUS + 16 + 15 * (start > 0), f"end {end:.2f}"))
    return "".join(parts)


def _halo(x: float, y: float, text: str, colour: str = INK) -> str:
    """Text that stays legible where it crosses a line."""
    return (
        f'<g color="{colour}" paint-order="stroke" stroke="#fff" stroke-width="4" stroke-linejoin="round">'
        f"{svg_text(x, y, text, 'middle')}</g>"
    )


def _arc(pair: tuple[int, int], labels: list[str], at: Mapping[int, Point], both: bool, height: int) -> str:
    """An arrow with its labels: a loop, a straight line, or one of two bent ones where arcs go both ways."""
    (x1, y1), (x2, y2) = at[pair[0]], at[pair[1]]
    if pair[0] == pair[1]:
        up = -1 if y1 <= height / 2 else 1
        path = f"M{x1 - 8:.1f} {y1 + 17 * up:.1f}c-24 {44 * up} 40 {44 * up} 17 {1 * up}"
        lines = [_halo(x1, y1 + up * (RADIUS + 36 + 15 * k) + 5 + 3 * up, label) for k, label in enumerate(labels)]
        return _path(path) + _head((x1 + 9, y1 + 18 * up), (-10, -24 * up)) + "".join(lines)
    dx, dy = x2 - x1, y2 - y1
    length = math.hypot(dx, dy)
    bend = 30 if both else 0
    control = ((x1 + x2) / 2 + dy / length * bend, (y1 + y2) / 2 - dx / length * bend)
    a, b = _towards((x1, y1), control), _towards((x2, y2), control)
    path = f"M{a[0]:.1f} {a[1]:.1f}Q{control[0]:.1f} {control[1]:.1f} {b[0]:.1f} {b[1]:.1f}"
    off = 12 if bend else 0  # beside a bent line, above a straight one
    x = (x1 + x2) / 4 + control[0] / 2 + off * dy / length
    y = (y1 + y2) / 4 + control[1] / 2 - off * dx / length + (4 if bend else -7)
    lines = [_halo(x, y + 14 * k, label) for k, label in enumerate(labels)]
    return _path(path) + _head(b, (b[0] - control[0], b[1] - control[1])) + "".join(lines)


def _towards(centre: Point, to: Point) -> Point:
    """Where a circle around a state is left for another point."""
    dx, dy = to[0] - centre[0], to[1] - centre[1]
    length = math.hypot(dx, dy) or 1.0
    return centre[0] + dx / length * RADIUS, centre[1] + dy / length * RADIUS


def _path(path: str, colour: str = COLOURS[0], width: float = 1.6) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.1f}"/>'


def _head(tip: Point, direction: Point) -> str:
    """An arrow's head."""
    length = math.hypot(*direction) or 1.0
    x, y = direction[0] / length, direction[1] / length
    corners = [tip, *((tip[0] - 9 * x + s * y, tip[1] - 9 * y - s * x) for s in (-4.5, 4.5))]
    return f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)}" fill="{COLOURS[0]}"/>'


def forward_weights(fsa: Fsa, logits: Tensor) -> list[list[float]]:
    """alpha of every state before any frame and after each, as weights (no logs): for small automata only.

    Args:
        logits: (T, P), log weights of the pdfs.
    """
    weights = [[math.exp(weight) for weight in fsa.initial.tolist()]]
    for row in logits.tolist():
        weights.append([0.0] * fsa.num_states)
        for (source, destination, pdf), score in zip(fsa.arcs.tolist(), fsa.scores.tolist(), strict=True):
            weights[-1][destination] += weights[-2][source] * math.exp(score + row[pdf])
    return weights


def trellis(fsa: Fsa, logits: Tensor, names: Sequence[str]) -> dict[str, Drawing]:
    """The forward recursion, a drawing for each number of frames done: a row a state, a column a frame.

    Args:
        fsa: the automaton, of a few states.
        logits: (T, P), log weights of the pdfs.
        names: of the states.

    Returns:
        Drawings by frames done, "0" … "T"; the last adds the total.
    """
    weights = forward_weights(fsa, logits)
    total = sum(a * math.exp(end) for a, end in zip(weights[-1], fsa.final.tolist(), strict=True))
    frames = len(logits)
    across, down = 500 / max(1, frames), 62

    def place(frame: int, state: int) -> Point:
        return 110 + across * frame, 62 + down * state

    height = 62 + down * fsa.num_states
    heads = [svg_text(place(0, 0)[0], 24, "before", "middle")]
    heads += [svg_text(place(t + 1, 0)[0], 24, f"after frame {t}", "middle") for t in range(frames)]
    heads += [svg_text(14, place(0, k)[1] + 4, name, "start") for k, name in enumerate(names)]
    found = {}
    for done in range(frames + 1):
        parts = heads + [_moves(fsa, logits, weights, t, place) for t in range(done)]
        parts += [_cell(place(t, k), weights[t][k]) for t in range(done + 1) for k in range(fsa.num_states)]
        best = max(range(fsa.num_states), key=lambda k: weights[done][k])
        words = f"After {done} frame{'s' * (done != 1)}: most weight ({weights[done][best]:.4f}) is in {names[best]}."
        if done == frames:
            ending = f"{total:.6f}, whose log is {math.log(total):.4f}" if total else "nothing, there is no path"
            words += f" Times the weights of ending, and added up: {ending}."
        found[str(done)] = paper(680, height, words, "".join(parts))
    return found


def _moves(fsa: Fsa, logits: Tensor, weights: list[list[float]], t: int, place: object) -> str:
    """The arcs of frame t: as thick as the share of the next column that they bring."""
    parts, whole = [], sum(weights[t + 1]) or 1.0
    for (source, destination, pdf), score in zip(fsa.arcs.tolist(), fsa.scores.tolist(), strict=True):
        moved = weights[t][source] * math.exp(score + float(logits[t, pdf]))
        if moved > 0:
            (x1, y1), (x2, y2) = place(t, source), place(t + 1, destination)  # type: ignore[operator]
            parts.append(_path(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", width=0.6 + 7 * moved / whole))
    return "".join(parts)


def _cell(point: Point, weight: float) -> str:
    """A state at a frame, with its weight."""
    x, y = point
    box = f'<rect x="{x - 30:.1f}" y="{y - 13:.1f}" width="60" height="26" rx="6" fill="#fff" stroke='
    box += f'"{INK if weight > 0 else FAINT}"/>'
    return box + svg_text(x, y + 5, f"{weight:.4f}" if weight > 0 else "0", "middle")
