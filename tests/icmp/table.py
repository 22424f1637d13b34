# SPDX-License-Identifier: MIT
"""Runs the cases of a file bare and translated, compares what was printed, and shows both as a table.

    table.py CASES FOLDER RUN...        RUN... WORLD COMMAND runs a shell command as `bare` or `translated`

Each line on standard output is for table.sh: `ok NAME`, `not ok NAME`, `skip NAME<TAB>WHY`, or `# TEXT`.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

WORLDS = ("bare", "translated")
AT_ONCE = 16  # what is run mostly waits
REPEATS = 2  # a difference must show itself again: the machine is shared, and every case has time limits
FEW = 12     # more differences than this are not the machine's doing, and are not looked at twice
SECONDS = 25

# Times and dates, and what depends on them. Then what the translation may not know (IP id, DF, quoted TTL, IPv6 flow
# label: the kernel does not tell an ordinary user) in the one place where a program shows it, inetutils' dump of a
# quoted header: once as words and once as fields, the checksum being a consequence.
NORMAL = [(re.compile(pattern, re.MULTILINE), put) for pattern, put in (
    (r"^Start: .*\n", ""),
    (r'^ *"(Last|Avg|Best|Wrst|StDev)":.*\n', ""),
    (r"^RTT\[ms\]:.*\n", ""),
    (r"^( *\d+\.\|-- \S+ +[0-9.]+%? +\d+) .*$", r"\1"),
    (r"\[\d+\.\d+\]", "[DATE]"),
    (r"round-trip-time \d+", "round-trip-time T"),
    (r"(min/avg/max[a-z/]*) = [0-9./]+( ms)?", r"\1 = T"),
    (r"\d+(\.\d+)? ?ms", "T ms"),
    (r"([0-9.]+|NaN) avg,", "T avg,"),
    (r", pipe \d+$", ""),
    (r"^ (4[5-9a-f].. ....) .... [04]000 ..(..) .... ", r" \1 ID DF TTL\2 SUM "),
    (r"^( 4  .  .. ....) ....   [02] (....)  ..  (..) .... ", r"\1 ID DF \2 TTL \3 SUM "),
    (r"^ (6..). .... (.... ..)..(?= \(src\))", r" \1 FLOW \2 TTL"),
    (r"^( 6 ..) [0-9a-f]+( +\d+ +\d+) +\d+ ", r"\1 FLOW\2 TTL "),
)]
IDENTIFIER = re.compile(r"id 0x([0-9a-f]+)( = \d+)?")


def normal(text: str) -> str:
    """What two runs must have in common. An identifier is a program's process number: it is shown as which of the
    identifiers of this output it is, so that a quoted one that is not the program's own remains a difference."""
    known = {}
    text = IDENTIFIER.sub(lambda match: f"id #{known.setdefault(match[1], len(known) + 1)}", text)
    for pattern, put in NORMAL:
        text = pattern.sub(put, text)
    return text


@dataclass
class Case:
    """One command, and what came of it in each world."""

    program: str
    needs: str
    command: str
    expected: re.Pattern
    outputs: dict = field(default_factory=dict)

    def run(self, world: str, runner: list) -> None:
        """Both streams in one, as a person sees them, and the exit status."""
        done = subprocess.run([*runner, world, self.command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS * 3, check=False)
        text = done.stdout.decode(errors="backslashreplace")
        self.outputs[world] = f"{text.rstrip()}\nexit status {done.returncode}\n"

    def same(self) -> bool:
        """The whole comparison."""
        return normal(self.outputs["bare"]) == normal(self.outputs["translated"])

    def right(self) -> bool:
        """Whether bare did what the case is about."""
        return bool(self.expected.search(self.outputs["bare"]))

    def essence(self, world: str) -> str:
        """The line that the case is about, without times."""
        text = self.outputs[world]
        match = self.expected.search(text)
        if not match:
            lines = [line for line in text.splitlines() if line.strip()]
            return "-- " + " / ".join(lines[-2:])[:70]
        begin = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        return " ".join(normal(text[begin:end if end >= 0 else None]).split())[:78]


def read_cases(path: str, only: str) -> list:
    """The cases of a file, those whose program or command contains a word."""
    cases, program, needs = [], "", ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            head = re.match(r"\[(.+)\] (\S+)$", line)
            case = re.match(r"([^#\s].*?)\s+#= (.+)$", line)
            if head:
                program, needs = head.groups()
            elif case and only in f"{program} {case[1]}":
                cases.append(Case(program, needs, case[1], re.compile(case[2], re.MULTILINE)))
    return cases


def run_all(cases: list, runner: list, at_once: int) -> None:
    """Every case in both worlds, several at a time."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda job: job[0].run(job[1], runner), [(case, world) for case in cases for world in WORLDS]))


def show(case: Case, out) -> None:
    """One row of the table."""
    bare, translated = (case.essence(world) for world in WORLDS)
    print(f"# {case.program} | {case.command} | {bare} | {'the same' if case.same() else translated}", file=out)


def report(case: Case) -> None:
    """One test; where it failed, with what differs."""
    name = f"{case.program}: {case.command}"
    if case.same() and case.right():
        print("ok", name)
        return
    print("not ok", name)
    if not case.right():
        print(f"#   bare does not show /{case.expected.pattern}/")
    for world in WORLDS if not case.same() else ("bare",):
        for line in normal(case.outputs[world]).splitlines():
            print(f"#   {world:>10}: {line}")


def main() -> None:
    """Runs, repeats what differs, reports."""
    path, runner = sys.argv[1], sys.argv[2:]
    cases = read_cases(path, os.environ.get("ONLY", ""))
    runnable = []
    for case in cases:
        if shutil.which(case.needs):
            runnable.append(case)
        else:
            print(f"skip {case.program}: {case.command}\t{case.needs} is not installed")
    run_all(runnable, runner, AT_ONCE)
    for _ in range(REPEATS):
        again = [case for case in runnable if not (case.same() and case.right())]
        if not again or len(again) > FEW:
            break
        for case in again:
            print(f"# once more: {case.command}")
        run_all(again, runner, 2)
    for case in runnable:
        report(case)
    print("# program | command | bare, as root | translated, as an ordinary user")
    for case in runnable:
        show(case, sys.stdout)


main()
