# SPDX-License-Identifier: MIT
"""Draws what `tmux capture-pane -e -p` printed as a window in SVG: draw.py TITLE COLUMNS <CAPTURE >SVG

Only what stands on the screen is drawn: characters, colours, bold, dim, underlined, reversed. Each run of one style
is stretched to its columns, so that the picture looks the same in every font of one width.
"""
import html
import re
import sys

SIZE, WIDE, HIGH, MARGIN, BAR = 13, 7.8, 18, 16, 32
GROUND, INK = "#16181d", "#d5d8df"
COLOURS = ["#3b4048", "#f47067", "#8ddb8c", "#e8b65b", "#6cb6ff", "#dcbdfb", "#76d9e6", "#d5d8df",
           "#768390", "#ff938a", "#b4f1b4", "#f6d28b", "#96d0ff", "#eedcff", "#a5ecf5", "#ffffff"]
SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)m|\x1b.|([^\x1b]+)")


def palette(number):
    """One of the 256 colours."""
    if number < 16:
        return COLOURS[number]
    if number > 231:
        return "#" + 3 * ("%02x" % (8 + 10 * (number - 232)))
    parts = [(number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6]
    return "#" + "".join("%02x" % (part and 55 + 40 * part) for part in parts)


class Style:
    def __init__(self):
        self.reset()

    def reset(self):
        self.ink = self.ground = None
        self.words = set()

    def apply(self, codes):
        codes = [int(code or 0) for code in re.split("[;:]", codes)]
        names = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in names:
                self.words.add(names[code])
            elif code == 22:
                self.words -= {"bold", "dim"}
            elif code - 20 in names:
                self.words.discard(names[code - 20])
            elif code in (38, 48):
                colour = None
                if codes.pop(0) == 5:
                    colour = palette(codes.pop(0))
                else:
                    colour, codes = "#%02x%02x%02x" % tuple(codes[:3]), codes[3:]
                self.paint(code, colour)
            elif 30 <= code <= 49:
                self.paint(38 if code < 40 else 48, None if code % 10 == 9 else COLOURS[code % 10])
            elif 90 <= code <= 107:
                self.paint(38 if code < 100 else 48, COLOURS[8 + code % 10])

    def paint(self, side, colour):
        if side == 38:
            self.ink = colour
        else:
            self.ground = colour

    def colours(self):
        ink, ground = self.ink or INK, self.ground
        return (ground or GROUND, ink) if "reverse" in self.words else (ink, ground)

    def attributes(self):
        ink, _ = self.colours()
        out = "" if ink == INK else ' fill="%s"' % ink
        out += ' font-weight="bold"' if "bold" in self.words else ""
        out += ' font-style="italic"' if "italic" in self.words else ""
        out += ' text-decoration="underline"' if "underline" in self.words else ""
        return out + (' opacity="0.65"' if "dim" in self.words else "")


def draw_line(line, style, top):
    column, out = 0, []
    for codes, text in ((found[1], found[2]) for found in SEQUENCE.finditer(line)):
        if codes is not None:
            style.apply(codes)
            continue
        width = len(text or "")
        left = MARGIN + column * WIDE
        _, ground = style.colours()
        if ground:
            out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' %
                       (left, top - HIGH + 5, width * WIDE, HIGH, ground))
        if text and text.strip():
            out.append('<text x="%.1f" y="%.1f" textLength="%.1f"%s>%s</text>' %
                       (left, top, width * WIDE, style.attributes(), html.escape(text, quote=False)))
        column += width
    return out


def main():
    title, columns = sys.argv[1], int(sys.argv[2])
    lines = sys.stdin.read().strip("\n").split("\n")
    wide, high = 2 * MARGIN + columns * WIDE, BAR + HIGH * len(lines) + MARGIN
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">' %
           (wide, high, wide, high),
           "<title>%s</title>" % html.escape(title),
           '<rect width="100%%" height="100%%" rx="8" fill="%s"/>' % GROUND]
    out += ['<circle cx="%d" cy="16" r="5" fill="%s"/>' % (20 + 18 * place, COLOURS[colour])
            for place, colour in enumerate((1, 3, 2))]
    out.append('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" '
               'font-size="%d" fill="%s" xml:space="preserve">' % (SIZE, INK))
    style = Style()
    for number, line in enumerate(lines):
        out += draw_line(line, style, BAR + HIGH * (number + 1))
    print("\n".join(out + ["</g>", "</svg>"]))


main()
