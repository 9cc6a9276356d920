"""Small charts as SVG, readable on white and on black: lines over linear or logarithmic axes, and stacked bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from benchmarks.rows import Series

WIDTH: Final = 760
HEIGHT: Final = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 44, 52
_LEGEND_LINE: Final = 18
_BAR: Final = 22
_LABELS: Final = 290

_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #8c959f; stroke-opacity: .3 }
.axis { stroke: #57606a; fill: none }
.line { fill: none; stroke-width: 2 }
.c0 { stroke: #0969da; fill: #0969da } .c1 { stroke: #bc4c00; fill: #bc4c00 } .c2 { stroke: #1a7f37; fill: #1a7f37 }
.c3 { stroke: #8250df; fill: #8250df } .c4 { stroke: #9a6700; fill: #9a6700 }
.line { fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis { stroke: #9198a1 }
  .c0 { stroke: #58a6ff; fill: #58a6ff } .c1 { stroke: #ffa657; fill: #ffa657 } .c2 { stroke: #56d364; fill: #56d364 }
  .c3 { stroke: #d2a8ff; fill: #d2a8ff } .c4 { stroke: #e3b341; fill: #e3b341 }
  .line { fill: none }
}
""".strip()
_COLOURS: Final = 5


class Axis:
    """From values to places.

    Args:
        values: what must find room.
        low, high: the places of the axis's ends.
    """

    def __init__(self, values: Sequence[float], low: float, high: float, *, logarithmic: bool = False) -> None:
        self._logarithmic = logarithmic
        self._low, self._high = low, high
        if logarithmic:
            positive = [value for value in values if value > 0] or [1.0]
            self._begin = 10.0 ** math.floor(math.log10(min(positive)))
            self._end = 10.0 ** math.ceil(math.log10(max(*positive, self._begin * 1.01)))
            decades = round(math.log10(self._end / self._begin))
            self.ticks = [self._begin * 10**decade for decade in range(decades + 1)]
        else:
            self._begin = min(0.0, min(values, default=0.0))
            step = _step((max(values, default=1.0) - self._begin) or 1.0)
            count = max(math.ceil((max(values, default=1.0) - self._begin) / step - 1e-9), 1)
            self._begin = math.floor(self._begin / step) * step
            self._end = self._begin + step * count
            self.ticks = [self._begin + step * number for number in range(count + 1)]

    def place(self, value: float) -> float:
        """Where ``value`` is."""
        if self._logarithmic:
            share = math.log(max(value, self._begin) / self._begin) / math.log(self._end / self._begin)
        else:
            share = (value - self._begin) / (self._end - self._begin)
        return self._low + share * (self._high - self._low)


def lines(
    title: str, x: str, y: str, series: Sequence[Series], *, log_x: bool = False, log_y: bool = False, note: str = ""
) -> str:
    """A chart of lines.

    Args:
        x, y: what the axes show, with the unit.
        series: each with at least one point.
        note: a sentence under the title.
    """
    bottom = HEIGHT - _BOTTOM
    top = _TOP + (_LEGEND_LINE if note else 0)
    across = Axis([point[0] for line in series for point in line.points], _LEFT, WIDTH - _RIGHT, logarithmic=log_x)
    up = Axis([point[1] for line in series for point in line.points], bottom, top, logarithmic=log_y)
    parts = [_text(_LEFT, 20, title, "title")]
    if note:
        parts.append(_text(_LEFT, 40, note))
    for tick in across.ticks:
        place = across.place(tick)
        parts.append(f'<path class="grid" d="M{place:.1f} {top}V{bottom}"/>')
        parts.append(_text(place, bottom + 18, f"{tick:,g}", anchor="middle"))
    for tick in up.ticks:
        place = up.place(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {place:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 8, place + 4, f"{tick:,g}", anchor="end"))
    parts.append(f'<path class="axis" d="M{_LEFT} {top}V{bottom}H{WIDTH - _RIGHT}"/>')
    parts.append(_text((_LEFT + WIDTH - _RIGHT) / 2, bottom + 38, x, anchor="middle"))
    middle = (top + bottom) / 2
    parts.append(f'<g transform="rotate(-90 16 {middle:.0f})">{_text(16, middle, y, anchor="middle")}</g>')
    for number, line in enumerate(series):
        path = "L".join(f"{across.place(a):.1f} {up.place(b):.1f}" for a, b in line.points)
        parts.append(f'<path class="c{number % _COLOURS} line" d="M{path}"/>')
    return _document(parts, [line.label for line in series], HEIGHT)


def bars(title: str, unit: str, shares: Mapping[str, Mapping[str, float]]) -> str:
    """Horizontal bars, each stacked of its parts."""
    parts_of = list(dict.fromkeys(part for each in shares.values() for part in each))
    bottom = _TOP + len(shares) * (_BAR + 8)
    across = Axis([sum(each.values()) for each in shares.values()], _LABELS, WIDTH - 60)
    parts = [_text(20, 20, title, "title")]
    for tick in across.ticks:
        place = across.place(tick)
        parts.append(f'<path class="grid" d="M{place:.1f} {_TOP}V{bottom}"/>')
        parts.append(_text(place, bottom + 18, f"{tick:,g}", anchor="middle"))
    for row, (label, each) in enumerate(shares.items()):
        y, begin = _TOP + row * (_BAR + 8), 0.0
        parts.append(_text(_LABELS - 8, y + _BAR - 6, label, anchor="end"))
        for number, part in enumerate(parts_of):
            end = begin + each.get(part, 0.0)
            width = across.place(end) - across.place(begin)
            if width > 0:
                box = f'x="{across.place(begin):.1f}" y="{y}" width="{width:.1f}" height="{_BAR}"'
                parts.append(f'<rect class="c{number % _COLOURS}" {box}/>')
            begin = end
        parts.append(_text(across.place(begin) + 6, y + _BAR - 6, f"{begin:,.0f}"))
    parts.append(_text((_LABELS + WIDTH - 60) / 2, bottom + 38, unit, anchor="middle"))
    return _document(parts, parts_of, bottom + _BOTTOM)


def _document(parts: Sequence[str], legend: Sequence[str], height: float) -> str:
    entries = []
    for number, label in enumerate(legend):
        y = height + number * _LEGEND_LINE
        entries.append(f'<rect class="c{number % _COLOURS}" x="{_LEFT}" y="{y:.0f}" width="12" height="12"/>')
        entries.append(_text(_LEFT + 20, y + 11, label))
    whole = height + len(legend) * _LEGEND_LINE + 10
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole:.0f}" role="img">'
    return "\n".join([begin, f"<style>{_STYLE}</style>", *parts, *entries, "</svg>", ""])


def _text(x: float, y: float, text: str, name: str = "", *, anchor: str = "start") -> str:
    extra = f' class="{name}"' if name else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'


def _step(extent: float) -> float:
    """A round number of which four to ten make ``extent``."""
    size = 10.0 ** math.floor(math.log10(extent / 4))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if extent / (size * factor) <= 8)
