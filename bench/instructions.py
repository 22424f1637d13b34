#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions that the object adds to a call, counted by callgrind: the same on every machine and under any load.

Prints a table call x policy and ends with 1 where a mark is exceeded.

usage: instructions.py PROGRAM LIBSOCKADE SOCKADE
"""
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile

REPEATS = 64  # as in instructions.c
PREFIXES4, PREFIXES6 = 1_000_000, 200_000
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

TEN_RULES = [f'{{ action = "deny"; to = [ "10.{n}.0.0/16", "2001:db8:{n}::/48" ]; port = {25 + n}; proto = "tcp"; }}'
             for n in range(10)]
PORT_RULES = [
    '{ action = "deny"; to = "@blocklist"; except = "loopback"; port = ( 25, 465, "2525-2526" ); proto = "tcp"; }',
    '{ action = "deny"; to = "@blocklist"; port = 9; proto = "udp"; }',
    '{ action = "deny"; to = "any"; port = 19; proto = "tcp"; }',
    '{ action = "deny"; to = "@blocklist"; except = "loopback"; }',
]


def rules(texts, more=""):
    return "version = 1;\n" + more + "rules = (\n  " + ",\n  ".join(texts) + "\n);\n"


POLICIES = {
    "no policy": None,
    "10 rules": rules(TEN_RULES),
    "10 + inbound": rules(TEN_RULES) + 'deny_from = [ "198.51.100.0/24" ];\n',
    "listen only": rules(['{ action = "deny"; on = "any"; port = 10000; proto = "tcp"; }']),
    "1.2M prefixes": rules(PORT_RULES, 'sets = { blocklist = { file = "list.txt"; }; };\n'),
}


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


def write_list(path):
    """The same random prefixes each time, none of which holds a loopback address."""
    rng = random.Random(7)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(PREFIXES4):
            value = rng.getrandbits(32)
            value = value ^ 0x01000000 if value >> 24 in (0, 127) else value
            bits = rng.choice((20, 24, 24, 28, 32, 32))
            value &= ~((1 << (32 - bits)) - 1)
            file.write(f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/{bits}\n")
        for _ in range(PREFIXES6):
            value = rng.getrandbits(48)
            file.write(f"2001:{value >> 32:x}:{value >> 16 & 65535:x}:{value & 65535:x}::/64\n")


def make_images(sockade, folder):
    """Each policy compiled before, so that no child runs under callgrind."""
    images = {}
    for number, (name, text) in enumerate(POLICIES.items()):
        if text is None:
            continue
        source = os.path.join(folder, f"{number}.conf")
        images[name] = os.path.join(folder, f"{number}.image")
        with open(source, "w", encoding="ascii") as file:
            file.write(text)
        subprocess.run([sockade, "compile", "--quiet", "-o", images[name], source], check=True)
    return images


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


def measure(program, library, sockade):
    """{policy: {call: instructions}}, "bare" among them."""
    with tempfile.TemporaryDirectory() as folder:
        write_list(os.path.join(folder, "list.txt"))
        images = make_images(sockade, folder)
        results = {"bare": count(program, folder, {})}
        for name in POLICIES:
            environment = {"LD_PRELOAD": library}
            if name in images:
                environment["SOCKADE_POLICY"] = images[name]
            results[name] = count(program, folder, environment)
    return results


def main():
    program, library, sockade = (os.path.abspath(path) for path in sys.argv[1:4])
    results = measure(program, library, sockade)
    calls = [call for call in results["bare"] if call not in ("nothing", "prepared")]
    exceeded = []
    print(f"{'instructions added':18}{'bare':>8}" + "".join(f"{name:>16}" for name in POLICIES))
    for call in sorted(calls):
        cells = []
        for policy in POLICIES:
            added = results[policy][call] - results["bare"][call]
            limit = mark(policy, call)
            over = limit is not None and added > limit
            if over:
                exceeded.append(f"{call} under {policy}: {added:.1f} instructions added, at most {limit} are wanted")
            cells.append(f"{added:.1f}{'!' if over else ' '}".rjust(16))
        print(f"{call:18}{results['bare'][call] - results['bare']['nothing']:8.1f}" + "".join(cells))
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w", encoding="ascii") as file:
            json.dump(results, file, indent=1)
    print("\n".join(exceeded) if exceeded else "every mark is met")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
