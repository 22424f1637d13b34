# SPDX-License-Identifier: MIT
"""A translated ICMP socket against a raw one: one round trip, what it is made of, and fping with 32,766 targets.

All in a network namespace of its own, over its loopback device: raw as its root, translated as a user without any
capability. The namespace grants ping sockets to everybody there.
"""
import os
import random
import re
import shutil
import subprocess
import time

from setup import run_alone

# A machine that is slow just now gets fewer rounds, but not fewer than so many.
SECONDS_TRIPS, SECONDS_FPING, LEAST_ROUNDS = 10, 7, 3
HOWS = {"recvfrom": "recvfrom", "poll": "poll, recvmsg", "sendmsg": "sendmsg, recvmsg"}
FAMILIES = ("4", "6")
FEW, MANY, INSTRUCTION_TRIPS = 500, 1500, 500
TARGETS = 32766
FPING = ["fping", "-q", "-s", "-i", "0", "-r", "0", "-t", "3000", "-g", "127.0.0.0/17"]
# The marks: of a raw socket that sees its own request too, and of one whose filter passes echo replies alone.
OF_RAW, OF_FILTERED, OF_FPING = 1.05, 1.3, 1.05
GRANT = ("ip link set lo up && { echo 0 2147483647 >%s || echo 0 0 >%s; } 2>/dev/null && echo ready && exec sleep 600"
         % (("/proc/sys/net/ipv4/ping_group_range",) * 2))
ALONE = {"sendto": ("sendto", "with all that the kernel does for the reply"), "recvfrom": ("recvfrom", ""),
         "recvmsg": ("recvmsg", ""), "recvmsg-control": ("recvmsg", "with TTL, TOS and destination, as translated"),
         "recvmsg-nothing": ("recvmsg", "that finds nothing"), "recv-errqueue": ("recv", "of an empty error queue"),
         "getsockopt-cookie": ("getsockopt", "SO_COOKIE: whether it still is the same socket"), "poll": ("poll", "")}
# Where instructions are counted: callgrind takes a second for each.
COUNTED = (("4", "recvfrom"), ("4", "poll"), ("4", "sendmsg"), ("6", "recvfrom"))


def rounds_within(setup, seconds):
    """Numbers of rounds, as long as there is time."""
    begun = time.monotonic()
    for number in range(setup.rounds):
        if number >= LEAST_ROUNDS and time.monotonic() - begun > seconds:
            return
        yield number


class World:
    """The namespace, and how to run programs in it: as its root, or as a user without capabilities."""

    def __init__(self, setup):
        root = os.geteuid() == 0
        self.setup = setup
        self.holder = subprocess.Popen(["unshare", "-n" if root else "-Urn", "sh", "-c", GRANT], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = self.holder.stdout.readline() == "ready\n"
        self.cpu = str(min(os.sched_getaffinity(0)))
        enter = ["nsenter", "-t", str(self.holder.pid), "-n"] + ([] if root else ["-U", "--preserve-credentials"])
        drop = (["--reuid=65534", "--regid=65534", "--clear-groups"] if root else
                ["--securebits=+noroot,+noroot_locked"])
        self.root = enter + ["taskset", "-c", self.cpu]
        self.user = self.root + ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] + drop
        # The user need not reach the folder in which we were built.
        self.folder = os.path.join(setup.folder, "icmp")
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.trip, self.calls, self.shim_object = (
            shutil.copy(path, self.folder) for path in (os.path.join(setup.programs, "icmp_round_trip"),
                                                        os.path.join(setup.programs, "icmp_calls"), setup.shim_object))
        self.bare = setup.environment(preload=False)

    def close(self):
        """Ends the namespace."""
        self.holder.kill()
        self.holder.communicate()

    def run(self, words, translated=False, user=False, tool=(), **more):
        """Runs to the end and gives what was written to both outputs."""
        before = self.user if translated or user else self.root
        preload = ["env", f"LD_PRELOAD={self.shim_object}"] if translated else []
        return subprocess.run(before + preload + list(tool) + list(words), env=self.bare, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              **more).stdout

    def nanoseconds(self, family, kind, how, translated):
        """Of one round trip."""
        output = self.run([self.trip, family, kind, how, "time"], translated, user=kind == "ping")
        return float(output.split()[-1])


def round_trips(world):
    """Sections of times, interleaved."""
    variants = [("raw", False), ("filtered", False), ("ping", False), ("raw", True), ("filtered", True)]
    keys = [(family, how, *variant) for family in FAMILIES for how in HOWS for variant in variants]
    values = {key: [] for key in keys}
    for _ in rounds_within(world.setup, SECONDS_TRIPS):
        places = [(family, how) for family in FAMILIES for how in HOWS]
        random.shuffle(places)
        for family, how in places:
            for kind, translated in random.sample(variants, len(variants)):
                values[family, how, kind, translated].append(world.nanoseconds(family, kind, how, translated))
    rows, row = [], world.setup.row
    for family in FAMILIES:
        for how, title in HOWS.items():
            what = f"{title} (IPv{family})"
            raw, filtered = values[family, how, "raw", False], values[family, how, "filtered", False]
            rows += [row(what, "raw socket", raw), row(what, "raw socket, filtered", filtered),
                     row(what, "ping socket, bare", values[family, how, "ping", False], raw),
                     row(what, "translated", values[family, how, "raw", True], raw, mark=OF_RAW),
                     row(what, "translated, of filtered raw", values[family, how, "raw", True], filtered,
                         mark=OF_FILTERED),
                     row(what, "translated, filtered", values[family, how, "filtered", True], filtered,
                         mark=OF_FILTERED)]
    shown = {"raw socket": ("raw", False), "raw socket, filtered": ("filtered", False), "ping socket": ("ping", False),
             "sockade, translated": ("raw", True), "sockade, translated, filtered": ("filtered", True)}
    series = {name: world.setup.median(values[("4", "recvfrom") + key]) for name, key in shown.items()}
    return {"title": "ICMP: one echo round trip over loopback", "unit": "ns", "rows": rows,
            "chart": {"kind": "bars", "y": "ns a round trip (IPv4, recvfrom)", "series": series, "file": "icmp"}}


