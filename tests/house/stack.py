#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints how much stack each exported function of the object may take, deepest first: stack.py HOOKS FILE.ci...

The .ci files are gcc's (-fcallgraph-info=su): who calls whom, and the size of each frame. libc's functions count as one
plain frame each, and so does a call by a pointer beside what is listed in INDIRECT.
"""
import re
import sys

ELSEWHERE = 256  # a system call's wrapper, memcpy; their largest is poll's, with its signal mask
# Who calls what by a pointer. Callers and called by their last names.
INDIRECT = {
    "path_matches": ["paths_are_same_file"],
    "fdinfo_read": ["is_reported", "count_data"],
    "control_each_descriptor": ["hint_forget", "icmp_adopt", "kernel_close"],
    "descriptors_each": ["inherit"],
    "search": ["probe_by_looking", "probe_for_capabilities"],
}
# Written in machine code: what they call, with a frame of their own of at most ELSEWHERE.
MACHINE_CODE = {"dlopen": {"dlopen_judged"}, "dlmopen": {"dlmopen_judged"}}
# Who calls itself, if over others, and how often at most: sets in sets of epoll.
AGAIN = {"epoll_set_is_ready": 5, "epoll_set_held": 5, "member_tells": 5, "member_clear": 5}
NODE = re.compile(r'node: \{ title: "([^"]*)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"')
BYTES = re.compile(r"(\d+) bytes \((\S+)\)")


def read(paths):
    frames, calls = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as text:
            for line in text:
                node, edge = NODE.match(line), EDGE.match(line)
                if node:
                    size = BYTES.search(node[2])
                    if size:
                        if size[2] == "dynamic":
                            sys.exit("%s: a frame without a bound" % node[1])
                        frames[node[1]] = int(size[1]) + 8  # with the return address
                elif edge:
                    calls.setdefault(edge[1], set()).add(edge[2])
    return frames, calls


def deepest(name, graph, known, above):
    """(bytes, chain) of the deepest calls below `name`, itself included."""
    frames, calls, by_last = graph
    last = name.split(":")[-1]
    if name in above and last not in AGAIN:
        sys.exit("%s calls itself: %s" % (name, " ".join(above)))
    if name in above:
        return 0, []
    if "*" + name in frames:  # one with another name in C
        name = "*" + name
    if name not in frames:
        return ELSEWHERE, [name]
    if name not in known:
        below = set(calls.get(name, ()))
        if "__indirect_call" in below:
            for one in INDIRECT.get(last, ()):
                below |= by_last.get(one, set())
        found = max((deepest(one, graph, known, above + [name]) for one in below), default=(0, []))
        known[name] = (frames[name] * AGAIN.get(last, 1) + found[0], [name] + found[1])
    return known[name]


def main():
    frames, calls = read(sys.argv[2:])
    by_last = {}
    for name in frames:
        by_last.setdefault(name.split(":")[-1], set()).add(name)
    with open(sys.argv[1], encoding="utf-8") as hooks:
        names = re.findall(r"^(?:HOOK|RARE)\((\w+),", hooks.read(), re.M)
    for name, called in MACHINE_CODE.items():
        frames.setdefault(name, ELSEWHERE)
        calls.setdefault(name, set()).update(called)
    lost = [name for name in names if name not in frames and "*" + name not in frames]
    if lost:
        sys.exit("no frame is known of " + " ".join(lost))
    known = {}
    found = sorted((deepest(name, (frames, calls, by_last), known, []) + (name,) for name in names), reverse=True)
    for size, chain, name in found:
        print(size, name, " ".join("%s(%d)" % (one.split(":")[-1].strip("*"), frames.get(one, ELSEWHERE)) for one in chain))


main()
