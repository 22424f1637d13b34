# SPDX-License-Identifier: MIT
"""Compares two traces of `syscalls`: which system calls its loops made beyond those of the bare run.

usage: syscalls.py BARE TRACE ONE_MORE SOURCES

ONE_MORE: whether accept may ask for one name a call. SOURCES: so many files may be looked at once a second. Prints a line
for each loop that made more, and ends with 1 where there is one; the last line tells what was compared.
"""
import collections
import re
import sys

MARK = re.compile(r'write\(-1, "(first|begin|end) ([^"]*)"')
PULLED = ", 4099, MSG_DONTWAIT"  # the test's own, as many as it takes
CALL = re.compile(r"([a-z0-9_]+)\(")
# strace writes a call in two parts where another process' line comes between.
BEGUN = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. [a-z0-9_]+ resumed> ?")
STATS = ("stat", "newfstatat", "statx", "fstatat64", "stat64", "lstat")
# What a look takes beside them: one thread is elected for it, with signals blocked (elect.c).
ELECTION = ("mmap", "madvise", "rt_sigprocmask", "getpid", "geteuid")
# What tells what a descriptor is; a first call may ask all of it once.
QUESTIONS = ("getsockopt", "getsockname", "getpeername", "fcntl")
FIRST_QUESTIONS = 6
INSTEAD = {"read": "recvfrom", "readv": "recvmsg", "recv": "recvfrom"}


def read(path):
    """{loop: {call: count}} of the first calls and of the loops, and the time that each process has taken."""
    first, loops, where, times, parts = {}, {}, {}, {}, {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            pid, stamp, rest = line.split(None, 2)
            begun, _ = times.get(pid, (float(stamp), 0))
            times[pid] = (begun, float(stamp))
            rest = parts.pop(pid, "") + RESUMED.sub("", rest)
            if rest.rstrip().endswith(BEGUN):
                parts[pid] = rest.rstrip()[:-len(BEGUN)]
                continue
            mark = MARK.match(rest)
            if mark:
                what, name = mark.groups()
                where[pid] = None
                if what != "end":
                    where[pid] = (first if what == "first" else loops).setdefault(name, collections.Counter())
                continue
            call = CALL.match(rest)
            if call and PULLED not in rest and where.get(pid) is not None:
                where[pid][call.group(1)] += 1
    return first, loops, sum(end - begun + 1 for begun, end in times.values())


def more(bare, other):
    """What there is more of. A receive in the place of a read is no call more."""
    extra = {name: count - bare[name] for name, count in other.items() if count > bare[name]}
    for name, instead in INSTEAD.items():
        if instead in extra and extra[instead] == bare[name] - other[name]:
            del extra[instead]
    return extra


def take_looks(extra):
    """Takes the looks at the sources out of what there is more of, and counts their stats."""
    looks = sum(extra.pop(stat, 0) for stat in STATS)
    for call in ELECTION:
        if extra.get(call, 0) <= 2 * looks:
            extra.pop(call, 0)
    return looks


def main():
    bare_path, path, one_more, sources = sys.argv[1:]
    bare_first, bare, _ = read(bare_path)
    first, loops, seconds = read(path)
    failures, looks, questions, names = [], 0, 0, 0
    if bare.keys() != loops.keys() or not bare:
        failures.append(("all", "the two runs did not come equally far"))
    for name, calls in loops.items():
        extra = more(bare.get(name, collections.Counter()), calls)
        looks += take_looks(extra)
        if one_more == "1" and name.endswith(" accept") and extra.get("getsockname", 0) <= calls["accept"]:
            names += extra.pop("getsockname", 0)
        if extra:
            failures.append((name, f"{dict(extra)} more than {sum(bare.get(name, {}).values())}"))
    for name, calls in first.items():
        extra = more(bare_first.get(name, collections.Counter()), calls)
        looks += take_looks(extra)
        asked = sum(extra.pop(question, 0) for question in QUESTIONS)
        questions += asked
        if asked > FIRST_QUESTIONS or extra:
            failures.append((name, f"the first time: {asked} questions, {dict(extra)}"))
    if looks > seconds * int(sources):
        failures.append(("all", f"{looks} looks at {sources} sources in {seconds:.1f} seconds of all processes"))
    alike = collections.defaultdict(list)
    for name, what in failures:
        origin, _, rest = name.partition(" ")
        alike[rest, what].append(origin)
    for (rest, what), origins in alike.items():
        print(f"{rest} ({' '.join(origins)}): {what}")
    print(f"{len(loops)} loops of {sum(sum(calls.values()) for calls in bare.values())} calls: {looks} looks at files in"
          f" {seconds:.0f} s, {questions} questions at first uses, {names} names asked by accept")
    return 1 if failures else 0


sys.exit(main())
