#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Start-up: what one exec of /bin/true costs with nothing preloaded, an empty object, Sockade and its rivals.

The marks are about what is added: by Sockade with a policy of 1.2 million prefixes against what an object adds that has
nothing in it, and against tsocks. Time is given by the clock and as CPU time, which other processes disturb less.
"""
import os
import re
import subprocess
from collections import Counter

import setup as bench

PROGRAM = "/bin/true"
EXECS = 50  # a round and variant
ROUNDS = 3  # so many for each round of the whole benchmark
OF_EMPTY = 1.7
MANY = "sockade, 1.2M prefixes"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
RIVALS = {
    "tsocks": ("tsocks", f"{LIBRARIES}/libtsocks.so"),
    "torsocks": ("torsocks", f"{LIBRARIES}/torsocks/libtorsocks.so"),
    "proxychains4": ("proxychains4", f"{LIBRARIES}/libproxychains.so.4"),
}


def empty_object(setup):
    """A shared object of nothing, linked as ours is."""
    path = os.path.join(setup.folder, "empty.so")
    command = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-Wl,-z,now", "-Wl,-z,relro", "-o", path, "-x", "c"]
    subprocess.run(command + ["/dev/null"], check=True)
    return path


def variants(setup):
    """{name: environment}, what is not installed left out."""
    found = {
        "bare": setup.environment(preload=False),
        "empty object": {**setup.environment(preload=False), "LD_PRELOAD": empty_object(setup)},
        "sockade, no policy": setup.environment(),
        "sockade, 10 rules": setup.environment("10 rules"),
        MANY: setup.environment("1.2M prefixes"),
        # By its text, as users have it: the image is looked for, and its sources are compared.
        MANY + ", text": setup.environment(setup.policy("1.2M prefixes").replace(".image", ".conf")),
    }
    for name, (package, library) in RIVALS.items():
        if setup.need(library, package):
            found[name] = {**setup.environment(preload=False), "LD_PRELOAD": library}
    return found


def quietly(command, environment, **more):
    """Runs a command, which must succeed, without a word."""
    return subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, **more).stdout


def time_rounds(setup, environments):
    """{variant: [(clock, CPU time, faults), one a round]}, all variants in turn."""
    program = os.path.join(setup.programs, "startup")
    results = {name: [] for name in environments}
    for _ in range(ROUNDS * setup.rounds):
        for name, environment in environments.items():
            line = quietly([program, str(EXECS), PROGRAM], environment)
            results[name].append(tuple(float(word) for word in line.split()))
    return results


def added(results, name, which):
    """What a variant added in each round."""
    return [run[which] - bare[which] for run, bare in zip(results[name], results["bare"])]


def time_sections(setup, results):
    """What is added in microseconds, and how much that is of an empty object's."""
    rows, shares = [], []
    for which, what in enumerate(("by the clock", "CPU time")):
        empty = setup.median(added(results, "empty object", which))
        rows.append(setup.row(what, "bare: all of it", [run[which] for run in results["bare"]]))
        for name in results:
            if name == "bare":
                continue
            more = added(results, name, which)
            rows.append(setup.row(what, name, more))
            if name != "empty object":
                mark = OF_EMPTY if name.startswith(MANY) else None
                shares.append(setup.row(what, name, [value / empty for value in more], mark=mark, judged="value"))
        if "tsocks" in results:
            theirs = setup.median(added(results, "tsocks", which))
            ours = [value / theirs for value in added(results, MANY, which)]
            shares.append(setup.row(what, "the same, of tsocks'", ours, mark=1.0, judged="value"))
    chart = {"kind": "bars", "y": "added us", "file": "startup",
             "series": {row["variant"]: row["value"] for row in rows if row["what"] == "by the clock"
                        and not row["variant"].startswith("bare")}}
    return [{"title": f"Start-up: added to one exec of {PROGRAM}", "unit": "us", "rows": rows, "chart": chart},
            {"title": "Start-up: added, in units of what an empty object adds", "unit": "times", "rows": shares}]


