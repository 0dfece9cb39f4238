"""The picture that moves with the slider: a plan's bits by layer, each layer's costs, and the front of all plans.

What does not move is drawn once, as text; a plan adds bars, rings and a dot, which takes about a millisecond. It is
drawn on white paper, so that it reads on dark pages and as a still picture where no kernel runs.
"""

from __future__ import annotations

import html
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .budget_figures import SYMBOLS, log_limits, log_place, power
from .figures import COLOURS, FAINT
from .svg import svg_line, svg_mark, svg_text

if TYPE_CHECKING:
    from ..precision import SensitivityTable
    from ..quantize import BitPlan

WIDTH, ROW, TOP = 960, 20, 46
NAMES, BARS, COSTS, FRONT = 118, (118, 282), (312, 612), (696, 946)  # pixels: width of names; left, right of panels
POINTS = 400  # of the front that are drawn
UNITS: dict[str, str] = dict.fromkeys(("kl", "kl_bernoulli", "loss", "output_kl", "curvature"), "nats a frame")


def cost_unit(table: SensitivityTable) -> str:
    """What the table's values are measured in, in a word or two: by its method, else its `made_by["unit"]`."""
    return UNITS.get(str(table.made_by.get("method"))) or str(table.made_by.get("unit") or "cost")


class PlanPicture:
    """Draws plans over one table of sensitivities.

    Args:
        table: L layers, K numbers of bits.
        plans: the front (`precision.frontier`), smallest first; may be empty.
        rest_bytes: what a packed model holds beside the codes.
    """

    def __init__(self, table: SensitivityTable, plans: Sequence[BitPlan] = (), rest_bytes: int = 0) -> None:
        self.table, self.rest_bytes = table, rest_bytes
        self.bottom = TOP + ROW * len(table.layers)
        self.height = self.bottom + 58
        self.low, self.high = log_limits(table.values.tolist())
        self.most = max(table.bits)
        self.front = [(self.bytes(plan.bits), plan.made_by["cost"]) for plan in plans]
        self.x_limits, self.y_limits = self._front_limits()
        self.still = "\n".join([self._rows(), self._costs(), self._front()])

    def bytes(self, bits: Mapping[str, int]) -> float:
        """Bytes of a plan's codes and the rest."""
        weights = zip(self.table.layers, self.table.sizes, strict=True)
        return sum(size * bits[layer] for layer, size in weights) / 8 + self.rest_bytes

    def draw(self, bits: Mapping[str, int], title: str, other: Mapping[str, int] | None = None) -> str:
        """The picture of a plan as SVG; with `other`, a second plan in outline to compare with.

        Args:
            bits: by layer; all layers of the table.
            title: what a screen reader says instead.
            other: the plan to compare with.
        """
        parts = [self.still, self._plan(bits), self._plan(other, outline=True) if other else ""]
        if other:
            parts.append(self._legend())
        body = "\n".join(filter(None, parts))
        return (
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{html.escape(title)}" '
            'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="13" '
            'style="max-width:100%;height:auto;background:#fff;color:#1d2126" color="#1d2126">\n'
            f'<rect width="{WIDTH}" height="{self.height}" fill="#fff"/>\n{body}\n</svg>'
        )

    def _y(self, row: int) -> float:
        return TOP + ROW * (row + 0.5)

    def _cost_x(self, value: float) -> float:
        share = (log_place(value, self.low) - self.low) / (self.high - self.low)
        return COSTS[0] + 10 + share * (COSTS[1] - COSTS[0] - 20)

    def _bar(self, bits: float) -> float:
        return (BARS[1] - BARS[0] - 26) * bits / self.most

    def _rows(self) -> str:
        """Names of the layers and the axes of bars and costs."""
        parts = [svg_text(NAMES - 8, self._y(row) + 4, name, "end") for row, name in enumerate(self.table.layers)]
        for left, right in (BARS, COSTS):
            parts += [svg_line(left, TOP, left, self.bottom, "currentColor", 1, 0.6)]
            parts += [svg_line(left, self.bottom, right, self.bottom, "currentColor", 1, 0.6)]
        parts.append(svg_text(sum(BARS) / 2, self.bottom + 40, "bits a weight", "middle"))
        for bits in [bits for bits in (0, 4, 8, 12, 16) if bits <= self.most]:
            x = BARS[0] + self._bar(bits)
            parts += [svg_line(x, TOP, x, self.bottom, "currentColor", 1, 0.12)]
            parts += [svg_text(x, self.bottom + 17, str(bits), "middle")]
        ticks = [(10.0**d, power(d)) for d in range(math.ceil(self.low), math.floor(self.high) + 1)]
        if (self.table.values < 0.999 * 10**self.low).any():
            ticks = [(0.0, "less"), *(tick for tick in ticks if math.log10(tick[0]) > self.low + 0.4)]
        for value, name in ticks:
            x = self._cost_x(value)
            parts += [svg_line(x, TOP, x, self.bottom, "currentColor", 1, 0.12)]
            parts += [svg_text(x, self.bottom + 17, name, "middle")]
        title = f"cost of the layer alone ({cost_unit(self.table)})"
        parts.append(svg_text(sum(COSTS) / 2, self.bottom + 40, title, "middle"))
        return "\n".join(parts)

    def _costs(self) -> str:
        """A mark for each layer and bit-width, and their legend."""
        few = len(self.table.bits) < 6
        parts, x = [] if few else [svg_text(COSTS[0] - 8, TOP - 12, "bits:", "end")], COSTS[0] + 6.0
        for k, bits in enumerate(self.table.bits):
            symbol, colour = SYMBOLS[k % len(SYMBOLS)], COLOURS[(k + 1) % len(COLOURS)]
            label = f"{bits} bit{'s' * (bits > 1)}" if few else str(bits)
            parts += [svg_mark(x, TOP - 16, symbol, colour), svg_text(x + 9, TOP - 12, label, "start")]
            x += 24 + 7 * len(label)
            for row, value in enumerate(self.table.values[:, k]):
                parts.append(svg_mark(self._cost_x(value), self._y(row), symbol, colour, 4.2))
        return "\n".join(parts)

    def _front_limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of size (bytes) and cost (log10) that the front covers."""
        if not self.front:
            return (0.0, 1.0), (-1.0, 0.0)
        sizes = [size for size, _ in self.front]
        return (min(sizes), max(max(sizes), min(sizes) + 1)), log_limits([[cost for _, cost in self.front]])

    def _front_at(self, size: float, cost: float) -> tuple[float, float]:
        """Pixels of a plan in the panel of the front, kept inside it."""
        (low, high), (bottom, top) = self.x_limits, self.y_limits
        across = min(1.0, max(0.0, (size - low) / (high - low)))
        up = min(1.0, max(0.0, (log_place(cost, bottom) - bottom) / (top - bottom)))
        return FRONT[0] + 8 + across * (FRONT[1] - FRONT[0] - 16), self.bottom - 8 - up * (self.bottom - TOP - 16)

    def _front(self) -> str:
        """The front as a line, with its axes."""
        if not self.front:
            return ""
        left, right = FRONT
        parts = [svg_line(left, TOP, left, self.bottom, "currentColor", 1, 0.6)]
        parts += [svg_line(left, self.bottom, right, self.bottom, "currentColor", 1, 0.6)]
        step = max(1, len(self.front) // POINTS)
        points = (self._front_at(*point) for point in [*self.front[:-1:step], self.front[-1]])
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{FAINT}" stroke-width="2"/>')
        low, high = self.x_limits
        unit, name = (1e6, "MB") if high >= 2e6 else (1e3, "kB")
        step_size = _round_step((high - low) / 4)
        for k in range(math.ceil(low / step_size), math.floor(high / step_size) + 1):
            x, _ = self._front_at(k * step_size, 1.0)
            parts += [svg_text(x, self.bottom + 17, f"{k * step_size / unit:g}", "middle")]
        for decade in range(math.ceil(self.y_limits[0]), math.floor(self.y_limits[1]) + 1):
            _, y = self._front_at(low, 10.0**decade)
            parts += [
                svg_line(left, y, right, y, "currentColor", 1, 0.12),
                svg_text(left - 6, y + 4, power(decade), "end"),
            ]
        parts.append(svg_text((left + right) / 2, self.bottom + 40, f"size ({name})", "middle"))
        title = f"predicted cost ({cost_unit(self.table)})"
        parts.append(svg_text(left - 52, (TOP + self.bottom) / 2, title, "middle", turn=True))
        parts.append(svg_text((left + right) / 2, TOP - 12, "every plan worth having", "middle"))
        return "\n".join(parts)

    def _plan(self, bits: Mapping[str, int], outline: bool = False) -> str:
        """Bars, rings around the chosen costs, and the dot on the front."""
        colour = COLOURS[1] if outline else COLOURS[0]
        parts, cost = [], 0.0
        for row, name in enumerate(self.table.layers):
            y, width = self._y(row), self._bar(bits[name])
            value = float(self.table.values[row, self.table.bits.index(bits[name])])
            cost += value
            if outline:
                box = f'x="{BARS[0]}" y="{y - 8:.1f}" width="{width:.1f}" height="16" fill="none"'
                parts.append(f'<rect {box} stroke="{colour}" stroke-width="2.5"/>')
                continue
            box = f'x="{BARS[0]}" y="{y - 7:.1f}" width="{width:.1f}" height="14"'
            parts.append(f'<rect class="bar" {box} fill="{colour}"/>')
            parts.append(svg_text(BARS[0] + width + 6, y + 4, f"{bits[name]}", "start"))
            parts.append(svg_mark(self._cost_x(value), y, "circle-open", "#333", 8))
        if self.front:
            x, y = self._front_at(self.bytes(bits), cost)
            symbol, size = ("diamond", 8.0) if outline else ("circle", 7.0)
            parts.append(svg_mark(x, y, symbol, colour, size))
        return "\n".join(parts)

    def _legend(self) -> str:
        """Which bars are whose."""
        first = f'<rect x="{BARS[0] - 90}" y="{TOP - 24}" width="16" height="12" fill="{COLOURS[0]}"/>'
        frame = f'fill="none" stroke="{COLOURS[1]}" stroke-width="2.5"'
        second = f'<rect x="{BARS[0]}" y="{TOP - 24}" width="16" height="12" {frame}/>'
        names = [svg_text(BARS[0] + x, TOP - 13, name, "start") for x, name in ((-68, "yours"), (24, "the solver's"))]
        return "\n".join([first, second, *names])


def _round_step(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    base = 10.0 ** math.floor(math.log10(step))
    return base * next(factor for factor in (1, 2, 5, 10) if factor * base >= step)


@dataclass(frozen=True)
class PlanFacts:
    """The figures of a plan.

    Attributes:
        average_bits: by weight.
        bytes: codes and the rest.
        ratio: 32-bit weights of the table's layers / bytes.
        cost: the sum of the layers' costs, in the table's unit.
    """

    average_bits: float
    bytes: float
    ratio: float
    cost: float


def plan_facts(table: SensitivityTable, bits: Mapping[str, int], rest_bytes: int = 0) -> PlanFacts:
    """The figures of a plan that gives every layer of the table its bits."""
    weights, average = sum(table.sizes), table.average_bits(bits)
    bytes = average * weights / 8 + rest_bytes
    return PlanFacts(average, bytes, 4 * weights / bytes, table.cost(bits))


class Budgets:
    """The best plan for any budget, looked up rather than solved again.

    Args:
        table: L layers, K numbers of bits. The front is computed once; where it is too large to hold, each budget is
            solved when it is first asked for.
    """

    def __init__(self, table: SensitivityTable) -> None:
        from ..precision import frontier

        self.table = table
        try:
            self.front = frontier(table)
        except ValueError:  # more plans than can be held
            self.front = []
        self.averages = [plan.made_by["average_bits"] for plan in self.front]
        self.solved: dict[float, dict[str, int]] = {}

    def at(self, average_bits: float) -> dict[str, int]:
        """Bits by layer of the cheapest plan of at most so many bits a weight.

        Raises:
            ValueError: no plan is that small; the smallest budget is named.
        """
        from ..precision import allocate

        place = bisect_right(self.averages, average_bits * (1 + 1e-9))
        if self.front and place:
            return self.front[place - 1].bits
        if average_bits not in self.solved:
            self.solved[average_bits] = allocate(self.table, average_bits=average_bits).bits
        return self.solved[average_bits]
