#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns what `tmux capture-pane -e -p` tells into a page that looks like the terminal: ansi_page.py TITLE <CAPTURE >PAGE"""
import html
import re
import sys

COLOURS = {31: "#ff7b85", 32: "#8fd0a4", 33: "#e9c46a", 34: "#8ab4f8", 36: "#7fd1d8"}
STYLE = """
html { background: transparent }
body { margin: 0; padding: 22px; display: inline-block; font-family: "DejaVu Sans", sans-serif }
.window { background: #16181d; border-radius: 10px; overflow: hidden; display: inline-block }
.bar { height: 34px; background: #22252c; color: #9aa0ab; font-size: 12px; line-height: 34px; text-align: center; position: relative }
.bar i { position: absolute; top: 11px; width: 12px; height: 12px; border-radius: 50% }
pre { margin: 0; padding: 14px 18px 18px; color: #d9dce3; font: 14.949px/21px "DejaVu Sans Mono", monospace }
b { color: #fff; font-weight: 600 }
.faint { color: #8a909c }
"""


def spans(line):
    """A line's text with its colours; each character stands alone, as in a terminal's cells."""
    out, bold, faint, colour = [], False, False, None
    for part in re.split(r"(\x1b\[[0-9;]*m|\x0f|\x1b\(B)", line):
        sequence = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if sequence:
            for code in (int(one or 0) for one in sequence[1].split(";")):
                if code == 0:
                    bold, faint, colour = False, False, None
                bold, faint = bold or code == 1, faint or code == 2
                colour = COLOURS.get(code, None if code == 39 else colour)
            continue
        if not part or part in ("\x0f", "\x1b(B"):
            continue
        text = html.escape(part)
        if colour:
            text = f'<span style="color:{colour}">{text}</span>'
        elif faint:
            text = f'<span class="faint">{text}</span>'
        out.append(f"<b>{text}</b>" if bold else text)
    return "".join(out)


def main():
    lines = sys.stdin.read().rstrip("\n").split("\n")
    print(f'<!DOCTYPE html><meta charset="utf-8"><style>{STYLE}</style><div class="window"><div class="bar">'
          '<i style="left:14px;background:#ff5f57"></i><i style="left:34px;background:#febc2e"></i>'
          f'<i style="left:54px;background:#28c840"></i>{html.escape(sys.argv[1])}</div><pre>')
    print("\n".join(spans(line) for line in lines), end="</pre></div>\n")


main()
