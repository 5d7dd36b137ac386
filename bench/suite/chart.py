# SPDX-License-Identifier: MIT
"""One case as a picture: a bar for each implementation, in SVG."""

import html
import math

from . import catalog, schedule, table

WIDTH, LABEL, BARS_END = 860, 178, 640
ROW, BAR, TOP, AXIS = 24, 14, 6, 22
# Beyond this spread a linear scale would leave nothing of the small ones.
LINEAR_MOST = 50


class Scale:
    """From a number to a place, linear from zero or by powers of ten."""

    def __init__(self, results):
        values = [r.median for r in results if r.runs]
        tops = [r.max for r in results if r.runs]
        self.highest = max(max(tops, default=1), 1e-9)
        positive = [v for v in values if v > 0] or [1]
        self.log = self.highest / min(positive) > LINEAR_MOST
        if self.log:
            lowest = min(r.min for r in results if r.runs and r.min > 0)
            self.from_, self.to = math.floor(math.log10(lowest)), math.log10(self.highest)
            # A bar that begins at its own power of ten would have no length.
            self.from_ -= lowest < 10 ** self.from_ * 1.3

    def x(self, value):
        if self.log:
            part = (math.log10(max(value, 10 ** self.from_)) - self.from_) / (self.to - self.from_)
        else:
            part = max(value, 0) / self.highest
        return LABEL + part * (BARS_END - LABEL)

    def ticks(self):
        if self.log:
            return [10 ** p for p in range(self.from_, math.floor(self.to) + 1)]
        step = 10 ** math.floor(math.log10(self.highest))
        while self.highest / step < 4:
            step /= 2
        return [i * step for i in range(int(self.highest / step) + 1)]


def kind(impl):
    if impl == "hocket":
        return "ours"
    if catalog.is_hocket(impl):
        return "ours variant"
    return "floor" if catalog.is_floor(impl) else "peer"


def _text(x, y, cls, text, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{cls}" text-anchor="{anchor}">'
            f"{html.escape(text)}</text>")


def _spread(result, scale, y):
    """Minimum to maximum, as a line with ends across the bar."""
    low, high = scale.x(result.min), scale.x(result.max)
    if high - low < 1.5:
        return ""
    return (f'<path class="spread" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 3}v6'
            f'M{high:.1f} {y - 3}v6"/>')


def _bar(result, results, scale, y):
    middle = y + ROW / 2
    label = _text(LABEL - 8, middle + 4, f"name {kind(result.impl)}", result.impl, "end")
    if not result.runs:
        return label + _text(LABEL + 4, middle + 4, "failure", f"fails: {result.failure}")
    against = schedule.ratio(result, results)
    end = max(scale.x(result.median), LABEL + 1)
    after = max(end, scale.x(result.max)) + 6
    parts = [
        label,
        f'<rect x="{LABEL}" y="{middle - BAR / 2}" width="{end - LABEL:.1f}" height="{BAR}" '
        f'class="bar {kind(result.impl)}" rx="2"><title>{html.escape(result.impl)}: median '
        f"{table.number(result.median)}, {table.number(result.min)} to "
        f"{table.number(result.max)} {result.unit}</title></rect>",
        _spread(result, scale, middle),
        _text(after, middle + 4, "value", table.number(result.median)),
    ]
    if against is not None:
        text = "1" if result.impl == "hocket" else table.number(against)
        parts.append(_text(WIDTH - 60, middle + 4, f"ratio {kind(result.impl)}", text + " ×", "end"))
    return "".join(parts)


def _axis(scale, height, unit):
    parts = []
    for tick in scale.ticks():
        x = scale.x(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{height}"/>')
        parts.append(_text(x, height + 15, "tick", f"{tick:,g}", "middle"))
    note = f"{unit}, log scale" if scale.log else unit
    parts.append(_text(BARS_END + 30, height + 15, "tick", note))
    return "".join(parts)


def svg(results):
    scale = Scale(results)
    height = TOP + ROW * len(results)
    bars = "".join(_bar(r, results, scale, TOP + i * ROW) for i, r in enumerate(results))
    alt = ", ".join(f"{r.impl} {table.number(r.median)}" for r in results if r.runs)
    return (f'<svg viewBox="0 0 {WIDTH} {height + AXIS}" role="img" '
            f'aria-label="{html.escape(alt)} {html.escape(results[0].unit)}">'
            f"{_axis(scale, height, results[0].unit)}{bars}</svg>")
