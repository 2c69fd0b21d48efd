"""Plots as SVG, drawn on the server with svg-py: figures in, markup out (pure).

Colours are classes of `plot.css`. svg-py escapes nothing: every word goes through `_said`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import svg
from markupsafe import Markup, escape

_BAR_HEIGHT = 10
_BAR_WIDTH = 1000
_SPARK_HEIGHT = 20
_SPARK_STEP = 5
_MARGIN_LEFT, _MARGIN_BOTTOM, _MARGIN_TOP = 64, 22, 8
_STEPS = (1, 2, 5)
_LINES = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar: how much, in which class, and what is said of it."""

    size: int
    kind: str
    words: str


def bar(parts: Sequence[Part], whole: int, label: str, *, ticks: Sequence[Part] = ()) -> Markup:
    """Parts side by side, of a whole that may be larger or smaller than they are. A tick's `size` is
    where it stands."""
    whole = max(whole, sum(part.size for part in parts), *(tick.size for tick in ticks), 1)
    drawn: list[svg.Element] = [_rect(0, 0, _BAR_WIDTH, _BAR_HEIGHT, "bar-whole")]
    at = 0
    for part in parts:
        x, end = at * _BAR_WIDTH // whole, (at + part.size) * _BAR_WIDTH // whole
        if part.size:
            width = max(end - x, 3)
            drawn.append(_titled(_rect(x, 0, width, _BAR_HEIGHT, f"bar-{part.kind}"), part.words))
        at += part.size
    for tick in ticks:
        x = min(tick.size * _BAR_WIDTH // whole, _BAR_WIDTH - 4)
        drawn.append(_titled(_rect(x, -3, 4, _BAR_HEIGHT + 6, f"tick-{tick.kind}"), tick.words))
    return _figure(drawn, _BAR_WIDTH, _BAR_HEIGHT, label, "bar", is_stretched=True)


def spark(values: Sequence[int], label: str, marked: Sequence[int] = ()) -> Markup:
    """A small column for each value; `marked` are the parts of them that are drawn as refusals."""
    top = max(*values, 1) if values else 1
    drawn: list[svg.Element] = []
    for at, value in enumerate(values):
        height = -(-value * _SPARK_HEIGHT // top)
        no = -(-marked[at] * _SPARK_HEIGHT // top) if marked else 0
        x = at * _SPARK_STEP
        if height > no:
            drawn.append(
                _rect(x, _SPARK_HEIGHT - height, _SPARK_STEP - 1, height - no, "spark-yes")
            )
        if no:
            drawn.append(_rect(x, _SPARK_HEIGHT - no, _SPARK_STEP - 1, no, "spark-no"))
    width = max(len(values) * _SPARK_STEP - 1, 1)
    return _figure(drawn, width, _SPARK_HEIGHT, label, "spark", is_stretched=True)


@dataclass(frozen=True, slots=True)
class Column:
    """One stretch of time: the sizes of the series in it, in their order."""

    label: str
    """Beneath it, where there is room."""
    words: str
    """Said when it is pointed at."""
    sizes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the lines of an axis stand, and what is written beside them."""

    top: int
    lines: Sequence[tuple[int, str]]


def columns(
    shown: Sequence[Column], scale: Scale, label: str, *, width: int, height: int = 220
) -> Markup:
    """Stacked columns over time, with an axis of round figures."""
    plot_width, floor = width - _MARGIN_LEFT - 4, height - _MARGIN_BOTTOM
    plot_height = floor - _MARGIN_TOP
    drawn: list[svg.Element] = []
    for value, words in scale.lines:
        y = floor - value * plot_height // scale.top
        drawn.append(svg.Line(x1=_MARGIN_LEFT, x2=width, y1=y, y2=y, class_=["grid"]))
        drawn.append(_text(words, _MARGIN_LEFT - 8, y + 4, "end"))
    step = plot_width / max(len(shown), 1)
    every = max(1, -(-72 // max(int(step), 1)))
    for at, column in enumerate(shown):
        x = _MARGIN_LEFT + at * step
        drawn.append(_column(column, x, step, floor, plot_height, scale.top))
        if at % every == 0:
            drawn.append(_text(column.label, x + step / 2, height - 6, "middle"))
    return _figure(drawn, width, height, label, "columns", is_stretched=False)


def _column(
    column: Column, x: float, step: float, floor: int, plot_height: int, top: int
) -> svg.Element:
    gap = min(2.0, step / 4)
    stacked: list[svg.Element] = [
        svg.Title(text=_said(column.words)),
        # So that the whole height can be pointed at.
        svg.Rect(x=round(x, 2), y=0, width=round(step, 2), height=floor, class_=["hit"]),
    ]
    y = float(floor)
    for number, size in enumerate(column.sizes, 1):
        height = size * plot_height / top
        if height > 0:
            y -= height
            stacked.append(
                svg.Rect(
                    x=round(x + gap / 2, 2),
                    y=round(y, 2),
                    width=round(step - gap, 2),
                    height=round(max(height, 0.75), 2),
                    class_=[f"share-{min(number, 6)}"],
                )
            )
    return svg.G(elements=stacked)


def scale_for(most: int, say: Callable[[int], str]) -> Scale:
    """An axis from 0 to a round figure at or above `most`, with up to four lines above it."""
    most = max(most, 1)
    size = 1
    while size * _STEPS[-1] * _LINES < most:
        size *= 10
    step = next(size * each for each in _STEPS if size * each * _LINES >= most)
    lines = [(at * step, say(at * step)) for at in range(_LINES + 1) if (at - 1) * step < most]
    return Scale(max(lines[-1][0], 1), lines)


def _rect(x: int, y: int, width: int, height: int, kind: str) -> svg.Rect:
    return svg.Rect(x=x, y=y, width=width, height=height, class_=[kind])


def _titled(element: svg.Rect, words: str) -> svg.Element:
    element.elements = [svg.Title(text=_said(words))]
    return element


def _text(words: str, x: float, y: float, anchor: str) -> svg.Element:
    return svg.Text(
        text=_said(words),
        x=round(x, 2),
        y=round(y, 2),
        text_anchor=anchor,  # type: ignore[arg-type]
        class_=["label"],
    )


def _said(words: str) -> str:
    return str(escape(words))


def _figure(
    drawn: list[svg.Element], width: int, height: int, label: str, kind: str, *, is_stretched: bool
) -> Markup:
    whole = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, width, height),
        class_=["plot", kind],
        preserveAspectRatio="none" if is_stretched else None,  # type: ignore[arg-type]
        extra={"role": "img", "aria-label": _said(label)},
        elements=drawn,
    )
    return Markup(str(whole))  # noqa: S704 -- numbers, classes, and words by `_said`
