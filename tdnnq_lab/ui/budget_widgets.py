"""Widgets around a bit budget: the slider that moves the plan, one's own plan against the solver's, errors of some
budgets at the press of a button. Everything is reached by keyboard; a redraw takes some milliseconds."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import ipywidgets

from .live import Live, image, plain, tell, told
from .plan_picture import Budgets, PlanFacts, PlanPicture, cost_unit, plan_facts
from .report import size

if TYPE_CHECKING:
    from ..precision import SensitivityTable

STEP = 0.1  # bits a weight between two places of the slider
WIDE = {"width": "min(100%, 560px)"}
Progress = Callable[[float], None]


def budget_explorer(table: SensitivityTable, *, rest_bytes: int = 0, average_bits: float = 4.0) -> Live:
    """A slider of the bit budget that moves the plan, its size and its predicted cost.

    Args:
        table: sensitivities of the layers.
        rest_bytes: of a packed model beside its codes: alphas, biases, batch norm, header.
        average_bits: where the slider begins.

    Returns:
        A widget with `.slider` (arrow keys move it by 0.1 bits), `.text` (a line of figures), `.picture` (an SVG) and
        `.bits` (the plan, by layer).
    """
    budgets = Budgets(table)
    picture = PlanPicture(table, budgets.front, rest_bytes)
    low, high = (_average(table, choose(table.bits)) for choose in (min, max))
    low, high = math.ceil(round(low / STEP, 6)) * STEP, max(high, low + STEP)
    slider = ipywidgets.FloatSlider(
        value=min(high, max(low, average_bits)), min=low, max=high, step=STEP, readout_format=".1f",
        description="bits a weight, at most", style={"description_width": "initial"}, layout=WIDE,
    )  # fmt: skip
    drawn, text = ipywidgets.HTML(), told()

    def still() -> str:
        return text.value + image(drawn.value, plain(text))

    box = Live([slider, text, drawn], still, slider=slider, text=text, picture=drawn)

    def redraw(change: object = None) -> None:
        box.bits = budgets.at(round(slider.value, 6))
        words = explained(plan_facts(table, box.bits, rest_bytes), cost_unit(table))
        drawn.value = picture.draw(box.bits, f"Plan for at most {slider.value:.1f} bits a weight. {words}")
        tell(text, words)

    slider.observe(redraw, "value")
    redraw()
    return box


def _average(table: SensitivityTable, bits: int) -> float:
    return table.average_bits(dict.fromkeys(table.layers, bits))


def explained(facts: PlanFacts, unit: str) -> str:
    """The figures of a plan as a sentence."""
    return (
        f"The plan: {facts.average_bits:.2f} bits a weight on average, {size(facts.bytes)}, {facts.ratio:.1f} times "
        f"smaller than 32-bit weights; predicted cost {facts.cost:.3g} {unit}."
    )


def own_plan(table: SensitivityTable, *, rest_bytes: int = 0, bits: Mapping[str, int] | int = 4) -> Live:
    """Your own plan, a choice for each layer, against the best plan of at most the same size.

    Args:
        table, rest_bytes: as for `budget_explorer`.
        bits: what the choices begin with.

    Returns:
        A widget with `.choices` (a drop-down list for each layer, by name), `.all` (sets them all), `.text`,
        `.picture`, `.bits` (your plan) and `.solver` (the solver's).
    """
    budgets = Budgets(table)
    picture = PlanPicture(table, budgets.front, rest_bytes)
    start = dict.fromkeys(table.layers, bits) if isinstance(bits, int) else dict(bits)
    options = sorted(table.bits)
    choices = {
        name: ipywidgets.Dropdown(
            options=options, value=start[name], description=name, style={"description_width": "95px"},
            layout={"width": "170px"},
        )
        for name in table.layers
    }  # fmt: skip
    together = ipywidgets.Dropdown(
        options=[("choose …", 0), *((str(bits), bits) for bits in options)], description="all layers",
        style={"description_width": "95px"}, layout={"width": "210px"},
    )  # fmt: skip
    drawn, text = ipywidgets.HTML(), told()
    grid = ipywidgets.Box([together, *choices.values()], layout={"flex_flow": "row wrap", "width": "100%"})

    def still() -> str:
        return text.value + image(drawn.value, plain(text))

    box = Live([grid, text, drawn], still, choices=choices, all=together, text=text, picture=drawn)
    _follow_choices(box, table, budgets, picture, rest_bytes)
    return box


def _follow_choices(
    box: Live, table: SensitivityTable, budgets: Budgets, picture: PlanPicture, rest_bytes: int
) -> None:
    """Redraw whenever a choice changes; once, not a time a layer, when all of them do."""
    held = False

    def redraw(change: object = None) -> None:
        if held:
            return
        box.bits = {name: choice.value for name, choice in box.choices.items()}
        box.solver = budgets.at(table.average_bits(box.bits))
        mine, best = plan_facts(table, box.bits, rest_bytes), plan_facts(table, box.solver, rest_bytes)
        words = compared(mine, best, cost_unit(table))
        box.picture.value = picture.draw(box.bits, f"Your plan and the solver's. {words}", box.solver)
        tell(box.text, words)

    def set_all(change: dict) -> None:
        nonlocal held
        if not change["new"]:
            return
        held = True
        for choice in box.choices.values():
            choice.value = change["new"]
        held = False
        box.all.value = 0
        redraw()

    for choice in box.choices.values():
        choice.observe(redraw, "value")
    box.all.observe(set_all, "value")
    redraw()


def compared(mine: PlanFacts, solver: PlanFacts, unit: str) -> str:
    """Your plan against the solver's, as a sentence."""
    yours = f"Yours: {mine.average_bits:.2f} bits a weight, {size(mine.bytes)}, predicted cost {mine.cost:.3g} {unit}. "
    if mine.cost <= solver.cost + 1e-12 * abs(solver.cost):
        return yours + "No plan of this size or smaller is predicted to cost less: you are on the front."
    return (
        yours
        + f"The solver, in at most the same bytes: {solver.average_bits:.2f} bits a weight, {size(solver.bytes)}, "
        f"predicted cost {solver.cost:.3g}."
    )


def measure_button(
    budgets: Sequence[float], run: Callable[[float, Progress], float | str], *, what: str = "word errors, %"
) -> Live:
    """A button that measures each budget in turn, with a progress bar and a table of results.

    Args:
        budgets: bits a weight, say three of them.
        run: measures one: takes the budget and a function to tell progress with (0 to 1), returns the result.
        what: heading of the results.

    Returns:
        A widget with `.button`, `.bar`, `.text`, `.table`, `.results` (by budget) and `.press()`, which does what the
        button does and returns the results. An error is told in the text, and the other budgets are measured.
    """
    button = ipywidgets.Button(
        description=f"Measure {len(budgets)} budgets", button_style="primary", layout={"width": "200px"}
    )
    bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout=WIDE)
    text, table = told("Nothing measured yet."), ipywidgets.HTML()
    children = [ipywidgets.HBox([button, bar]), text, table]
    box = Live(children, lambda: table.value, button=button, bar=bar, text=text, table=table, results={})

    def show() -> None:
        table.value = _results_table(budgets, box.results, what)

    def press(_: object = None) -> dict[float, float | str]:
        button.disabled, failed = True, []
        for place, budget in enumerate(budgets):
            tell(text, f"Measuring {budget:g} bits a weight ({place + 1} of {len(budgets)}) …")

            def progress(share: float, done: int = place) -> None:
                bar.value = (done + min(1.0, max(0.0, share))) / len(budgets)

            progress(0.0)
            try:
                box.results[budget] = run(budget, progress)
            except (ValueError, OSError, RuntimeError) as error:
                failed.append(f"{budget:g} bits: {error}")
            progress(1.0)
            show()
        button.disabled = False
        tell(text, "; ".join(failed) if failed else f"{len(budgets)} budgets measured.", wrong=bool(failed))
        return box.results

    button.on_click(press)
    box.press = press
    show()
    return box


def _results_table(budgets: Sequence[float], results: Mapping[float, float | str], what: str) -> str:
    cell = "padding:.2em .8em;text-align:right;border-bottom:1px solid #8888"
    told = [(f"{budget:g}", _shown(results.get(budget, "–"))) for budget in budgets]
    rows = "".join(
        f'<tr><td style="{cell}">{budget}</td><td style="{cell}">{result}</td></tr>' for budget, result in told
    )
    head = f'<tr><th style="{cell}">bits a weight</th><th style="{cell}">{html.escape(what)}</th></tr>'
    return f'<table style="border-collapse:collapse">{head}{rows}</table>'


def _shown(result: float | str) -> str:
    return html.escape(result) if isinstance(result, str) else f"{result:.1f}"
