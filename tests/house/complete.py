# SPDX-License-Identifier: MIT
"""What a real, interactive shell completes on a terminal: complete.py SHELL LINE... prints what each line becomes.

The line is typed and the tabulator pressed, and what the shell writes behind the line is printed. With --list LINE...
it is pressed twice, and the options that the shell then lists are printed.
"""

import os
import pty
import re
import select
import sys
import time

COMPLETIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "completions")
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             f"bind 'set bell-style none'; bind 'set page-completions off'; bind 'set completion-query-items 0'; "
             f"bind 'set enable-bracketed-paste off'; . {COMPLETIONS}/sockade.bash"),
    "zsh": (["zsh", "-f", "-i"],
            f"unsetopt zle_bracketed_paste beep list_beep prompt_cr prompt_sp; LISTMAX=10000; "
            f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -d $HOME/zcompdump"),
}


class Terminal:
    """A shell on a terminal of 100 columns and as many lines as any list has."""

    def __init__(self, shell):
        command, setup = SHELLS[shell]
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.update(TERM="dumb" if shell == "bash" else "vt100", PS1="READY> ", COLUMNS="100", LINES="500")
            os.execvp(command[0], command)
        self.read_until("READY> ")
        # The echo of what is typed holds the mark in two parts.
        self.send(setup + "; stty rows 500 columns 100; PS1='SET''UP>'\n")
        self.read_until("SETUP>")

    def send(self, text):
        os.write(self.terminal, text.encode())

    def read(self, seconds):
        """What comes within so many seconds; "" where nothing does."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        return os.read(self.terminal, 65536).decode(errors="replace") if ready else ""

    def read_until(self, mark):
        end, text = time.monotonic() + 30, ""
        while mark not in text:
            if time.monotonic() > end:
                sys.exit(f"no {mark!r} in {text!r}")
            text += self.read(0.1)

    def answer(self, keys, quiet):
        """Presses the keys, and gives what comes until nothing more does for `quiet` seconds."""
        self.send(keys)
        text = more = self.read(20)
        while more:
            more = self.read(quiet)
            text += more
        return text


def plain(text):
    """Without what steers a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[^\n -~]", "", text)


def main():
    shell, lines = sys.argv[1], sys.argv[2:]
    listing = lines[0] == "--list"
    terminal = Terminal(shell)
    for line in lines[listing:]:
        terminal.answer(line, 0.1)
        shown = plain(terminal.answer("\t\t" if listing else "\t", 0.7))
        if listing:
            print(*sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown))))
        else:
            print(shown.split("\n")[0].strip())
        terminal.answer("\x15", 0.1)
    terminal.send("exit\n")


main()
