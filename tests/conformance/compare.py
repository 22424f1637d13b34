#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares what a conformance program printed bare and translated, case by case ("== NAME" begins one).

usage: compare.py BARE TRANSLATED; prints `same CASE` or `differs CASE`, and the first lines that differ behind `|`.
"""
import difflib
import sys

SHOWN = 24  # lines of a difference


def cases(path):
    found = {}
    name = "before the first case"
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("== "):
                name = line[3:].strip()
            found.setdefault(name, []).append(line.rstrip("\n"))
    return found


bare, translated = cases(sys.argv[1]), cases(sys.argv[2])
for name in dict.fromkeys([*bare, *translated]):
    difference = list(
        difflib.unified_diff(bare.get(name, []), translated.get(name, []), "bare", "translated", n=1, lineterm="")
    )
    print("differs" if difference else "same", name)
    for line in difference[:SHOWN]:
        print("|", line)
