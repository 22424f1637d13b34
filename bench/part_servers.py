#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real servers under load, bare and preloaded: what they serve a second, and what a request costs them.

usage: part_servers.py BUILD [ROUNDS]

The server alone is preloaded and has a processor to itself; the load generator is bare, on another. All variants of a
server run at once, on ports of their own, and are driven in turn for a fraction of a second; ratios are taken within
such a turn, whose order changes. After some turns all are started anew, since where a process lies in memory can speed
it up or slow it down for all its life. "bare again" is a second bare server: its ratio is what chance alone makes of 1.
"""
import subprocess

import servers_counts
import servers_kinds
import setup as bench_setup
from servers_run import World, end_all, services_stay_off

# (variant, policy, preloaded); the first is what the others are compared with.
VARIANTS = (("bare", None, False), ("bare again", None, False), ("no policy", None, True),
            ("10 rules", "10 rules", True), ("1.2M prefixes + inbound", "1.2M + inbound", True))
SECONDS = 35            # for all slices together
LONGEST = 1.0           # of a slice
TURNS_OF_A_LIFE = 4     # turns until the servers are started anew
WARM = 0.03             # seconds of each load before a server is measured


def drive(server, load, seconds, attempts=3):
    """One slice: (requests a second, seconds of the server's processor time a request or None).

    On a busy machine a load generator may be held up for so long that it tells nothing; it is started again then.
    """
    try:
        return drive_once(server, load, seconds)
    except servers_kinds.Failed:
        if attempts == 1:
            raise
        return drive(server, load, seconds, attempts - 1)


def drive_once(server, load, seconds):
    """The same, without a second chance."""
    before = server.busy()
    requests, elapsed = server.kind.loads[load](server.port, seconds)
    after = server.busy()
    return requests / elapsed, (after - before) / requests if before is not None and after is not None else None


def turn(servers, loads, number, seconds, results):
    """Drives every server once with every load; who is first changes from turn to turn."""
    for load in loads:
        order = servers[number % len(servers):] + servers[:number % len(servers)]
        for server in order if number % 2 == 0 else reversed(order):
            results[load][server.name].append(drive(server, load, seconds))


def measure_kind(world, kind, rounds, seconds):
    """{load: {variant: [(rate, cost), ...]}} of one server."""
    results = {load: {variant[0]: [] for variant in VARIANTS} for load in kind.loads}
    for first in range(0, rounds, TURNS_OF_A_LIFE):
        servers = world.start(kind, VARIANTS)
        try:
            for server in servers:
                for load in kind.loads:
                    drive(server, load, WARM)
            for number in range(first, min(first + TURNS_OF_A_LIFE, rounds)):
                turn(servers, kind.loads, number, seconds, results)
        finally:
            end_all(servers)
    return results


def rows_of(setup, results, which, scale):
    """A row for each load and variant; `which` is 0 for the rate, 1 for the cost."""
    rows = []
    for load, variants in results.items():
        bare = [pair[which] for pair in variants["bare"]]
        if None in bare:
            setup.leave_out(f"{load}: processor time", "the kernel does not tell it")
            continue
        for name, pairs in variants.items():
            values = [pair[which] * scale for pair in pairs]
            rows.append(setup.row(load, name, values, None if name == "bare" else [value * scale for value in bare]))
    return rows


def measure_all(setup, kinds, world):
    """{load: {variant: [(rate, cost), ...]}} of all servers."""
    results = {}
    slices = setup.rounds * len(VARIANTS) * sum(len(kind.loads) for kind in kinds)
    for kind in kinds:
        try:
            results.update(measure_kind(world, kind, setup.rounds, min(LONGEST, SECONDS / slices)))
        except servers_kinds.Failed as failure:
            setup.leave_out(kind.name, str(failure))
    return results


def count_all(setup, kinds, world, count):
    """{load: {variant: what `count` says}} of bare servers and of those under the heaviest policy."""
    results = {}
    for kind in kinds:
        for variant in (VARIANTS[0], VARIANTS[-1]):
            try:
                for load, value in count(world, kind, variant).items():
                    results.setdefault(load, {})[variant[0]] = value
            except (servers_kinds.Failed, OSError, subprocess.SubprocessError) as failure:
                setup.leave_out(f"{kind.name}, counted", str(failure))
    return results


def call_rows(setup, results):
    """System calls, which must not be more."""
    return [setup.row(load, name, [round(value, 2)], None if name == "bare" else [round(variants["bare"], 2)])
            for load, variants in results.items() for name, value in variants.items() if "bare" in variants]


def instruction_rows(setup, results):
    """Bare: all that the server makes; else only the object's own, which come on top."""
    rows = []
    for load, variants in results.items():
        for name, (total, own) in variants.items():
            rows.append(setup.row(load, name, [total]) if name == "bare" else
                        setup.row(load, name, [own], note="in the object"))
    return rows


def measure(setup):
    """The sections of the table."""
    world = World(setup)
    with services_stay_off():
        kinds = [kind(setup, world.client_pin) for kind in servers_kinds.KINDS
                 if all([setup.need(what, package) for what, package in kind.needs])]
    results = measure_all(setup, kinds, world)
    sections = [{"title": "Real servers: served by one processor", "unit": "requests/s",
                 "rows": rows_of(setup, results, 0, 1)},
                {"title": "Real servers: processor time a request, the kernel's part with it", "unit": "us",
                 "rows": rows_of(setup, results, 1, 1e6)}]
    if setup.need("strace", "strace"):
        sections.append({"title": "Real servers: system calls a request", "unit": "calls",
                         "rows": call_rows(setup, count_all(setup, kinds, world, servers_counts.system_calls))})
    if setup.need("valgrind", "valgrind"):
        sections.append({"title": "Real servers: instructions of user space a request", "unit": "instructions",
                         "rows": instruction_rows(setup, count_all(setup, kinds, world, servers_counts.instructions))})
    return sections


if __name__ == "__main__":
    bench_setup.run_alone(measure)
