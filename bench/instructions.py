#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions that the object adds to a call, counted by callgrind: the same on every machine and under any load.

Prints a table call x policy and ends with 1 where a mark is exceeded.

usage: instructions.py PROGRAM LIBSOCKADE SOCKADE
"""
import glob
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

import policies

REPEATS = 64  # as in instructions.c
# An added count above the mark is a failure. Hot calls are judged, quiet ones have nothing to decide.
FEW_RULES, MANY_PREFIXES, QUIET = 40, 60, 8
HOT = ("connect", "sendto")
HOT6 = ("connect6", "sendto6")
IPV6 = 22  # two more words to copy and compare, and a count that keeps signal handlers out
ANSWERS = 66  # a send also sees to it that the answer is expected, apart from the usual way
# Under rules about datagrams' sources: receives are judged, waits noted, and reads told from receives.
INBOUND = {"recvfrom": 120, "recv": 90, "recvmsg": 165, "recv-stream": 140, "poll": 65, "ppoll": 70, "select": 80,
           "epoll_wait": 50, "read": 14, "readv": 14}
# recvmsg looks whether descriptors may come along: of the message's pointer, and of its room for control messages.
PASSED = 4
# What makes a descriptor is always noted under a policy, and is no hot call.
NOTED = ("socket", "dup")
# Of interest, without a mark.
UNMARKED = ("connect-random", "connect6-random", "sendmsg") + NOTED

COLUMNS = ("no policy", "10 rules", "10 + inbound", "listen only", "1.2M prefixes")


def mark(policy, call):
    """The most instructions that may be added, or None."""
    if call in UNMARKED:
        return None
    inbound = policy == "10 + inbound"
    if call in HOT + HOT6 and policy not in ("no policy", "listen only"):
        wanted = FEW_RULES + (IPV6 if call in HOT6 else 0) + (ANSWERS if inbound and call.startswith("sendto") else 0)
        return max(MANY_PREFIXES, wanted) if policy == "1.2M prefixes" else wanted
    if inbound and call in INBOUND:
        return INBOUND[call]
    return QUIET + (PASSED if call == "recvmsg" else 0)


def count(program, folder, environment):
    """Instructions a call, net of the loop around it."""
    out = tempfile.mkdtemp(dir=folder)
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}/out", program]
    subprocess.run(command, env={"PATH": os.environ["PATH"], "HOME": folder, **environment}, check=True)
    totals = {}
    for path in glob.glob(f"{out}/out.*"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        name = re.search(r"^desc: Trigger: Client Request: (\S+)", text, re.M)
        if name:
            totals[name.group(1)] = int(re.search(r"^totals: (\d+)", text, re.M).group(1)) / REPEATS
    return totals


def measure(program, library, images):
    """{policy: {call: instructions}}, "bare" among them."""
    results = {"bare": count(program, images.folder, {})}
    for name in COLUMNS:
        environment = {"LD_PRELOAD": library}
        if name != "no policy":
            environment["SOCKADE_POLICY"] = images.path(name)
        results[name] = count(program, images.folder, environment)
    return results


def added(results):
    """(call, policy, instructions added, mark) of each."""
    for call in sorted(call for call in results["bare"] if call not in ("nothing", "prepared")):
        for policy in COLUMNS:
            yield call, policy, results[policy][call] - results["bare"][call], mark(policy, call)


def table(results):
    """Lines: a call each, what it takes bare, and what each policy adds; "!" is over the mark."""
    yield f"{'instructions added':18}{'bare':>8}" + "".join(f"{name:>16}" for name in COLUMNS)
    for call, cells in itertools.groupby(added(results), key=lambda one: one[0]):
        texts = [f"{count:.1f}{'!' if limit is not None and count > limit else ' '}" for _, _, count, limit in cells]
        bare = results["bare"][call] - results["bare"]["nothing"]
        yield f"{call:18}{bare:8.1f}" + "".join(f"{text:>16}" for text in texts)


def main():
    """The table, the marks that are exceeded, and the counts as JSON."""
    program, library, sockade = (os.path.abspath(path) for path in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as folder:
        results = measure(program, library, policies.Images(sockade, folder))
    print("\n".join(table(results)))
    exceeded = [f"{call} under {policy}: {count:.1f} instructions added, at most {limit} are wanted"
                for call, policy, count, limit in added(results) if limit is not None and count > limit]
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w", encoding="ascii") as file:
            json.dump(results, file, indent=1)
    print("\n".join(exceeded) if exceeded else "every mark is met")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
