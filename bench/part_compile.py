#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From text to image: time, peak memory and size, as the prefixes of a list grow and as the rules over it do.

The compiler has one thread, so its time on the processor is what it takes on a machine with nothing else to do, but for
the disk's. That is judged, and the wall's is told beside it: on a machine that is shared it measures the others.
"""
import os
import random
import subprocess
import time

import policies
import setup as common

SECONDS = 25  # for all rounds together
LEAST_ROUNDS = 2
MEBIBYTE = 1 << 20
# The marks: a second, 200 MiB and 24 MiB for 1.2 million prefixes; a thousand times the rules in four times the time.
MOST_MS, MOST_MEMORY, MOST_IMAGE, MOST_GROWTH = 1000, 200, 24, 4
ALL = policies.PREFIXES4 + policies.PREFIXES6


def shorter_list(source, path, count):
    """The first of both families, in the proportion that the whole list has."""
    fours = count * policies.PREFIXES4 // ALL
    with open(source, encoding="ascii") as whole, open(path, "w", encoding="ascii") as part:
        for number, line in enumerate(whole):
            if number < fours or 0 <= number - policies.PREFIXES4 < count - fours:
                part.write(line)


def own_rules(count):
    """Rules with ports and with prefixes of their own, 20 of IPv4 and one of IPv6, that overlap at random."""
    rng = random.Random(3)
    texts = []
    for number in range(count):
        prefixes = [f'"2001:db8:{number:x}::/48"']
        for _ in range(20):
            bits = rng.choice((16, 20, 24, 28, 32))
            value = (rng.getrandbits(32) | 1 << 24) >> (32 - bits) << (32 - bits)
            prefixes.append(f'"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/{bits}"')
        texts.append(f'{{ action = "deny"; to = [ {", ".join(prefixes)} ]; port = {1 + number}; proto = "tcp"; }}')
    return texts


def make_texts(folder):
    """[(what, variant, path of a policy text)]"""
    whole = os.path.join(folder, "list.txt")
    if not os.path.exists(whole):
        policies.write_list(whole)
    texts = []

    def add(what, variant, rules, name):
        path = os.path.join(folder, f"compile-{len(texts)}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(policies.rules(rules, policies.BLOCKLIST.replace("list.txt", name)))
        texts.append((what, variant, path))

    for count in (10_000, 100_000):
        shorter_list(whole, os.path.join(folder, f"list-{count}.txt"), count)
        add(f"{count:,} prefixes", "one rule", ['{ action = "deny"; to = "@blocklist"; }'], f"list-{count}.txt")
    add(f"{ALL:,} prefixes", "one rule", ['{ action = "deny"; to = "@blocklist"; }'], "list.txt")
    add(f"{ALL:,} prefixes", "the rules of the other parts", policies.PORT_RULES, "list.txt")
    for count in (10, 1000, 10_000):
        more = own_rules(count) + ['{ action = "deny"; to = "@blocklist"; port = 9; proto = "udp"; }']
        add(f"{count:,} rules", "own prefixes, and the list", more, "list.txt")
    for count in (10, 1000):
        more = [f'{{ action = "deny"; to = "@blocklist"; port = {1 + n}; proto = "tcp"; }}' for n in range(count)]
        add(f"{count:,} rules", "all of the list, own ports", more, "list.txt")
    return texts


def run(setup, path):
    """One compile: (ms on the processor, ms by the wall, MiB of memory, MiB of image)."""
    image = path.replace(".conf", ".image")
    command = [os.path.join(setup.programs, "peak"), setup.sockade, "compile", "--quiet", "--output", image, path]
    words = subprocess.run(command, env=setup.environment(preload=False), stdout=subprocess.PIPE, check=True,
                           text=True).stdout.split()
    if words[3] != "0":
        raise RuntimeError(f"sockade compile {path} ended with {words[3]}")
    return float(words[1]) * 1e3, float(words[0]) * 1e3, int(words[2]) / 1024, os.path.getsize(image) / MEBIBYTE


def measure(setup):
    texts = make_texts(setup.folder)
    results = {path: [] for _, _, path in texts}
    begun = time.monotonic()
    for done in range(setup.rounds):
        if done >= LEAST_ROUNDS and (time.monotonic() - begun) * (done + 1) / done > SECONDS:
            break
        for _, _, path in texts:
            results[path].append(run(setup, path))
    few = {variant: path for what, variant, path in texts if what == "10 rules"}
    titles = (("time on the processor", "ms"), ("peak memory", "MiB"), ("size of the image", "MiB"))
    sections = [{"title": f"Text to image: {title}", "unit": unit, "rows": []} for title, unit in titles]
    for what, variant, path in texts:
        busy, wall, memory, image = ([result[i] for result in results[path]] for i in range(4))
        large = what.startswith(f"{ALL:,}")
        growing = variant in few and path != few[variant]
        sections[0]["rows"].append(
            setup.row(what, variant, busy, [result[0] for result in results[few[variant]]] if growing else None,
                      MOST_MS if large else MOST_GROWTH if growing else None, "value" if large else "ratio",
                      f"wall: {setup.median(wall):.0f} ms" + "; ratio: to 10 rules" * growing))
        sections[1]["rows"].append(setup.row(what, variant, memory, mark=MOST_MEMORY, judged="value"))
        sections[2]["rows"].append(setup.row(what, variant, image, mark=MOST_IMAGE if large else None, judged="value",
                                             note="goal: 16" if large else ""))
    sections[0]["chart"] = {
        "kind": "lines", "x": "rules over 1.2 million prefixes", "log_x": True, "y": "ms from text to image",
        "series": {variant: [[int(what.split()[0].replace(",", "")), row["value"]]
                             for (what, mine, _), row in zip(texts, sections[0]["rows"]) if mine == variant]
                   for variant in few},
        "file": "compile"}
    return sections


if __name__ == "__main__":
    common.run_alone(measure)
