#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command on a terminal of its own, and tells what was to be seen there.

usage: terminal.py [COLUMNS=N] [SLOWLY=TEXT] [SECONDS=N] [INTERRUPT=TEXT] [BACKGROUND=yes] COMMAND...

SLOWLY leaves the command a thirtieth of one processor until TEXT stands in a line that was not finished, and at most
SECONDS (5); so what takes milliseconds can be watched. INTERRUPT types a Ctrl-C when that stands there. Prints:

    drew TEXT       each state of an unfinished line, once
    line TEXT       what stands in the end, a line each
    drawings N      how often an unfinished line was drawn
    widest N        columns of the widest line that was ever there
    too-often       more than ten drawings in a second
    strange TEXT    bytes that are neither text, newline, nor a line taken away
    status N        exit status; -N: ended by signal N
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ERASE = "\r\x1b[K"


class Screen:
    """Lines that are there to stay, and one that is not finished."""

    def __init__(self):
        self.bytes = b""
        self.lines, self.current = [], ""
        self.drew, self.times, self.strange = [], [], []
        self.widest = 0

    def take(self, data):
        """What came from the command, in whatever pieces."""
        self.bytes += data
        text = self.bytes.decode("utf-8", "replace")
        if text.endswith(("\r", "\x1b", "\x1b[")):
            return  # the rest will come
        self.bytes = b""
        for part in re.findall(r"\r\x1b\[K|\r?\n|[ -~\u00a0-\uffff]+|.", text, re.S):
            self._take_part(part)
        if self.current:
            self.times.append(time.monotonic())
            if self.current not in self.drew:
                self.drew.append(self.current)

    def _take_part(self, part):
        if part == ERASE:
            self.current = ""
        elif part in ("\n", "\r\n"):
            self.lines.append(self.current)
            self.current = ""
        elif part.isprintable():
            self.current += part
            self.widest = max(self.widest, len(self.current))
        else:
            self.strange.append(repr(part))

    def too_often(self):
        """Whether a second had more than ten drawings. One more is let pass, since they may reach us late."""
        return any(later - earlier < 0.9 for earlier, later in zip(self.times, self.times[11:]))


def execute(command, slow, background):
    """In a child: the command in our place."""
    if background:
        os.setpgid(0, 0)
    if slow:
        os.nice(15)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)


def burn(leader):
    """In a child: keeps the processor from whoever is nice on it."""
    while os.getppid() == leader:
        pass
    os._exit(0)


def lead(command, columns, slow, background, report):
    """Leads the terminal's session, to which all belong that share a processor: schedulers weigh sessions too."""
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    leader, burner = os.getpid(), 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if slow:
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        burner = os.fork() or burn(leader)
    child = os.fork() or execute(command, slow, background)
    os.write(report, f"{burner}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(report, f"{status}\n".encode())
    os._exit(0)


def watch(master, report, screen, slowly, seconds, interrupt):
    """Until the command has ended; returns its status."""
    burner = int(report.readline())
    end = time.monotonic() + seconds
    while True:
        if select.select([master], [], [], 0.02)[0]:
            try:
                screen.take(os.read(master, 65536))
            except OSError:  # the other side is closed
                return int(report.readline())
        if burner and (slowly in screen.current or time.monotonic() > end):
            os.kill(burner, signal.SIGKILL)
            burner = 0
        if interrupt and interrupt in screen.current:
            os.write(master, b"\x03")
            interrupt = ""


def main():
    settings = {"COLUMNS": "80", "SLOWLY": "", "SECONDS": "5", "INTERRUPT": "", "BACKGROUND": ""}
    command = sys.argv[1:]
    while "=" in command[0] and command[0].split("=")[0] in settings:
        name, value = command.pop(0).split("=", 1)
        settings[name] = value
    screen = Screen()
    reading, writing = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        lead(command, int(settings["COLUMNS"]), settings["SLOWLY"] != "", settings["BACKGROUND"] == "yes", writing)
    os.close(writing)
    with open(reading, encoding="ascii") as report:
        status = watch(master, report, screen, settings["SLOWLY"], float(settings["SECONDS"]), settings["INTERRUPT"])
    os.waitpid(pid, 0)
    for text in screen.drew:
        print("drew", text)
    for text in screen.lines + [screen.current] * bool(screen.current):
        print("line", text)
    print("drawings", len(screen.times))
    print("widest", screen.widest)
    if screen.too_often():
        print("too-often")
    for text in screen.strange:
        print("strange", text)
    print("status", status)


if __name__ == "__main__":
    main()
