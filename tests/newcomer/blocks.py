# SPDX-License-Identifier: MIT
"""Does what a Markdown file says, block by block, and prints TAP: blocks.py FILE ROOT [update | root]

Every fenced block is one of these; anything else is a failure.

    ```console                commands behind "$ ", each with what it prints. They run in order, in one shell
                              that starts in an empty home.
    <!-- file: PATH -->       before a block: the reader saves it there ("~/" is his home). A policy (.conf) must
                              pass `sockade check`.
    <!-- from: PATH -->       before a block: it stands so in that file of ROOT, in parts with "..." lines between them.
    <!-- root: WHY -->        before a console block: root runs it in the checkout. It is not run here; with `root`
                              these commands are printed, and that is all (tests/long/newcomer.sh).
    <!-- left out: REASON --> before a block: it is not run, and the reason is told.

In an output "..." stands for anything in a line, and a line of it alone for any lines. What a clock or the kernel
chooses (times, durations, process numbers, numbers of calls) need not be the same, nor the width of columns. A command
of which no more than "..." is shown must succeed. A command behind one that runs in the background ("&") is repeated
until it prints what is shown, for ten seconds at most. With `update` outputs that differ are written into FILE; those with
"..." stay as they are.
"""
import os
import re
import select
import shlex
import subprocess
import sys
import time

