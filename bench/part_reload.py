# SPDX-License-Identifier: MIT
"""Live reload: how soon every thread of many processes decides by a new policy, and what one reload costs a process.

The programs are those of the tests (tests/programs/reload_load.c and reload_inside.c): each thread notes what was
published before its call, and a decision by anything older is wrong. "Every thread" is told beside the time that it
takes the scheduler to let each of them make a call at all.
"""
import os
import re
import subprocess

import setup as bench

PROGRAMS = os.path.join(bench.HERE, "..", "tests", "programs")
PROCESSES, THREADS = 50, 8
# Microseconds that a thread rests after 16 calls, and edits; the second is three times what two processors can bear.
LOADS = (("mostly asleep", 20000, 20), ("full load", 500, 3))
SECONDS = 25
COST_RELOADS = 20  # of each round
COST_ROUNDS = 5
WITH_PREFIXES = "1.2M prefixes"
EDIT = re.compile(r"edit \d+: ([\d.]+) ms to publish it, ([\d.]+) ms until .* by it, ([\d.]+) ms without")
TOTAL = re.compile(r"(\d+) decisions, (\d+) wrong, (\d+) late .* (\d+) of \d+ threads followed")
COST = re.compile(r"([\d.]+) us with a reload, ([\d.]+) us without")


def compile_program(setup, name):
    """One of the tests' programs."""
    path = os.path.join(setup.folder, name)
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", path,
                    os.path.join(PROGRAMS, name + ".c"), "-lpthread"], check=True)
    return path


def environment(setup, **more):
    """With a folder for images that is removed with the rest."""
    run = os.path.join(setup.folder, "run")
    os.makedirs(run, mode=0o700, exist_ok=True)
    return {**setup.environment(preload=False), "XDG_RUNTIME_DIR": run, **more}


def load_rows(setup, program, name, rest, edits):
    """Many processes under one load."""
    policy = os.path.join(setup.folder, "reload.conf")
    numbers = [str(number) for number in (PROCESSES, THREADS, edits, rest)]
    command = [program, setup.sockade, setup.shim_object, policy, *numbers, "wait"]
    try:
        output = subprocess.run(command, env=environment(setup), check=False, timeout=SECONDS, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    except subprocess.TimeoutExpired:
        setup.leave_out(f"reload, {name}", f"not done after {SECONDS} s on a machine that has other work")
        return []
    publishing, following, turns = zip(*[[float(value) for value in edit] for edit in EDIT.findall(output)])
    decisions, wrong, late, followed = (int(value) for value in TOTAL.search(output).groups())
    return [
        setup.row("sockade reload itself", name, publishing),
        setup.row("until every thread decided anew", name, following, note=f"{followed} threads followed"),
        setup.row("until every thread made a call", name, turns, note="nothing published meanwhile"),
        setup.row("wrong or late decisions", name, [wrong + late], mark=0, judged="value", note=f"of {decisions:,}"),
    ]


def prepare(setup, policy):
    """The text of a policy (None: no rules at all) and its image, which lies where the process looks."""
    text = os.path.join(setup.folder, "none.conf")
    if policy:
        text = setup.policy(policy).replace(".image", ".conf")
    else:
        with open(text, "w", encoding="ascii") as file:
            file.write("version = 1;\n")
    answer = subprocess.run([setup.sockade, "compile", text], env=environment(setup), check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    return text, answer.strip().rsplit(": ", 1)[1]


def cost_rows(setup, program):
    """One process that publishes a copy of its own image again and again, all policies in turn."""
    variants = {name: prepare(setup, policy) for name, policy in
                (("no rules", None), ("10 rules", "10 rules"), (WITH_PREFIXES, WITH_PREFIXES))}
    costs = {name: ([], []) for name in variants}
    for _ in range(COST_ROUNDS):
        for name, (text, image) in variants.items():
            copy = os.path.join(setup.folder, "copy.image")
            with open(image, "rb") as source, open(copy, "wb") as target:
                target.write(source.read())
            output = subprocess.run([program, "cost", str(COST_RELOADS), image, copy, copy], check=True, text=True,
                                    env=environment(setup, LD_PRELOAD=setup.shim_object, SOCKADE_POLICY=text),
                                    stdout=subprocess.PIPE).stdout
            for values, value in zip(costs[name], COST.search(output).groups()):
                values.append(float(value))
    return [setup.row(what, name, costs[name][which]) for which, what in
            enumerate(("connect (UDP) that takes a new image", "the next connect")) for name in variants]


def measure(setup):
    """What `sockade reload` comes to in many processes, and in one."""
    load = compile_program(setup, "reload_load")
    rows = [row for name, rest, edits in LOADS for row in load_rows(setup, load, name, rest, edits)]
    return [
        {"title": f"sockade reload, {PROCESSES} processes of {THREADS} threads", "unit": "ms", "rows": rows},
        {"title": "One reload in a process of one thread", "unit": "us",
         "rows": cost_rows(setup, compile_program(setup, "reload_inside"))},
    ]


if __name__ == "__main__":
    bench.run_alone(measure)
