#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the object costs a call: bare and preloaded processes in turn, ratios of medians.

usage: calls.py PROGRAM LIBSOCKADE [ROUNDS]
"""
import os
import statistics
import subprocess
import sys
import tempfile

# Ten rules, none of which matches what the program does, but all of which must be looked at.
TEN_RULES = "version = 1;\nrules = (\n" + ",\n".join(
    f'  {{ action = "deny"; to = [ "10.{n}.0.0/16", "2001:db8:{n}::/48" ]; port = {25 + n}; proto = "tcp"; }}'
    for n in range(10)) + "\n);\n"
POLICIES = {
    "bare": None,
    "no policy": "",
    "10 outbound rules": TEN_RULES,
    "10 and an inbound rule": TEN_RULES + 'deny_from = [ "198.51.100.0/24" ];\n',
}


def run(program, library, policy, folder):
    environment = {"PATH": os.environ["PATH"], "HOME": folder}
    if policy is not None:
        environment["LD_PRELOAD"] = library
    if policy:
        path = os.path.join(folder, "policy-%x.conf" % (hash(policy) & 0xFFFFFFFF))
        if not os.path.exists(path):
            with open(path, "w") as file:
                file.write(policy)
        environment["SOCKADE_POLICY"] = path
    output = subprocess.run([program], env=environment, capture_output=True, text=True, check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in output.splitlines())}


def main():
    program, library = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 11
    results = {name: [] for name in POLICIES}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, policy in POLICIES.items():
                results[name].append(run(program, library, policy, folder))
    calls = list(results["bare"][0])
    print(f"{'ratio to the bare call (ns)':28}" + "".join(f"{call:>20}" for call in calls))
    for name, runs in results.items():
        cells = []
        for call in calls:
            value = statistics.median(run[call] for run in runs)
            ratio = statistics.median(run[call] / bare[call] for run, bare in zip(runs, results["bare"]))
            cells.append(f"{ratio:.3f} ({value:.0f})".rjust(20))
        print(f"{name:28}" + "".join(cells))


main()
