# SPDX-License-Identifier: MIT
"""Replays a decision table through real socket calls: replay.py REPLAY POLICY TABLE.

REPLAY (replay.c) makes the calls, preloaded and as an ordinary user; this side, which is not, plays the peer and counts
packets. Prints what is not as the table says. Runs as root of a network and mount namespace of its own: see tables.sh.
"""

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
import time

REPLAY, POLICY, TABLE = sys.argv[1:4]
LINE = re.compile(r"(?P<direction>\w+)\s+(?P<endpoint>\S+)(?:\s+as\s+(?P<exe>\S+))?\s+->\s+"
                  r"(?P<verdict>[\w-]+)(?:\s+(?P<error>E[A-Z]+))?(?:\s+by\s+\S+)?$")
ENDPOINT = re.compile(r"(?:\[(?P<six>.*)\]|(?P<four>[\d.]+))(?::(?P<port>\d+))?(?:/(?P<proto>\w+))?$")
FAMILIES = {"bluetooth": 31}  # Python knows it only where it was built with its headers

# What the kernel answers where the policy lets a call pass: the peer is a dead route, or nobody.
PASSED = {"to": {0, errno.EINPROGRESS, errno.ECONNREFUSED, errno.ENOENT, errno.EPROTOTYPE}}


def packets():
    """How many packets all devices have sent."""
    with open("/proc/net/dev", encoding="ascii") as lines:
        return sum(int(line.split(":")[1].split()[9]) for line in list(lines)[2:])


def run(words, exe):
    """Starts the judged side, under the name of `exe`."""
    if exe is None:
        exe = REPLAY
    elif os.path.exists(exe):
        if not os.path.samefile(exe, REPLAY):
            subprocess.run(["mount", "--bind", REPLAY, exe], check=True)
    else:
        os.makedirs(os.path.dirname(exe), exist_ok=True)
        shutil.copy(REPLAY, exe)
    preload = ["env", "LD_PRELOAD=" + os.environ["LIBSOCKADE"], "SOCKADE_POLICY=" + POLICY]
    return subprocess.Popen(os.environ["ORDINARY"].split() + preload + [exe] + words, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def bind_when_there(peer, address):
    """Binds to an address just added: the kernel lets an IPv6 one in later, from a work queue (addrconf_dad_work)."""
    for _ in range(200):
        try:
            return peer.bind((address, 0))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
        time.sleep(0.02)
    return peer.bind((address, 0))


def come_from(address, here, port, kind, judged):
    """Connects or sends from `address` to the judged side; gives the socket."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    peer = socket.socket(family, kind)
    peer.settimeout(5)
    bind_when_there(peer, address)
    peer.connect((here, port))
    if kind == socket.SOCK_DGRAM:
        peer.send(b"x")
    judged.stdin.write("come\n")
    judged.stdin.flush()
    return peer


def was_reset(peer):
    try:
        return peer.recv(1) != b""
    except OSError as error:
        return error.errno == errno.ECONNRESET


def add_address(address):
    """Makes a peer's address one of this namespace's, so that packets can come from it."""
    address = address.removeprefix("::ffff:")
    if address != "::1" and not address.startswith("127."):
        subprocess.run(["ip", "address", "replace", address, "dev", "lo"], check=True, stderr=subprocess.DEVNULL)


def replay(case):
    """Makes the call of a line; gives what came out and what should have."""
    direction, verdict = case["direction"], case["verdict"]
    error = getattr(errno, case["error"] or ("EAFNOSUPPORT" if direction == "family" else "EACCES"))
    passes = verdict in ("allow", "would-deny", "would-drop")
    end = ENDPOINT.match(case["endpoint"])
    if direction == "family":
        number = FAMILIES.get(case["endpoint"]) or getattr(socket, "AF_" + case["endpoint"].upper())
        judged = run(["family", str(int(number))], case["exe"])
        return judged.communicate()[0], {0, errno.EPERM} if passes else {error}, None
    if case["endpoint"].startswith("unix:"):
        judged = run([direction, case["endpoint"]], case["exe"])
        return judged.communicate()[0], PASSED.get(direction, {0}) if passes else {error}, None

    address, port, proto = end["six"] or end["four"], end["port"] or "7", end["proto"] or "tcp"
    if direction == "from":
        here = "::ffff:127.0.0.1" if address.startswith("::ffff:") else "::1" if ":" in address else "127.0.0.1"
        add_address(address)
        judged = run(["from", here, port, proto], case["exe"])
        if (line := judged.stdout.readline()) != "ready\n":
            return line, {0}, None
        peer = come_from(address, here, int(port), socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM, judged)
        result = judged.communicate()[0]
        told = proto == "tcp" and verdict == "deny" and case["error"]
        note = None if passes or proto != "tcp" or was_reset(peer) else "the peer was not reset"
        return result, {0} if passes else {error if told else errno.EAGAIN}, note

    # The kernel sends packets of its own too (multicast reports of a device that just came up), so a call that must send
    # none is made again where the counters moved: what leaks does so each time.
    for _ in range(1 if passes else 3):
        before = packets()
        judged = run([direction, address, port, proto], case["exe"])
        result = judged.communicate()[0]
        sent = packets() - before
        if sent == 0:
            break
    if direction == "to" and passes != (sent > 0):
        return result, PASSED["to"] if passes else {error}, f"{sent} packets were sent"
    if verdict == "drop":
        error = errno.ETIMEDOUT if proto == "tcp" else 0
    return result, PASSED.get(direction, {0}) if passes else {error}, None


def name(number):
    return errno.errorcode.get(number, "success" if number == 0 else str(number))


failed = count = 0
with open(TABLE, encoding="utf-8") as table:
    for number, text in enumerate(table, 1):
        text = text.split("#")[0].strip()
        if not text:
            continue
        count += 1
        got, wanted, problem = replay(LINE.match(text).groupdict())
        got = got.strip()
        if not got.isdigit() or int(got) not in wanted or problem:
            failed += 1
            shown = name(int(got)) if got.isdigit() else repr(got)
            wanted = " or ".join(sorted(map(name, wanted)))
            print(f"{TABLE}:{number}: {text}: got {shown}, want {wanted}{'; ' + problem if problem else ''}")
print(f"{count - failed} of {count} as the table says")
sys.exit(failed > 0 or count == 0)
