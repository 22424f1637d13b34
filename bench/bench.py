#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole benchmark: runs every part, prints the tables, writes bench.json and draws the charts.

usage: bench.py BUILD [ROUNDS [PART...]]
"""
import glob
import importlib
import json
import os
import platform
import sys
import time
import traceback

import chart
import table
from setup import HERE, Setup

ORDER = ("calls", "instructions", "growth", "startup", "compile", "reload", "servers", "icmp")
ROUNDS = 11


def machine():
    """What the figures were taken on."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = " ".join(line.split(":", 1)[1].split())
                break
    load = os.getloadavg()[0]
    return {"processor": model, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "libc": " ".join(platform.libc_ver()), "architecture": platform.machine(), "load before": round(load, 2),
            "date": time.strftime("%Y-%m-%d")}


def parts(wanted):
    """Names of the parts that are here, in a fixed order; those that the order does not know come last."""
    here = sorted(os.path.basename(path)[5:-3] for path in glob.glob(os.path.join(HERE, "part_*.py")))
    known = [name for name in ORDER if name in here] + [name for name in here if name not in ORDER]
    return [name for name in known if not wanted or name in wanted]


def run_part(name, setup):
    """(sections, whether it ran through); its tables are printed as soon as they are there."""
    begun = time.monotonic()
    print(f"  BENCH   {name}", file=sys.stderr, flush=True)
    try:
        sections = importlib.import_module(f"part_{name}").measure(setup)
    except Exception:  # the other parts still have something to say
        traceback.print_exc()
        return [], False
    for section in sections:
        section["part"] = name
        print("\n".join(table.section_lines(section)), flush=True)
    print(f"  ({name}: {time.monotonic() - begun:.0f} s)", flush=True)
    return sections, True


def draw(sections):
    """A file for each section that has a chart; the README shows some of them."""
    folder = os.path.join(HERE, "charts")
    os.makedirs(folder, exist_ok=True)
    for section in sections:
        picture = chart.draw(section["chart"], section["title"]) if section.get("chart") else None
        if picture:
            path = os.path.join(folder, section["chart"]["file"] + ".svg")
            with open(path, "w", encoding="utf-8") as file:
                file.write(picture)
            print(f"  CHART   {os.path.relpath(path)}")


def main():
    """Ends with 1 where a part broke off. A missed mark is told: time on a shared machine is no reason to fail."""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} BUILD [ROUNDS [PART...]]")
    about, begun = machine(), time.monotonic()
    setup = Setup(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    sections, failed = [], []
    try:
        for name in parts(sys.argv[3:]):
            found, through = run_part(name, setup)
            sections += found
            failed += [] if through else [name]
    finally:
        setup.close()
    print("\n".join(table.marks(sections)))
    print("\n".join(setup.left_out + [f"broke off: {name}" for name in failed]))
    draw(sections)
    path = os.path.join(setup.programs, "bench.json")
    everything = {"machine": about, "sections": sections, "left out": setup.left_out, "failed": failed}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(everything, file, indent=1)
    print(f"  JSON    {os.path.relpath(path)}\n{time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
