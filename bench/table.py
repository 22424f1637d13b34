# SPDX-License-Identifier: MIT
"""Sections as text: a line a row, or a matrix where a section wants one ("layout": "matrix")."""

BLOCK = 4  # columns of a matrix beside each other


def verdict(row):
    """"met", "MISSED", "open" where a ratio is above its mark by less than this run resolves, or "" without a mark."""
    judged = row[row["judged"]]
    if row["mark"] is None or judged is None:
        return ""
    if judged <= row["mark"]:
        return "met"
    return "open" if row["judged"] == "ratio" and judged - row.get("resolved", 0) <= row["mark"] else "MISSED"


def number(value):
    """Two or three digits that mean something."""
    if value is None:
        return ""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def limit(row):
    """A mark in the form of what it judges."""
    if row["mark"] is None:
        return ""
    return f"{row['mark']:.2f}" if row["judged"] == "ratio" else number(row["mark"])


def line(row, wide):
    """One row: median, quartiles, the ratio to the bare run beside it, its quartiles, the mark."""
    spread = f"{number(row['low'])} - {number(row['high'])}"
    ratio = ratios = ""
    if row["ratio"] is not None:
        ratio, ratios = f"{row['ratio']:.3f}", f"{row['ratio_low']:.3f}-{row['ratio_high']:.3f}"
    text = (f"  {row['what']:{wide[0]}} {row['variant']:{wide[1]}}{number(row['value']):>12}{spread:>22}{ratio:>8}"
            f"{ratios:>14}{limit(row):>8} {verdict(row):7}{row['note']}")
    return text.rstrip()


def cell(row):
    """A ratio with half the distance of its quartiles and what is added; or a bare value."""
    if row is None:
        return ""
    sign = {"": " ", "met": "*", "open": "?", "MISSED": "!"}[verdict(row)]
    if row["ratio"] is None:
        return number(row["value"]) + sign
    half = (row["ratio_high"] - row["ratio_low"]) / 2
    return f"{row['ratio']:.3f} ±{half:.3f} {row['added']:+8,.0f}{sign}"


def matrix(section):
    """The shorter of calls and variants as columns, in blocks."""
    cells, whats, variants = {}, {}, {}
    for row in section["rows"]:
        cells[row["what"], row["variant"]] = row
        whats[row["what"]] = variants[row["variant"]] = True
    turned = len(whats) < len(variants)
    columns, lines = (list(whats), list(variants)) if turned else (list(variants), list(whats))
    wide = any(row["ratio"] is not None for row in section["rows"])
    width, block = (24, BLOCK) if wide else (16, 2 * BLOCK)
    for start in range(0, len(columns), block):
        shown = columns[start:start + block]
        yield f"  {'':24}" + "".join(f"{column + ' ':>{width}}" for column in shown)
        for name in lines:
            keys = [(column, name) if turned else (name, column) for column in shown]
            yield f"  {name:24}" + "".join(f"{cell(cells.get(key)):>{width}}" for key in keys)


def section_lines(section):
    """A section with its title."""
    yield ""
    if section.get("layout") == "matrix":
        yield f"{section['title']} ({section['unit']})"
        yield from matrix(section)
        return
    yield section["title"]
    wide = [max((len(row[key]) for row in section["rows"]), default=0) for key in ("what", "variant")]
    yield f"{'':{3 + sum(wide)}}{section['unit']:>12}{'quartiles':>22}{'ratio':>8}{'quartiles':>14}{'mark':>8}"
    for row in section["rows"]:
        yield line(row, wide)


def marks(sections):
    """How many marks are met, and each that is missed or open."""
    judged = [row for section in sections for row in section["rows"] if verdict(row)]
    yield ""
    yield f"{sum(verdict(row) == 'met' for row in judged)} of {len(judged)} marks are met"
    for row in judged:
        value, rest = number(row["value"]), ""
        if row["judged"] == "ratio":
            value, rest = f"{row['ratio']:.3f}", f", of which ±{row['resolved']:.3f} is not resolved"
        if verdict(row) != "met":
            yield (f"  {verdict(row).lower()}: {row['what']}, {row['variant']}: {value}, at most {limit(row)} is wanted"
                   f"{rest}")
