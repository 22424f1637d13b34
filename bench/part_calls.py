# SPDX-License-Identifier: MIT
"""What a call costs under Sockade, under what a user would pick instead, and under the kernel's own mechanisms.

Every round runs calls.c for some milliseconds under each mechanism in turn, all on one CPU, and in another order each
time; a ratio is taken to the bare runs of the same round. "bare, again" is what this run can resolve.
"""
import glob
import itertools
import os
import random
import socket
import subprocess
import time

from setup import run_alone

# Rounds for each of the setup's, and passes (about half a millisecond bare) a process.
ROUNDS_EACH, PASSES, SLOW_PASSES = 8, 10, 2
SLOW_EVERY = 4
# On a busy machine it stops after so long, if it has half of them.
SECONDS = 60
MARKS = {("UDP connect", "1.2M prefixes"): 1.03, ("UDP sendto", "1.2M prefixes"): 1.02,
         ("recvfrom", "10 + inbound"): 1.03, ("recvfrom", "1.2M + inbound"): 1.03}
POLICIES = ("10 rules", "10 + inbound", "1.2M prefixes", "1.2M + inbound")
CALLS = ("UDP connect", "UDP sendto", "recvfrom", "TCP connect", "accept", "full TCP cycle", "socket+close", "read",
         "write", "poll", "any other call")
# What the chart leaves out.
NOT_SHOWN = ("bare, again", "empty object", "sockade, no policy", "sockade, 10 + inbound", "sockade, 1.2M + inbound",
             "socket_wrapper, off", "Landlock, 10 TCP ports")
# What a rival needs so that loopback is none of its business: (package, object, its settings, variables).
RIVALS = {
    "torsocks": ("torsocks", "/usr/lib/*/torsocks/libtorsocks.so", "TORSOCKS_CONF_FILE",
                 "TorAddress 127.0.0.1\nTorPort 9050\nAllowInbound 1\nAllowOutboundLocalhost 2\n", {}),
    "proxychains4": ("proxychains4", "/usr/lib/*/libproxychains.so.4", "PROXYCHAINS_CONF_FILE",
                     "strict_chain\nquiet_mode\nlocalnet 127.0.0.0/255.0.0.0\n[ProxyList]\nsocks4 127.0.0.1 9050\n",
                     {"PROXYCHAINS_QUIET_MODE": "1"}),
    "tsocks": ("tsocks", "/usr/lib/*/libtsocks.so", "TSOCKS_CONF_FILE",
               "local = 127.0.0.0/255.0.0.0\nserver = 127.0.0.1\nserver_type = 5\n", {}),
    "socket_wrapper, off": ("libsocket-wrapper", "/usr/lib/*/libsocket_wrapper.so", None, "", {}),
    "socket_wrapper, on": ("libsocket-wrapper", "/usr/lib/*/libsocket_wrapper.so", "SOCKET_WRAPPER_DIR", None, {}),
}


class Variant:
    """One way to run the program: words before it, its environment, how long and how often it runs."""

    def __init__(self, name, environment, before=(), slow=False):
        self.name, self.environment, self.before = name, environment, list(before)
        self.passes, self.every = (SLOW_PASSES, SLOW_EVERY) if slow else (PASSES, 1)
        self.runs, self.beside, self.works = [], [], True

    def add(self, own, beside):
        """One run and the bare run next to it; a run that failed ends this variant."""
        self.works = self.works and own is not None
        if self.works:
            self.runs.append(own)
            self.beside.append(beside)


def rival(setup, name):
    """A variant with a rival's object preloaded, or None where it cannot be installed."""
    package, pattern, variable, settings, more = RIVALS[name]
    if not setup.need(pattern, package):
        return None
    environment = {**setup.environment(preload=False), **more, "LD_PRELOAD": glob.glob(pattern, recursive=True)[0]}
    if variable:
        path = os.path.join(setup.folder, name.replace(", ", "-"))
        if settings is None:
            os.makedirs(path, exist_ok=True)
        else:
            with open(path, "w", encoding="ascii") as file:
                file.write(settings)
        environment[variable] = path
    return Variant(name, environment, slow=name == "socket_wrapper, on")