FENCE = re.compile(r"^```(\S*)$")
MARK = re.compile(r"^<!-- (file|from|root|left out): (.*) -->$")
SECONDS = 60
SHOWN_HOME = "/home/you"
VARIES = [
    (r"\d{4}-\d\d-\d\d(T| )\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "CLOCK"),
    (r"\b\d+\.\d+(/\d+\.\d+)+", "FIGURES"),
    (r"\b\d+([.,]\d+)? ?(ms|us|µs|s|seconds?|minutes?)\b", "DURATION"),
    (r"\b(\"?pid\"?[ :]) ?\d+", r"\1 PID"),
    (r"\((process )?\d+\)", "(PID)"),
    (r"\b\d+ calls?\b", "CALLS"),
    (r"\s+", " "),
]


class Block:
    def __init__(self, language, mark, begin):
        self.language, self.mark, self.begin = language, mark, begin
        self.lines = []

    def commands(self):
        """Pairs of a command and the lines that are shown below it, and where those begin in the block."""
        found = []
        for number, line in enumerate(self.lines):
            if line.startswith("$ "):
                found.append([line[2:], [], number + 1])
            elif found and not found[-1][1] and found[-1][0].endswith("\\"):
                found[-1][0] = found[-1][0] + "\n" + line
                found[-1][2] = number + 1
            elif found:
                found[-1][1].append(line)
        return found


def read_blocks(lines):
    blocks, block, mark = [], None, None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if block is not None and line == "```":
            blocks.append(block)
            block = None
        elif block is not None:
            block.lines.append(line)
        elif fence:
            block, mark = Block(fence[1], mark, number), None
        elif line.startswith("```"):
            raise SystemExit("Bail out! line %d: a fence that is not understood: %s" % (number, line))
        elif MARK.match(line):
            mark = MARK.match(line).groups()
        elif line.strip():
            mark = None
    if block is not None:
        raise SystemExit("Bail out! the block of line %d has no end" % block.begin)
    return blocks


class Shell:
    """One bash, in which the commands of all blocks run one after the other, as in a terminal."""

    def __init__(self):
        self.end = "end-of-command-%d" % os.getpid()
        self.bash = subprocess.Popen(["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        """What it prints, and its exit status."""
        line = "eval %s </dev/null; echo \"%s $?\"\n" % (shlex.quote(command), self.end)
        self.bash.stdin.write(line.encode())
        self.bash.stdin.flush()
        output, until = b"", time.monotonic() + SECONDS
        while True:
            ready, _, _ = select.select([self.bash.stdout], [], [], max(0, until - time.monotonic()))
            piece = os.read(self.bash.stdout.fileno(), 65536) if ready else b""
            output += piece
            found = re.search(rb"%s (\d+)\n" % self.end.encode(), output)
            if found:
                return output[:found.start()].decode("utf-8", "replace"), int(found[1])
            if not piece:
                return output.decode("utf-8", "replace") + "\n(it did not end within %d seconds)" % SECONDS, -1

    def close(self):
        self.bash.stdin.close()
        try:
            os.killpg(self.bash.pid, 15)
        except ProcessLookupError:
            pass
        self.bash.wait()


def plain(line):
    """A line without what varies."""
    line = line.replace(os.environ["HOME"], SHOWN_HOME)
    for pattern, word in VARIES:
        line = re.sub(pattern, word, line)
    return line.strip()


def line_matches(shown, line):
    parts = [re.escape(part.strip()) for part in plain(shown).split("...")]
    return re.fullmatch(r"\s*.*\s*".join(parts), plain(line)) is not None


def matches(shown, lines):
    if not shown:
        return not lines
    if shown[0].strip() == "...":
        return any(matches(shown[1:], lines[skip:]) for skip in range(len(lines) + 1))
    return bool(lines) and line_matches(shown[0], lines[0]) and matches(shown[1:], lines[1:])


class Report:
    def __init__(self):
        self.count = self.failed = self.ran = 0
        self.outside = []

    def ok(self, good, name, *details):
        self.count += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, name))
        for word, lines in details if not good else []:
            for line in lines:
                print("# %s: %s" % (word, line))
        sys.stdout.flush()


class Reader:
    """Somebody who does what the file says."""

    def __init__(self, root, update, report):
        self.root, self.update, self.report = root, update, report
        self.changes = []
        self.shell = Shell()

    def command(self, command, shown):
        """Whether it prints what is shown, what it prints, and its exit status."""
        output, status = self.shell.run(command)
        lines = [line.rstrip() for line in output.splitlines()]
        good = matches(shown, lines)
        if good and all(line.strip() == "..." for line in shown):
            good = status == 0
        return good, lines, status

    def commands(self, block):
        until = 0
        for command, shown, place in block.commands():
            good, lines, status = self.command(command, shown)
            while not good and time.monotonic() < until:
                time.sleep(0.2)
                good, lines, status = self.command(command, shown)
            until = time.monotonic() + 10 if command.endswith("&") else 0
            if not good and self.update and not any("..." in line for line in shown):
                new = [line.replace(os.environ["HOME"], SHOWN_HOME) for line in lines]
                self.changes.append((block.begin + place, len(shown), new))
            self.report.ran += 1
            self.report.ok(good, "line %d: %s" % (block.begin + place, command.replace("\n", " ")),
                           ("printed", lines), ("shown", shown), ("status", [str(status)]))

    def save(self, block, path):
        command = "mkdir -p $(dirname %s) && cat >%s <<'END'\n%s\nEND" % (path, path, "\n".join(block.lines))
        output, status = self.shell.run(command)
        name = "line %d: %s is saved" % (block.begin, path)
        if status == 0 and path.endswith(".conf"):
            output, status = self.shell.run("sockade check " + path)
            name += ", and has no mistake"
        self.report.ok(status == 0, name, ("printed", output.splitlines()))

    def compare(self, block, path):
        try:
            with open(os.path.join(self.root, path), encoding="utf-8") as file:
                text = "\n" + file.read()
        except OSError as error:
            text = str(error)
        place = 0
        for part in "\n".join(block.lines).split("\n...\n"):
            place = text.find("\n" + part + "\n", place)
            if place < 0:
                break
        self.report.ok(place >= 0, "line %d: it stands so in %s" % (block.begin, path), ("not there", block.lines))

    def do(self, block):
        kind, what = block.mark or ("", "")
        if kind in ("root", "left out"):
            self.report.outside.append("line %d: left out: %s" % (block.begin, what))
        elif kind == "file":
            self.save(block, what)
        elif kind == "from":
            self.compare(block, what)
        elif block.language == "console" and block.commands():
            self.commands(block)
        else:
            self.report.ok(False, "line %d: nobody knows what to do with this block" % block.begin)


def main():
    path, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    blocks = read_blocks(lines)
    if sys.argv[3:] == ["root"]:
        for block in blocks:
            if block.mark and block.mark[0] == "root":
                print("\n".join(command for command, _, _ in block.commands()))
        return
    report = Report()
    os.chdir(os.environ["HOME"])
    reader = Reader(root, sys.argv[3:] == ["update"], report)
    for block in blocks:
        reader.do(block)
    reader.shell.close()
    for begin, count, new in reversed(reader.changes):
        lines[begin:begin + count] = new
    if reader.changes:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    for line in report.outside:
        print("# " + line)
    report.ok(report.ran > 0, "%d commands ran, %d blocks were left out" % (report.ran, len(report.outside)))
    print("# commands %d, left out %d" % (report.ran, len(report.outside)))
    sys.exit(report.failed > 0)


main()
