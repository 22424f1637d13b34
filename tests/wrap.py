#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Wraps the comments of C files that have a line over 120 columns, which clang-format leaves alone: wrap.py FILE...

Only the rest of a paragraph from its first long line on is touched. With --check nothing is written: each long line is
printed, and there being one is an error.
"""
import re
import sys
import textwrap

LIMIT = 120
ALONE = re.compile(r"^(\s*)/\* (.*) \*/$")
BEGIN = re.compile(r"^(\s*)/\*$")
ITEM = re.compile(r"^(\s+|- |[0-9]+\. |\|)")


def wrapped(text, width):
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def paragraph_wrap(lines, width):
    """A paragraph, or one item of a list whose further lines are indented."""
    long = next((i for i, line in enumerate(lines) if len(line) > width), None)
    if long is None:
        return lines
    lead = re.match(r"^(\s*)", lines[long])[1]
    body = wrapped(" ".join(line.strip() for line in lines[long:]), width - len(lead))
    hang = " " * (len(lead) + (2 if long == 0 and lines[0].strip().startswith("- ") else 0))
    if hang == lead:
        return lines[:long] + [lead + line for line in body]
    body = wrapped(" ".join(line.strip() for line in lines), width - len(hang))
    return [lead + body[0]] + [hang + line for line in body[1:]]


def block_wrap(bodies, width):
    out, part = [], []
    for body in bodies + [""]:
        if part and (not body.strip() or ITEM.match(body) or ITEM.match(part[-1])):
            out += paragraph_wrap(part, width)
            part = []
        if body.strip():
            part.append(body)
        else:
            out.append(body)
    return out[:-1]


def wrap(text):
    lines, out = text.split("\n"), []
    while lines:
        line = lines.pop(0)
        alone, begin = ALONE.match(line), BEGIN.match(line)
        if alone and len(line) > LIMIT:
            body = wrapped(alone[2], LIMIT - len(alone[1]) - 3)
            out += [alone[1] + "/*"] + [alone[1] + " * " + one for one in body] + [alone[1] + " */"]
        elif begin:
            bodies = []
            while lines and "*/" not in lines[0]:
                bodies.append(re.sub(r"^\s*\* ?", "", lines.pop(0)))
            out.append(line)
            out += [(begin[1] + " * " + one).rstrip() for one in block_wrap(bodies, LIMIT - len(begin[1]) - 3)]
        else:
            out.append(line)
    return "\n".join(out)


def main():
    check = sys.argv[1:2] == ["--check"]
    found = False
    for path in sys.argv[1 + check:]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if check:
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > LIMIT:
                    print("%s:%d: %d columns" % (path, number, len(line)))
                    found = True
        elif wrap(text) != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(wrap(text))
    sys.exit(found)


main()
