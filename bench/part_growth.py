#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Growth: what one decision costs as lists and rules grow, and what accept costs under rules of each kind.

growth.c decides by the objects of libsockade.so themselves, over images that the command made. The mark: from 10 to a
million prefixes the cost of a decision grows by less than 3 on random addresses, and by less than 1.5 on hot ones.
"""
import glob
import os
import re
import subprocess
from collections import Counter

import setup as bench

PREFIXES = (10, 1_000, 100_000, 200_000, 1_000_000)
RULES = (10, 100, 1_000, 10_000)
FAMILIES = ("4", "6")
LARGE = 1_000_000, 200_000  # the list of IPv4 and IPv6 prefixes under growing rules
RANDOM_GROWTH, HOT_GROWTH = 3, 1.5
COUNTED = 256  # decisions, as in growth.c
ROUNDS = 3  # at most; each is itself made of many
SMALL_AND_LARGE = (RULES[0], RULES[-1])
ACCEPTS = 64
HEAD = 'version = 1;\nsets = { list = { file = "%s"; }; };\nrules = (\n'
ONE_RULE = '  { action = "deny"; to = "@list"; }\n'
# Under the first three accept needs no question; in the last two a rule names the port, or the address, it comes in on.
ACCEPT_POLICIES = {
    "10 rules": None,
    "1.2M + inbound": None,
    "peers": 'deny_from = [ "198.51.100.0/24" ];',
    "peers and a port": 'rules = ( { action = "deny"; from = "any"; port = 9; } );',
    "a local address": 'rules = ( { action = "deny"; on = "198.51.100.1"; } );',
}
QUESTIONS = {"peers and a port": 1, "a local address": 1}


def run(setup, *words, env=None):
    """What a program of ours printed."""
    program = os.path.join(setup.programs, words[0])
    command = [program, *map(str, words[1:])]
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def numbers(text):
    """{name: value} of lines `name value`."""
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def compile_text(setup, name, text):
    """The image of a policy's text."""
    source = os.path.join(setup.folder, f"{name}.conf")
    image = os.path.join(setup.folder, f"{name}.image")
    with open(source, "w", encoding="ascii") as file:
        file.write(text)
    subprocess.run([setup.sockade, "compile", "--quiet", "-o", image, source], check=True)
    return image


def make_images(setup):
    """{(what, count): image}: one rule over lists, and rules with ports without and with the long list behind them."""
    images, lists = {}, {}
    for count in PREFIXES + (LARGE,):
        lists[count] = os.path.join(setup.folder, f"growth-{len(lists)}.txt")
        with open(lists[count], "w", encoding="ascii") as file:
            file.write(run(setup, "growth", "list", *(count if count == LARGE else (count,))))
    for count in PREFIXES:
        images["prefixes", count] = compile_text(setup, f"prefixes-{count}", HEAD % lists[count] + ONE_RULE + ");\n")
    for count in RULES:
        rules = run(setup, "growth", "rules", count)
        images["rules", count] = compile_text(setup, f"rules-{count}", "version = 1;\nrules = (\n" + rules + ");\n")
        text = HEAD % lists[LARGE] + rules.rstrip("\n") + ",\n" + ONE_RULE + ");\n"
        if count in SMALL_AND_LARGE:
            images["rules + 1.2M prefixes", count] = compile_text(setup, f"both-{count}", text)
    return images


def arguments(what, count, image, family):
    """growth's, which makes the list again to know what is in it."""
    return image, family, count if what == "prefixes" else 0


def time_all(setup, images):
    """{(what, count, family, kind): [ns, one a round]}"""
    results = {}
    for _ in range(min(setup.rounds, ROUNDS)):
        for (what, count), image in images.items():
            for family in FAMILIES:
                lines = run(setup, "growth", "time", *arguments(what, count, image, family))
                for kind, value in numbers(lines).items():
                    results.setdefault((what, count, family, kind), []).append(value)
    return results


def time_section(setup, results, what):
    """One row a size, family and kind of access; the ratio is that to the smallest of the same kind."""
    rows = []
    sizes = sorted({key[1] for key in results if key[0] == what})
    for family in FAMILIES:
        for kind in dict.fromkeys(key[3] for key in results if key[0] == what and key[2] == family):
            for count in sizes:
                mark = None
                if what == "prefixes" and count in (LARGE[family == "6"], PREFIXES[-1]):
                    mark = {"hot": HOT_GROWTH, "random": RANDOM_GROWTH}.get(kind.split("-")[0])
                values = results[what, count, family, kind]
                smallest = results[what, sizes[0], family, kind]
                rows.append(setup.row(f"IPv{family} {kind}", f"{count:,}", values, smallest, mark=mark))
    series = {f"IPv{family} {kind}": [[count, setup.median(results[what, count, family, f"{kind}-allowed"])]
                                      for count in sizes] for family in FAMILIES for kind in ("random", "hot")}
    names = {"prefixes": "growth", "rules": "growth-rules", "rules + 1.2M prefixes": "growth-both"}
    chart = {"kind": "lines", "x": what.split()[0], "log_x": True, "y": "ns a decision", "series": series,
             "file": names[what]}
    return {"title": f"Growth: one decision, by {what}", "unit": "ns", "rows": rows, "chart": chart}


