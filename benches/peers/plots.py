"""Plots as SVG: bars with ranges, and curves over logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

#: One colour for each server, by place; the floor is grey.
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b9770e", "#7d3c98", "#5d6d7e")
GREY = "#b3b6b7"
#: Bars of so many times the middle one and more are cut, so that the short ones can be told apart.
CUT = 4
STYLE = (
    "<style>text{font:12px sans-serif;fill:#222}.t{font-weight:bold}.e{text-anchor:end}"
    ".m{text-anchor:middle}.g{stroke:#e5e7e9}.c{stroke:#fff;stroke-width:4}.r{stroke:#222;stroke-width:1.5}</style>"
)


@dataclass(frozen=True)
class Bar:
    label: str
    middle: float
    low: float
    high: float
    colour: str


@dataclass(frozen=True)
class Line:
    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashed: bool = False


def document(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">'
        f'{STYLE}<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(panels: Sequence[tuple[str, Sequence[Bar]]], columns: int) -> str:
    """Panels of horizontal bars, each with its own scale from zero; the longest are cut."""
    names, length, step, gap = 150, 190, 20, 60
    width = names + length + gap
    parts, top = [], 0.0
    for start in range(0, len(panels), columns):
        row = panels[start : start + columns]
        for place, (title, rows) in enumerate(row):
            left = place * width + names
            parts.append(text(place * width + 10, top + 22, title, "t"))
            limit = min(max(bar.high for bar in rows), CUT * median(bar.middle for bar in rows))
            scale = length / limit
            for number, bar in enumerate(rows):
                y = top + 36 + number * step
                middle = y + step / 2 - 2
                low, end, high = (min(v, limit) * scale for v in (bar.low, bar.middle, bar.high))
                size = f'width="{end:.1f}" height="{step - 4}"'
                parts += [
                    text(left - 6, y + 12, bar.label, "e"),
                    f'<rect x="{left}" y="{y:.0f}" {size} fill="{bar.colour}"/>',
                    text(left + high + 5, y + 12, f"{bar.middle:.3g}"),
                ]
                if bar.high > limit:
                    cut = left + 0.9 * length
                    parts.append(line(cut, y + step, cut + 8, y - 4, "c"))
                else:
                    parts.append(line(left + low, middle, left + high, middle, "r"))
        top += 50 + step * max(len(rows) for _, rows in row)
    return document(width * columns, top, parts)


def curves(title: str, x_title: str, y_title: str, lines: Sequence[Line]) -> str:
    """Lines over logarithmic axes."""
    left, top, width, height, key = 70, 40, 560, 340, 210
    xs = [x for each in lines for x, _ in each.points]
    ys = [y for each in lines for _, y in each.points]
    across, up = Scale(xs, left, left + width), Scale(ys, top + height, top)
    parts = [text(left, 22, title, "t")]
    for value in ticks(xs):
        parts.append(line(across(value), top, across(value), top + height, "g"))
        parts.append(text(across(value), top + height + 18, short(value), "m"))
    for value in ticks(ys):
        parts.append(line(left, up(value), left + width, up(value), "g"))
        parts.append(text(left - 6, up(value) + 4, short(value), "e"))
    parts.append(text(left + width / 2, top + height + 38, x_title, "m"))
    parts.append(text(6, 34, y_title))
    for number, each in enumerate(lines):
        dashes = ' stroke-dasharray="5 4"' if each.dashed else ""
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in each.points)
        look = f'fill="none" stroke="{each.colour}" stroke-width="2"{dashes}'
        y = top + 10 + 18 * number
        start = left + width + 14
        parts += [
            f'<polyline points="{points}" {look}/>',
            f'<polyline points="{start},{y} {start + 24},{y}" {look}/>',
            text(start + 30, y + 4, each.label),
        ]
        parts += [
            f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{each.colour}"/>'
            for x, y in each.points
        ]
    return document(left + width + key, top + height + 50, parts)


class Scale:
    """A logarithmic scale to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = map(math.log10, (min(values) / 1.1, max(values) * 1.1))
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)


def ticks(values: Sequence[float]) -> list[float]:
    low, high = min(values) / 1.1, max(values) * 1.1
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return [value for value in found if low <= value <= high]


def short(value: float) -> str:
    """1000 as 1k, 2000000 as 2M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