def counted_calls(world, family, how, translated):
    """{name: system calls a round trip}: those of a long run less those of a short one."""
    totals = []
    for trips in (FEW, MANY):
        output = world.run([world.trip, family, "raw", how, "count", str(trips)], translated,
                           tool=["strace", "-f", "-c", "-U", "calls,name"])
        totals.append({name: int(calls) for calls, name in re.findall(r"^\s*(\d+) (\w+)$", output, re.M)})
    few, many = totals
    each = {name: (calls - few.get(name, 0)) / (MANY - FEW) for name, calls in many.items() if name != "total"}
    return {name: calls for name, calls in each.items() if calls >= 0.01}


def system_calls(world):
    """The system calls of a round trip, by name."""
    rows = []
    for family in FAMILIES:
        for how, title in HOWS.items():
            for translated, variant in ((False, "raw socket"), (True, "translated")):
                each = counted_calls(world, family, how, translated)
                note = ", ".join(f"{calls:g} {name}" for name, calls in sorted(each.items()))
                rows.append(world.setup.row(f"{title} (IPv{family})", variant, [sum(each.values())], note=note))
    return {"title": "ICMP: system calls a round trip (a raw socket also receives its own request)", "unit": "calls",
            "rows": rows}


def counted_instructions(world, family, how, translated):
    """Of user space, a round trip, with those of the program itself."""
    path = os.path.join(world.folder, f"callgrind-{family}-{how}-{translated}")
    world.run([world.trip, family, "raw", how, "count", str(INSTRUCTION_TRIPS)], translated,
              tool=["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=counted",
                    f"--callgrind-out-file={path}"])
    with open(path, encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1)) / INSTRUCTION_TRIPS


def instructions_added(world):
    """What the object adds to a program in user space."""
    rows = []
    for family, how in COUNTED:
        for translated, variant in ((False, "raw socket"), (True, "translated")):
            count = counted_instructions(world, family, how, translated)
            rows.append(world.setup.row(f"{HOWS[how]} (IPv{family})", variant, [count]))
    return {"title": "ICMP: instructions of user space a round trip", "unit": "instructions", "rows": rows}


def calls_alone(world):
    """What each system call costs by itself."""
    values = {name: [] for name in ALONE}
    for _ in range(world.setup.rounds):
        for line in world.run([world.calls], user=True).splitlines():
            name, value = line.split()
            values[name].append(float(value))
    return {"title": "ICMP: what each system call costs by itself, on a ping socket", "unit": "ns",
            "rows": [world.setup.row(what, "by itself", values[name], note=note)
                     for name, (what, note) in ALONE.items()]}


def fping_run(world, program, translated):
    """(milliseconds, replies) of one fping."""
    begun = time.monotonic()
    output = world.run([program] + FPING[1:], translated, timeout=60)
    lasted = (time.monotonic() - begun) * 1000
    found = re.search(r"^\s*(\d+) ICMP Echo Replies received$", output, re.M)
    return lasted, int(found.group(1)) if found else 0


def fping(world):
    """fping without a pause. A copy of the program, since one with file capabilities is not preloaded."""
    program = shutil.copyfile(shutil.which("fping"), os.path.join(world.folder, "fping"))
    os.chmod(program, 0o755)
    values, missing = {False: [], True: []}, {False: 0, True: 0}
    for number in rounds_within(world.setup, SECONDS_FPING):
        for translated in (False, True) if number % 2 == 0 else (True, False):
            lasted, replies = fping_run(world, program, translated)
            values[translated].append(lasted)
            missing[translated] += TARGETS - replies
    row = world.setup.row
    return [{"title": f"ICMP: fping -i 0, {TARGETS:,} targets", "unit": "ms",
             "rows": [row("fping", "raw as root", values[False]),
                      row("fping", "translated", values[True], values[False], mark=OF_FPING)]},
            {"title": "ICMP: replies that fping missed", "unit": "replies",
             "rows": [row("fping", "raw as root", [missing[False]]),
                      row("fping", "translated", [missing[True]], mark=0, judged="value")]}]


def measure(setup):
    """All sections."""
    if not setup.need("setpriv", "util-linux") or not setup.need("ip", "iproute2"):
        return []
    world = World(setup)
    try:
        if not world.ready:
            setup.leave_out("ICMP", "no network namespace to be had")
            return []
        sections = [round_trips(world), calls_alone(world)]
        if setup.need("strace", "strace"):
            sections.append(system_calls(world))
        if setup.need("valgrind", "valgrind"):
            sections.append(instructions_added(world))
        if setup.need("fping", "fping"):
            sections += fping(world)
        return sections
    finally:
        world.close()


if __name__ == "__main__":
    run_alone(measure)