def dumped(setup, command, environment):
    """{trigger: instructions} of a program that dumps its own counts."""
    out = os.path.join(setup.folder, "callgrind-growth")
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"] + command
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    totals = {}
    for path in glob.glob(f"{out}*"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        name = re.search(r"^desc: Trigger: Client Request: (\S+)", text, re.M)
        if name:
            totals[name[1]] = int(re.search(r"^totals: (\d+)", text, re.M)[1])
        os.remove(path)
    return totals


def count_section(setup, images):
    """Instructions, where valgrind is there: the same under any load."""
    rows = []
    program = os.path.join(setup.programs, "growth")
    bare = {"PATH": os.environ["PATH"], "HOME": setup.folder}
    for (what, count), image in images.items():
        if count not in ((PREFIXES[0], PREFIXES[-1]) if what == "prefixes" else RULES[-1:]):
            continue
        for family in FAMILIES:
            words = [program, "count"] + list(map(str, arguments(what, count, image, family)))
            for kind, total in dumped(setup, words, bare).items():
                rows.append(setup.row(f"IPv{family} {kind}", f"{count:,} {what}", [total / COUNTED]))
    return {"title": "Growth: one decision, counted", "unit": "instructions", "rows": rows}


def image_sections(setup, images):
    """How large the images are, and what the first decision of a process touches."""
    sizes, first = [], []
    for (what, count), image in images.items():
        sizes.append(setup.row("image", f"{count:,} {what}", [os.path.getsize(image) / 2**20]))
    for mode, text in (("first", "in the page cache"), ("dropped", "not even there")):
        for (what, count), image in images.items():
            if what == "rules":
                continue
            for family in FAMILIES:
                words = ("growth", mode, *arguments(what, count, image, family))
                runs = [numbers(run(setup, *words)) for _ in range(3)]
                faults = setup.median([one["faults"] for one in runs])
                first.append(setup.row(f"IPv{family}, {text}", f"{count:,} {what}", [one["us"] for one in runs],
                                       note=f"{faults:.0f} page faults"))
    return [{"title": "Growth: size of the image", "unit": "MiB", "rows": sizes},
            {"title": "Growth: the first decision of a process", "unit": "us", "rows": first}]


def system_calls(setup, count, environment):
    """How many accepts makes in all."""
    out = os.path.join(setup.folder, "strace-accept")
    given = [word for key, value in environment.items() for word in ("-E", f"{key}={value}")]
    subprocess.run(["strace", "-qq", "-f", "-o", out] + given + [os.path.join(setup.programs, "accepts"), str(count)],
                   check=True, stdout=subprocess.DEVNULL)
    with open(out, encoding="utf-8", errors="replace") as file:
        return Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", file.read(), re.M))


def accept_sections(setup):
    """What accept takes under policies about who connects, and to what."""
    environments = {"bare": setup.environment(preload=False), "no policy": setup.environment()}
    for name, text in ACCEPT_POLICIES.items():
        policy = name if text is None else compile_text(setup, name.replace(" ", "-"), f"version = 1;\n{text}\n")
        environments[name] = setup.environment(policy)
    calls, instructions, bare = [], [], {}
    for name, environment in environments.items():
        # The object makes connect cheap or dear too: it is made as often before, and the same in both runs.
        more = system_calls(setup, ACCEPTS, environment) - system_calls(setup, 0, environment)
        total = dumped(setup, [os.path.join(setup.programs, "accepts"), str(ACCEPTS)], environment)["accept"]
        bare.setdefault("calls", more)
        bare.setdefault("instructions", total)
        note = ", ".join(f"{call} {count / ACCEPTS:.3g}" for call, count in (more - bare["calls"]).items())
        added = (sum(more.values()) - sum(bare["calls"].values())) / ACCEPTS
        calls.append(setup.row("accept", name, [added], mark=QUESTIONS.get(name, 0), judged="value", note=note))
        instructions.append(setup.row("accept", name, [(total - bare["instructions"]) / ACCEPTS]))
    return [{"title": "Accept: system calls added", "unit": "count", "rows": calls[1:]},
            {"title": "Accept: instructions added", "unit": "instructions", "rows": instructions[1:]}]


def measure(setup):
    """The sections of this part."""
    if not os.path.exists(os.path.join(setup.programs, "growth")):
        return []
    images = make_images(setup)
    results = time_all(setup, images)
    sections = [time_section(setup, results, what) for what in dict.fromkeys(key[0] for key in results)]
    if setup.need("valgrind", "valgrind"):
        sections.append(count_section(setup, images))
    sections += image_sections(setup, images)
    if setup.need("strace", "strace") and setup.need("valgrind", "valgrind"):
        sections += accept_sections(setup)
    return sections


if __name__ == "__main__":
    bench.run_alone(measure)
