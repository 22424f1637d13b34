# SPDX-License-Identifier: MIT
"""Charts as SVG, on a ground of their own so that they can be read on a light page and on a dark one.

The same figures give the same bytes; coordinates are rounded, so that a new run changes little.
"""
import math
from xml.sax.saxutils import escape

WIDTH = 760
INK, PALE, GRID, GROUND, EDGE = "#1f2328", "#59636e", "#e3e7eb", "#ffffff", "#d1d9e0"
OURS, THEIRS = "#0f6b5c", "#9aa7b4"
LINES = ("#0f6b5c", "#c2410c", "#3355bb", "#a16207", "#8b2f8b", "#4b5563", "#0e87a8", "#b91c5c")
FONT = "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""
# A bar that is longer than this many times the median is cut, and says its value.
CUT = 3


def text(x, y, words, size=13, colour=INK, anchor="start", more=""):
    """One line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{more}>'
            f"{escape(words)}</text>")


def rule(x1, y1, x2, y2, colour=GRID):
    """A thin straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def page(title, subtitle, height, parts):
    """The whole file: ground, title, what the axis says, and the parts."""
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img" {FONT}>', f"<title>{escape(title)}</title>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8" fill="{GROUND}" '
            f'stroke="{EDGE}"/>', text(20, 30, title, 16, more=' font-weight="600"'), text(20, 50, subtitle, 13, PALE)]
    return "\n".join(head + parts + ["</svg>", ""])


def step(most, count):
    """A round distance of ticks, so that about `count` of them reach `most`."""
    raw = max(most, 1e-9) / count
    scale = 10 ** math.floor(math.log10(raw))
    return next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= raw)


def ticks(most, count=5):
    """From 0 to the first one that is not below `most`."""
    distance = step(most, count)
    return [distance * n for n in range(math.ceil(round(most / distance, 6)) + 1)]


def short(value):
    """A number for an axis or a bar."""
    if abs(value) >= 1_000_000:
        return f"{value / 1e6:g}M"
    if abs(value) >= 10_000:
        return f"{value / 1e3:.0f}k"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def bars(title, axis, series):
    """Horizontal bars in the order given; what is far longer than the rest is cut and told by its number."""
    left, right, top, row = 200, 80, 66, 26
    values = sorted(series.values())
    middle = values[len(values) // 2]
    marked = ticks(max(value for value in values if value <= CUT * max(middle, 1)))
    bottom = top + row * len(series)
    scale = (WIDTH - left - right) / marked[-1]
    parts = []
    for value in marked:
        parts += [rule(left + value * scale, top, left + value * scale, bottom),
                  text(left + value * scale, bottom + 18, short(value), 12, PALE, "middle")]
    for number, (name, value) in enumerate(series.items()):
        y = top + row * number
        end = left + min(max(value, 0), marked[-1]) * scale
        colour = OURS if name.startswith("sockade") else THEIRS
        parts += [text(left - 10, y + 17, name, anchor="end"),
                  f'<rect x="{left}" y="{y + 4}" width="{max(end - left, 1):.1f}" height="{row - 8}" fill="{colour}"/>']
        if value > marked[-1]:
            parts += [f'<path d="M{end - 26:.1f} {y + row - 2}l8 {4 - row}m6 0l-8 {row - 4}" stroke="{GROUND}" '
                      'stroke-width="3" fill="none"/>']
        parts += [text(end + 8, y + 17, f"{value:,.0f}" if abs(value) >= 10 else short(value), 12)]
    return page(title, axis, bottom + 32, parts)


def decades(least, most):
    """Powers of ten that enclose both."""
    return [10.0 ** n for n in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]


class Axis:
    """Values to places, linear from 0 or by powers of ten."""

    def __init__(self, values, begin, end, log):
        self.log = log and min(values) > 0
        self.ticks = decades(min(values), max(values)) if self.log else ticks(max(max(values), 1e-9))
        self.ticks = self.ticks if len(self.ticks) > 1 else [self.ticks[0], self.ticks[0] * 10]
        self.begin, self.end = begin, end

    def place(self, value):
        """Where a value stands."""
        low, high = self.ticks[0], self.ticks[-1]
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def legend(names, y):
    """Names with a piece of their line, in rows; the parts and the height."""
    parts, x, lines = [], 20, 1
    for number, name in enumerate(names):
        width = 44 + 7.2 * len(name)
        if x + width > WIDTH - 20 and x > 20:
            x, lines = 20, lines + 1
        place = y + 20 * (lines - 1)
        parts += [f'<line x1="{x}" y1="{place - 4}" x2="{x + 18}" y2="{place - 4}" '
                  f'stroke="{LINES[number % len(LINES)]}" stroke-width="3"/>', text(x + 24, place, name, 12)]
        x += round(width)
    return parts, 20 * lines


def lines(title, x_name, y_name, series, log_x=False, log_y=False):
    """Points joined by lines, a colour a series."""
    parts, used = legend(series, 74)
    top, height, left, right = 74 + used, 260, 66, 24
    bottom = top + height
    points = [point for one in series.values() for point in one]
    across = Axis([x for x, _ in points], left, WIDTH - right, log_x)
    up = Axis([y for _, y in points], bottom, top, log_y)
    for value in up.ticks:
        parts += [rule(left, up.place(value), WIDTH - right, up.place(value)),
                  text(left - 8, up.place(value) + 4, short(value), 12, PALE, "end")]
    for value in across.ticks:
        parts += [rule(across.place(value), bottom, across.place(value), bottom + 5, PALE),
                  text(across.place(value), bottom + 20, short(value), 12, PALE, "middle")]
    parts += [rule(left, bottom, WIDTH - right, bottom, PALE),
              text(WIDTH - right, bottom + 40, x_name, 12, PALE, "end")]
    for number, one in enumerate(series.values()):
        colour = LINES[number % len(LINES)]
        places = [f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in one]
        parts += [f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>']
        parts += [f'<circle cx="{place.split(",")[0]}" cy="{place.split(",")[1]}" r="3" fill="{colour}"/>'
                  for place in places]
    return page(title, y_name, bottom + 54, parts)


def draw(chart, title):
    """The SVG of a section's "chart"; None where it has no points."""
    title = chart.get("title", title)
    series = {name: value for name, value in chart["series"].items() if value not in (None, [])}
    if not series:
        return None
    if chart["kind"] == "bars":
        return bars(title, chart["y"], series)
    return lines(title, chart["x"], chart["y"], series, chart.get("log_x", False), chart.get("log_y", False))
