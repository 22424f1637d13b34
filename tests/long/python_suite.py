# SPDX-License-Identifier: MIT
"""Runs modules of CPython's own test suite bare and preloaded, and compares the result of every single test.

    python_suite.py FOLDER AT_ONCE RUN... -- MODULE...      RUN... WORLD COMMAND... runs a command in a world

Each line on standard output is for the script: `ok NAME`, `not ok NAME`, or `# TEXT`. Bare runs twice: a test that does
not agree with itself is told by name, and says nothing about the object. A difference must show itself twice as well,
since the machine is shared and many of these tests wait for a time that somebody thought long enough.
"""
import concurrent.futures
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

PYTHON = "/usr/bin/python3"
SECONDS = 1500


def result(case: ElementTree.Element) -> str:
    """One word for how a test ended; for a failure with the exception's last line."""
    for child in case:
        if child.tag == "skipped":
            return "skipped: " + (child.text or "").strip()
        if child.tag in ("failure", "error"):
            lines = [line for line in (child.text or "").splitlines() if line.strip()]
            return f"{child.tag}: {lines[-1].strip() if lines else ''}"
    return case.get("result", "?")


class Suite:
    """Where and how modules are run."""

    def __init__(self, folder: str, runner: list):
        self.folder = folder
        self.runner = runner

    def run(self, module: str, world: str, turn: int) -> dict:
        """Test -> result of one run; the run's own status is one of them."""
        home = os.path.join(self.folder, f"{module}.{world}.{turn}")
        os.mkdir(home)
        os.chmod(home, 0o777)
        report = os.path.join(home, "report.xml")
        command = ["timeout", "-k", "9", str(SECONDS), PYTHON, "-m", "test", "--timeout", str(SECONDS - 60),
                   f"--junit-xml={report}", "--tempdir", home, module]
        with open(os.path.join(home, "said"), "wb") as said:
            done = subprocess.run([*self.runner, world, home, *command], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, check=False)
        found = {"exit status": str(done.returncode)}
        try:
            for case in ElementTree.parse(report).iter("testcase"):
                found[case.get("name")] = result(case)
        except (OSError, ElementTree.ParseError) as error:
            found["report"] = str(error).replace(home, "")
        return found

    def said(self, module: str, world: str, turn: int) -> str:
        """The end of what a run printed."""
        with open(os.path.join(self.folder, f"{module}.{world}.{turn}", "said"), encoding="utf-8",
                  errors="backslashreplace") as file:
            return "".join(file.readlines()[-60:])


def differing(one: dict, other: dict) -> dict:
    """Test -> both results, where they differ."""
    return {name: (one.get(name, "not run"), other.get(name, "not run"))
            for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)}


def compare(suite: Suite, module: str) -> list:
    """The lines about one module."""
    bare, again = suite.run(module, "bare", 1), suite.run(module, "bare", 2)
    preloaded = suite.run(module, "preloaded", 1)
    unsteady = differing(bare, again)
    found = {name: pair for name, pair in differing(bare, preloaded).items() if name not in unsteady}
    lines = [f"# {name}: differs between two bare runs: {one} | {two}" for name, (one, two) in unsteady.items()]
    if found:
        second = suite.run(module, "preloaded", 2)
        for name, (one, two) in found.items():
            if second.get(name) == one:
                lines.append(f"# {name}: differed once: {one} | {two}")
        found = {name: (one, two) for name, (one, two) in found.items() if second.get(name) != one}
    words = list(bare.values())
    passed, skipped = words.count("completed"), sum(word.startswith("skipped") for word in words)
    summary = f"{module}: {len(bare) - 1} tests, {passed} passed, {skipped} skipped, {len(unsteady)} unsteady"
    lines += [f"# {module}: no report: {run['report']}" for run in (bare, again) if "report" in run]
    lines.append(f"{'not ok' if found or 'report' in bare or 'report' in again else 'ok'} {summary}")
    for name, (one, two) in found.items():
        lines += [f"#   {name}", f"#        bare: {one}", f"#   preloaded: {two}"]
    if found:
        lines += [f"#   | {line}" for line in suite.said(module, "preloaded", 1).splitlines()]
    return lines


def main() -> None:
    """Several modules at a time, told in their order."""
    folder, at_once = sys.argv[1], int(sys.argv[2])
    end = sys.argv.index("--")
    suite, modules = Suite(folder, sys.argv[3:end]), sys.argv[end + 1:]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for lines in pool.map(lambda module: compare(suite, module), modules):
            print("\n".join(lines), flush=True)


main()