def system_calls(setup, environment):
    """How often each was made, from the exec on."""
    out = os.path.join(setup.folder, "strace")
    given = [word for key, value in environment.items() for word in ("-E", f"{key}={value}")]
    quietly(["strace", "-qq", "-f", "-o", out] + given + [PROGRAM], {"PATH": environment["PATH"]})
    with open(out, encoding="utf-8", errors="replace") as file:
        return Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", file.read(), re.M))


def instructions(setup, environment):
    """In user space, from the loader's first to the last."""
    out = os.path.join(setup.folder, "callgrind")
    quietly(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", PROGRAM], environment)
    with open(out, encoding="utf-8") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M)[1])


def private_memory(environment):
    """(KiB that only this process has written, and of these in mappings of images) of a program that waits."""
    pipe = subprocess.PIPE
    with subprocess.Popen(["/bin/cat"], env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:
        child.stdin.write(b"x")
        child.stdin.flush()
        child.stdout.read(1)  # it has started
        with open(f"/proc/{child.pid}/smaps", encoding="utf-8", errors="replace") as file:
            parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", file.read(), flags=re.M)
        child.stdin.close()
    total, image = 0, 0
    for part in parts:
        dirty = sum(int(size) for size in re.findall(r"^Private_Dirty: +(\d+)", part, re.M))
        total += dirty
        image += dirty if ".image" in part.split("\n", 1)[0] else 0
    return total, image


def difference(calls, bare):
    """In words: which system calls a variant makes beside the bare ones."""
    more = calls - bare
    return ", ".join(f"{name} {count}" for name, count in more.most_common())


def count_sections(setup, environments, results):
    """What does not depend on the machine's load, as added to the bare run."""
    rows, notes = {"system calls": [], "faults": [], "instructions": [], "private KiB": [], "of them policy": []}, {}
    bare = {}
    for name, environment in environments.items():
        values = {"faults": setup.median([run[2] for run in results[name]])}
        values["private KiB"], values["of them policy"] = private_memory(environment)
        if setup.need("strace", "strace"):
            calls = system_calls(setup, environment)
            values["system calls"] = sum(calls.values())
            bare.setdefault("calls", calls)
            notes[name] = difference(calls, bare["calls"])
        if setup.need("valgrind", "valgrind"):
            values["instructions"] = instructions(setup, environment)
        for what, value in values.items():
            if name == "bare":
                bare[what] = value
                continue
            if what == "of them policy" and "rules" not in name and "prefixes" not in name:
                continue
            mark = 0 if what == "of them policy" else None
            rows[what].append(setup.row(what, name, [value - bare[what]], mark=mark, judged="value",
                                        note=notes.get(name, "") if what == "system calls" else ""))
    return [{"title": f"Start-up: added to one exec of {PROGRAM}, counted", "unit": "count",
             "rows": [row for what in rows for row in rows[what]]}]


def relocation_section(setup):
    """What the loader has to do for our object, by kind."""
    if not setup.need("readelf", "binutils"):
        return []
    text = quietly(["readelf", "-W", "-r", setup.shim_object], None)
    kinds = Counter(re.findall(r"^[0-9a-f]{8,} +[0-9a-f]+ +(R_\w+)", text, re.M))
    rows = [setup.row("relocations", kind, [count]) for kind, count in kinds.most_common()]
    return [{"title": "Start-up: relocations of libsockade.so", "unit": "count", "rows": rows}]


def measure(setup):
    """The sections of this part."""
    if not os.path.exists(os.path.join(setup.programs, "startup")):
        return []
    environments = variants(setup)
    for environment in environments.values():  # whatever is compiled, cached or read from disk once
        quietly([PROGRAM], environment)
    results = time_rounds(setup, environments)
    return (time_sections(setup, results) + count_sections(setup, environments, results) + relocation_section(setup))


if __name__ == "__main__":
    bench.run_alone(measure)