def variants(setup, port):
    """All but the bare one that can run here."""
    bare = setup.environment(preload=False)
    supervisor = [os.path.join(setup.programs, "supervisor")]
    empty = os.path.join(setup.programs, "empty.so")
    found = [Variant("bare, again", bare), Variant("empty object", {**bare, "LD_PRELOAD": empty}),
             Variant("sockade, no policy", setup.environment())]
    found += [Variant(f"sockade, {name}", setup.environment(name)) for name in POLICIES]
    found += [variant for variant in (rival(setup, name) for name in RIVALS) if variant]
    if os.path.exists(supervisor[0]):
        found += [Variant("seccomp filter, allow", bare, supervisor + ["filter", str(port)]),
                  Variant("Landlock, 10 TCP ports", bare, supervisor + ["landlock", str(port)]),
                  Variant("supervisor, same CPU", bare, supervisor + ["same", str(port)], slow=True),
                  Variant("supervisor, other CPU", bare, supervisor + ["other", str(port)], slow=True)]
    if setup.need("strace", "strace"):
        found.append(Variant("strace -f", bare, ["strace", "-f", "-o", "/dev/null"], slow=True))
    return found


def free_port():
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run(setup, variant, port):
    """{call: nanoseconds} of one process, or None where this mechanism does not work here."""
    command = variant.before + [os.path.join(setup.programs, "calls"), str(variant.passes), str(port)]
    try:
        done = subprocess.run(command, env=variant.environment, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        setup.leave_out(variant.name, "no end after a minute")
        return None
    if done.returncode != 0:
        setup.leave_out(variant.name, (done.stderr.strip() or f"exit {done.returncode}").splitlines()[-1])
        return None
    words = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    return {name: float(value) for name, value in words}


def run_all(setup, bare, found, port):
    """Rounds in an order of their own. Every bare run stands between two others, which take their ratio to it."""
    order, begun, rounds = random.Random(7), time.monotonic(), setup.rounds * ROUNDS_EACH
    for number in range(rounds):
        if number >= rounds / 2 and time.monotonic() - begun > SECONDS:
            break
        turn = [variant for variant in found if number % variant.every == 0]
        order.shuffle(turn)
        for left, right in itertools.zip_longest(turn[::2], turn[1::2]):
            before = run(setup, left, port)
            beside = run(setup, bare, port)
            left.add(before, beside)
            if right:
                right.add(run(setup, right, port), beside)
            bare.add(beside, beside)
        found = [variant for variant in found if variant.works]
    return found


def rows(setup, bare, found, call):
    """A row a variant for one call."""
    yield setup.row(call, bare.name, [run[call] for run in bare.runs])
    for variant in found:
        name = variant.name.removeprefix("sockade, ")
        yield setup.row(call, variant.name, [run[call] for run in variant.runs], [run[call] for run in variant.beside],
                        mark=MARKS.get((call, name)))


def measure(setup):
    """One section: every call under every mechanism."""
    port = free_port()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        bare = Variant("bare", setup.environment(preload=False))
        found = run_all(setup, bare, variants(setup, port), port)
    finally:
        os.sched_setaffinity(0, allowed)
    table = [row for call in CALLS for row in rows(setup, bare, found, call)]
    return [{"title": "What a call costs: ratio to the bare run beside it ±half the quartiles' distance, what is added",
             "unit": "ns", "layout": "matrix", "rows": table, "chart": chart(table)}]


def chart(table):
    """Bars of what each mechanism adds to a UDP connect, the least first."""
    mine = [row for row in table if row["what"] == "UDP connect"]
    shown = sorted((row["added"], row["variant"]) for row in mine if row["ratio"] and row["variant"] not in NOT_SHOWN)
    return {"kind": "bars", "title": "What each mechanism adds to a UDP connect that it lets pass",
            "y": f"nanoseconds, beside some {round(mine[0]['value'], -1):.0f} that the bare call takes",
            "series": {name: added for added, name in shown}, "file": "peers"}


if __name__ == "__main__":
    run_alone(measure)
