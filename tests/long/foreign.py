# SPDX-License-Identifier: MIT
"""Runs modules of test suites of others bare and preloaded, and compares the result of every single test.

    foreign.py FOLDER AT_ONCE RUN... -- SUITE:MODULE...      RUN... WORLD FOLDER COMMAND... runs a command in a world

SUITE is `cpython` (python3 -m test) or `twisted` (by trial, its own runner).

Each line on standard output is for the script: `ok NAME`, `not ok NAME`, or `# TEXT`. Bare runs twice: a test that does
not agree with itself is told by name, and says nothing about the object. A difference must show itself twice as well,
since the machine is shared and many of these tests wait for a time that somebody thought long enough.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

PYTHON = "/usr/bin/python3"
SECONDS = 1500


# A reporter for trial that leaves one line for each test: its name and how it ended.
TRIAL = """
import json, sys
from twisted.trial import reporter, runner
out = open(sys.argv[1], "w")
def told(word):
    def add(self, test, what=None, *more):
        text = what.getErrorMessage() if hasattr(what, "getErrorMessage") else str(what if what is not None else "")
        out.write(json.dumps([test.id(), word + text]) + "\\n")
        out.flush()
        getattr(reporter.MinimalReporter, add.name)(self, test, *(() if what is None else (what, *more)))
    return add
class Told(reporter.MinimalReporter):
    pass
for name, word in dict(addSuccess="completed", addSkip="skipped: ", addFailure="failure: ", addError="error: ",
                       addExpectedFailure="expected failure: ", addUnexpectedSuccess="unexpected success").items():
    method = told(word)
    method.name = name
    setattr(Told, name, method)
suite = runner.TestLoader().loadByNames(sys.argv[2:], recurse=True)
done = runner.TrialRunner(Told, workingDirectory="trial", uncleanWarnings=True).run(suite)
sys.exit(0 if done.wasSuccessful() else 1)
"""


def result(case: ElementTree.Element) -> str:
    """One word for how a test ended; for a failure with the exception's last line."""
    for child in case:
        if child.tag == "skipped":
            return "skipped: " + re.sub(r"@test_\d+", "@test_PID", (child.text or "").strip())
        if child.tag in ("failure", "error"):
            lines = [line for line in (child.text or "").splitlines() if line.strip()]
            return f"{child.tag}: {lines[-1].strip() if lines else ''}"
    return case.get("result", "?")


def by_regrtest(report: str) -> dict:
    """Test -> result, from a report of regrtest."""
    return {case.get("name"): result(case) for case in ElementTree.parse(report).iter("testcase")}


def by_trial(report: str) -> dict:
    """Test -> result, from the lines of the reporter above; without the addresses of objects and ports."""
    with open(report, encoding="utf-8") as file:
        found = dict(json.loads(line) for line in file)
    return {name: re.sub(r"0x[0-9a-f]{6,}|\b[0-9]{5}\b|/tmp/[^ ']*", "X", words) for name, words in found.items()}


def command_of(suite: str, module: str, home: str, report: str) -> list:
    """What runs a module, so that its report is there in the end."""
    if suite == "cpython":
        return ["-m", "test", "-u", "network", "--timeout", str(SECONDS - 60), f"--junit-xml={report}", "--tempdir", home,
                module]
    return ["-c", TRIAL, report, module]


class Suite:
    """Where and how modules are run."""

    def __init__(self, folder: str, runner: list):
        self.folder = folder
        self.runner = runner

    def home(self, name: str, world: str, turn: int) -> str:
        """The folder of one run."""
        return os.path.join(self.folder, f"{name.replace(':', '-')}.{world}.{turn}")

    def run(self, name: str, world: str, turn: int) -> dict:
        """Test -> result of one run; the run's own status is one of them."""
        suite, module = name.split(":")
        home = self.home(name, world, turn)
        os.mkdir(home)
        os.chmod(home, 0o777)
        report = os.path.join(home, "report")
        command = ["timeout", "-k", "9", str(SECONDS), PYTHON, *command_of(suite, module, home, report)]
        with open(os.path.join(home, "said"), "wb") as said:
            done = subprocess.run([*self.runner, world, home, *command], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, check=False)
        found = {"exit status": str(done.returncode)}
        try:
            found.update((by_regrtest if suite == "cpython" else by_trial)(report))
        except (OSError, ValueError, ElementTree.ParseError) as error:
            found["report"] = str(error).replace(home, "")
        return found

    def said(self, name: str, world: str, turn: int) -> str:
        """The end of what a run printed."""
        with open(os.path.join(self.home(name, world, turn), "said"), encoding="utf-8",
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
