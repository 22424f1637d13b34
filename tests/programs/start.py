# SPDX-License-Identifier: MIT
"""Both ends of a start: what a program is started with, and what it finds once it runs.

start.py HOW PROGRAM ARG...   executes PROGRAM with SIGCHLD `blocked` or `ignored`, or with no process left (`nproc`)
start.py found                tells of children and signals that came before, and what connect to a refused peer gives
"""

import errno
import os
import resource
import signal
import socket
import sys


def found():
    try:
        child = os.waitpid(-1, os.WNOHANG | 0x40000000)[0]  # __WALL: also children that send no signal
        child = f"a child ({child})"
    except ChildProcessError:
        child = "no child"
    pending = "SIGCHLD pending" if signal.SIGCHLD in signal.sigpending() else "no SIGCHLD"
    ignored = " ignored" if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN else ""
    descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    extra = [number for number in descriptors if number > 2 and os.path.exists(f"/proc/self/fd/{number}")]
    result = errno.errorcode.get(socket.socket().connect_ex(("127.0.0.1", 8080)), "connected")
    print(f"{child}, {pending}{ignored}, {len(extra)} descriptors, {result}")


if sys.argv[1] == "found":
    found()
    sys.exit()
if sys.argv[1] == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
elif sys.argv[1] == "ignored":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
elif sys.argv[1] == "nproc":
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
os.execvp(sys.argv[2], sys.argv[2:])
