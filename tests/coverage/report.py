#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints which lines and branches the tests have reached: report.py BUILD

Each program of the coverage build first adds its counters (counters.c) to the .gcda files; gcovr reads those. Then come
the functions that no test has entered, with the reasons that tests/uncovered.txt has, and in BUILD/coverage.txt every
line and branch that was missed.
"""
import collections
import glob
import json
import os
import subprocess
import sys

FOLDERS = ("policy", "config", "state", "shim", "shim/icmp", "command")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def dump(build):
    """The counters of each program, and of the object in a program that does nothing, go to the .gcda files."""
    for old in glob.glob(build + "/**/*.gcda", recursive=True):
        os.unlink(old)
    for counters in sorted(glob.glob(build + "/**/*.counters", recursive=True)):
        program = counters[:-len(".counters")]
        # A program that no test has run has nothing to tell, and its libgcov would find a shorter file.
        if os.path.getsize(counters) == 0:
            continue
        environment = dict(os.environ, SOCKADE_COVERAGE_DUMP="1")
        if program.endswith(".so"):
            subprocess.run(["/bin/true"], env=dict(environment, LD_PRELOAD=program), check=True)
        else:
            subprocess.run([program], env=environment, check=True)


def read(build):
    """gcovr's findings by file: lines are (number, count, branch counts), functions are (name, line, count)."""
    folders = [build + "/" + kind for kind in ("objects", "shim-objects", "visible") if os.path.isdir(build + "/" + kind)]
    out = subprocess.run(["gcovr", "--root", ROOT, "--json", "--exclude-unreachable-branches", "--gcov-ignore-parse-errors"]
                         + folders, check=True, capture_output=True, text=True, cwd=build).stdout
    files = {file["file"]: file for file in json.loads(out)["files"]}
    for file in files.values():
        file["lines"] = [line for line in file["lines"] if not line["gcovr/noncode"]]
    return files


def reasons():
    """tests/uncovered.txt: lines `FILE:FUNCTION REASON`."""
    told = {}
    with open(ROOT + "/tests/uncovered.txt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                name, reason = line.rstrip("\n").split(" ", 1)
                told[name] = reason.strip()
    return told


def missed(lines):
    """Texts of what was missed, with neighbouring lines as one."""
    texts = []
    for line in lines:
        number, branches = line["line_number"], [branch["count"] for branch in line["branches"]]
        if line["count"] == 0:
            if texts and texts[-1][1] == "line" and texts[-1][0][1] >= number - 2:
                texts[-1][0][1] = number
            else:
                texts.append([[number, number], "line"])
        elif 0 in branches:
            texts.append([[number, number], "%d of %d branches" % (branches.count(0), len(branches))])
    return ["%d%s %s" % (first, "-%d" % last if last != first else "", what) for (first, last), what in texts]


def main():
    build = os.path.abspath(sys.argv[1])
    dump(build)
    files = read(build)
    told = reasons()
    totals = collections.defaultdict(lambda: [0, 0, 0, 0])
    never = []
    with open(build + "/coverage.txt", "w", encoding="utf-8") as details:
        for name, file in sorted(files.items()):
            folder = os.path.dirname(name)
            if folder not in FOLDERS:
                continue
            branches = [branch["count"] for line in file["lines"] for branch in line["branches"]]
            lines = [line["count"] for line in file["lines"]]
            figures = [len(lines) - lines.count(0), len(lines), len(branches) - branches.count(0), len(branches)]
            totals[folder] = [a + b for a, b in zip(totals[folder], figures)]
            totals["all"] = [a + b for a, b in zip(totals["all"], figures)]
            never += ["%s:%s" % (name, function["name"]) for function in file["functions"]
                      if function["execution_count"] == 0 and name.endswith(".c")]
            details.write("%s: lines %d/%d, branches %d/%d\n" % (name, *figures))
            details.writelines("    %s\n" % text for text in missed(file["lines"]))
    print("%-12s %20s %20s" % ("", "lines", "branches"))
    for folder in FOLDERS + ("all",):
        a, b, c, d = totals[folder]
        print("%-12s %6d of %6d %3.0f%% %6d of %6d %3.0f%%" % (folder, a, b, 100 * a / (b or 1), c, d, 100 * c / (d or 1)))
    print("functions that no test enters: %d" % len(never))
    for name in never:
        print("    %s %s" % (name, told.get(name, "")))
    print("what was missed: %s/coverage.txt" % sys.argv[1])


main()
