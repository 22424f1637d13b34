# SPDX-License-Identifier: MIT
"""What a request to a server of part_servers.py costs, counted: the same on a busy machine.

One connection, one request at a time, so that every request takes the same way. System calls are the lines of strace's
log; instructions are callgrind's: all that the server makes in user space, and those of the object among them. Each
load is counted from the end of a short one of its kind, so the start and the end of a process are not in it.
"""
import os
import subprocess

import servers_run

REQUESTS = 400
STRACE = ["strace", "-f", "-q", "-e", "signal=none", "-o", "FOLDER/calls"]
CALLGRIND = ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=FOLDER/callgrind.out",
             "--vgdb-prefix=FOLDER/vgdb"]


def calls_so_far(server):
    """System calls so far; one that another process' calls interrupt has a second line, which says "resumed"."""
    with open(os.path.join(server.folder, "calls"), encoding="utf-8", errors="replace") as file:
        return sum(1 for line in file if " resumed>" not in line and "+++" not in line and line.endswith("\n"))


def system_calls(world, kind, variant):
    """{load: system calls a request}"""
    [server] = world.start(kind, [variant], outside=STRACE)
    counts = {}
    try:
        for load, function in kind.counted.items():
            function(server.port, 10)
            before = calls_so_far(server)
            requests = function(server.port, REQUESTS)
            counts[load] = (calls_so_far(server) - before) / requests
    finally:
        servers_run.end_all([server])
    return counts


def cost_lines(path):
    """(object, instructions) of each line of a callgrind file that tells a function's own cost."""
    names, current, inclusive = {}, "", False
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("ob="):
                number, _, name = line[3:].strip().partition(" ")
                current = names.setdefault(number, name)
            elif line.startswith("cob="):
                number, _, name = line[4:].strip().partition(" ")
                names.setdefault(number, name)
            elif line.startswith("calls="):
                inclusive = True
            elif line[0].isdigit() or line[0] in "+-*":
                if not inclusive:
                    yield current, int(line.split()[-1])
                inclusive = False


def dump(world, server, part):
    """Has callgrind write what it counted since the last time, its part-th file. Returns (all, the object's)."""
    subprocess.run([*world.ordinary, "env", "-i", "PATH=/usr/bin:/bin", "callgrind_control",
                    f"--vgdb-prefix={server.folder}/vgdb", "-d", str(server.pids()[0])],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=servers_run.WAIT)
    costs = list(cost_lines(os.path.join(server.folder, f"callgrind.out.{part}")))
    return sum(cost for _, cost in costs), sum(cost for name, cost in costs if name.endswith("/libsockade.so"))


def instructions(world, kind, variant):
    """{load: (instructions a request, those of the object among them)}"""
    [server] = world.start(kind, [variant], inside=CALLGRIND)
    counts = {}
    try:
        for number, (load, function) in enumerate(kind.counted.items()):
            function(server.port, 10)
            dump(world, server, 2 * number + 1)
            requests = function(server.port, REQUESTS)
            counts[load] = tuple(count / requests for count in dump(world, server, 2 * number + 2))
    finally:
        servers_run.end_all([server])
    return counts
