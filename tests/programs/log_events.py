#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a log as a machine with some programs might have it, always the same one: log_events.py COUNT [HOSTILE]

With HOSTILE some programs have names that would like to be markup, or to steer a terminal.
"""
import json
import random
import sys
import time

START = 1767603600  # 2026-01-05T09:00:00Z
POLICY = "/home/ada/.config/sockade/policy.conf"

# Weight, program, call, direction, peer, port, protocol, verdict, rule, line, reason.
USUAL = [
    (220, "/usr/bin/node", "connect", "dst", "10.20.4.11", 5432, "tcp", "allow", "default", 0, None),
    (150, "/usr/bin/python3.11", "connect", "dst", "151.101.0.223", 443, "tcp", "allow", "default", 0, None),
    (90, "/usr/bin/node", "connect", "dst", "10.20.4.12", 6379, "tcp", "allow", "default", 0, None),
    (70, "/usr/bin/git", "connect", "dst", "140.82.121.4", 443, "tcp", "allow", "default", 0, None),
    (60, "/usr/bin/node", "sendto", "dst", "10.20.0.53", 53, "udp", "allow", "default", 0, None),
    (45, "/usr/bin/node", "connect", "dst", "169.254.169.254", 80, "tcp", "deny", "no-metadata", 9, "cloud credentials"),
    (38, "/usr/bin/python3.11", "sendto", "dst", "10.20.0.53", 53, "udp", "allow", "default", 0, None),
    (30, "/usr/sbin/sshd", "accept", "src", "198.51.100.23", 22, "tcp", "deny", "ssh-others", 14, None),
    (26, "/usr/bin/curl", "connect", "dst", "2001:db8:20::7", 443, "tcp", "allow", "default", 0, None),
    (22, "/usr/sbin/sshd", "accept", "src", "10.20.9.40", 22, "tcp", "allow", "ssh-office", 13, None),
    (20, "/usr/bin/node", "connect", "dst", "203.0.113.90", 443, "tcp", "deny", "blocklist", 12, "threat feed"),
    (17, "/usr/bin/python3.11", "connect", "dst", "203.0.113.25", 25, "tcp", "deny", "no-smtp", 10, None),
    (14, "/usr/bin/java", "sendto", "dst", "239.255.0.1", 7500, "udp", "drop", "no-multicast", 11, None),
    (12, "/usr/bin/curl", "connect", "dst", "169.254.169.254", 80, "tcp", "deny", "no-metadata", 9, "cloud credentials"),
    (11, "/usr/bin/java", "connect", "dst", "10.20.7.3", 9092, "tcp", "would-deny", "kafka-only-b", 16, "in trial"),
    (9, "/usr/bin/python3.11", "connect", "dst", "unix:/run/docker.sock", None, None, "deny", "no-docker", 15, None),
    (6, "/usr/bin/node", "bind", "on", "0.0.0.0", 10000, "tcp", "deny", "no-listen", 17, None),
    (4, "/usr/bin/tcpdump", "socket", "family", 17, None, None, "deny", "no-packet", 18, None),
    (3, "/usr/bin/make", "execve", "target", "/usr/local/bin/static-tool", None, None, "deny", "unprotected", 0,
     "it is statically linked: it loads no library"),
]
# Names that are looked up before, each once.
LOOKUPS = [
    ("/usr/bin/node", "db.internal.example", "10.20.4.11"),
    ("/usr/bin/node", "cache.internal.example", "10.20.4.12"),
    ("/usr/bin/git", "git.example.org", "140.82.121.4"),
    ("/usr/bin/python3.11", "files.example.net", "151.101.128.223"),
    ("/usr/bin/curl", "status.example.org", "2001:db8:20::7"),
    ("/usr/bin/node", "cdn.tracker.example", "203.0.113.90"),
]
HOSTILE = [
    '/tmp/</script><script>document.title="taken"</script>',
    '/tmp/"><img src=x onerror=document.title="taken">',
    "/tmp/<!--<script>",
    "/tmp/line\u2028separator\u2029s",
    "/tmp/\u001b]0;taken\u0007\u001b[31mred\u009b2J\u202egnp.exe\rback",
    "/tmp/{{DATA}}&lt;b&gt;&amp;",
]


def hint(direction, peer, port, proto):
    key = {"dst": "to", "src": "from", "on": "on"}[direction]
    return f'{{ action = "allow"; {key} = "{peer}"; proto = "{proto}"; port = {port}; }}'


def main():
    count, hostile = int(sys.argv[1]), len(sys.argv) > 2
    draw = random.Random(7)
    moment = START * 1000.0
    for i in range(count):
        kind = draw.choices(USUAL, [usual[0] for usual in USUAL])[0]
        _, exe, op, direction, peer, port, proto, verdict, rule, line, reason = kind
        # A working day: quiet, busy, a storm of refusals about noon.
        hour = (moment / 1000 - START) / 3600
        moment += draw.expovariate(1) * 8 * 3600e3 / count * (2.2 if hour < 1 or 3 < hour < 4 else 0.8)
        if 2.6 < hour < 2.9 and draw.random() < 0.7:
            _, exe, op, direction, peer, port, proto, verdict, rule, line, reason = USUAL[10]
        if peer == "151.101.0.223":
            peer = f"151.101.{draw.choice((0, 64, 128, 192))}.223"
        if hostile and i % 5 == 0:
            exe = HOSTILE[i // 5 % len(HOSTILE)]
        seconds, milliseconds = divmod(int(moment), 1000)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z"
        event = {"v": 1, "time": stamp, "pid": 1000 + i * 7 % 4000, "exe": exe, "op": op, direction: peer}
        event |= {"port": port, "proto": proto} if port else {}
        event |= {"verdict": verdict, "rule": rule} | ({"at": f"{POLICY}:{line}"} if line else {}) | {"layer": "user"}
        event |= {"reason": reason} if reason else {}
        event |= {"hint": hint(direction, peer, port, proto)} if port and verdict not in ("allow",) else {}
        if i < len(LOOKUPS) and not hostile:
            exe, name, address = LOOKUPS[i]
            event = event | {"exe": exe, "op": "getaddrinfo", "target": name, "dst": address, "verdict": "allow"}
            event = {key: event[key] for key in ("v", "time", "pid", "exe", "op", "target", "dst", "verdict", "layer")}
        event |= {"left_out": 37} if i == count - 2 and not hostile else {}
        print(json.dumps(event, ensure_ascii=False, separators=(",", ":")))


main()
