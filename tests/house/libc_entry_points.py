#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which exported functions of libc lead to a network system call or to an exec, found in its machine code.

usage: libc_entry_points.py          TAP: each is hooked, or left with a reason, in entry-points.txt
       libc_entry_points.py --table  all of them with their verdicts

How: the functions of an object are the ranges of .eh_frame. In the disassembly of each, `syscall` instructions are matched with
the number that was moved to eax before, and calls, jumps and addresses that are taken (lea) lead from one function to the
next. From the system calls below the callers are walked up to exported names. libresolv and its like are walked in the
same way, where what they import from libc counts.

What this cannot see: calls by pointers that stand in data (stdio's, RPC's operations, modules of nsswitch.conf that are opened by
name), IFUNCs, and system calls by a number that the program gives. Those names stand in entry-points.txt by hand, as
do read and write, on which half of libc rests. It sees too much as well: an address that is taken need not be called.
"""
import bisect
import fnmatch
import os
import re
import signal
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WANTED = {  # x86-64; asm/unistd_64.h
    40: 'sendfile', 41: 'socket', 42: 'connect', 43: 'accept', 44: 'sendto', 45: 'recvfrom', 46: 'sendmsg', 47: 'recvmsg',
    49: 'bind', 50: 'listen', 51: 'getsockname', 52: 'getpeername', 53: 'socketpair', 54: 'setsockopt', 55: 'getsockopt',
    59: 'execve', 275: 'splice', 288: 'accept4', 299: 'recvmmsg', 307: 'sendmmsg', 322: 'execveat', 425: 'io_uring_setup',
    426: 'io_uring_enter', 438: 'pidfd_getfd'}
BY_NUMBER = 'any, by number'
LIBRARIES = 'libc.so.6', 'libresolv.so.2', 'libpthread.so.0', 'libanl.so.1', 'librt.so.1'
# What matters of a line of objdump: address, and one of: call or jump, address taken, constant for eax, syscall.
LINE = re.compile(r'^ +([0-9a-f]+):\t(?:'
                  r'(?:bnd |notrack )?(?:call|j[a-z]+) +([0-9a-f]+) <([^>]*)>|'
                  r'lea .*# ([0-9a-f]+)|'
                  r'mov +\$0x([0-9a-f]+),%[er]ax|'
                  r'(syscall)|'
                  r'mov +%r([^,]*),%[er]ax)', re.M)
GREP = r'(call|j[a-z]+) +[0-9a-f]|lea .*#|,%[er]ax|syscall'


class Object:
    """An ELF file: its exported functions and where its functions are."""

    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as file:
            self.data = file.read()
        table, = struct.unpack_from('<Q', self.data, 40)
        size, count, names = struct.unpack_from('<HHH', self.data, 58)
        headers = [struct.unpack_from('<IIQQQQIIQQ', self.data, table + i * size) for i in range(count)]
        self.sections = {self.text(headers[names][4] + header[0]): header for header in headers}
        self.ranges = sorted(self.frames())
        self.starts = [start for start, _ in self.ranges]
        self.exports = {}
        self.read_exports()

    def text(self, at):
        return self.data[at:self.data.index(b'\0', at)].decode()

    def frames(self):
        """The ranges that .eh_frame describes; offsets in it are relative to where they stand."""
        _, _, _, base, offset, length, *_ = self.sections['.eh_frame']
        at, end = offset, offset + length
        while at < end:
            size, is_range = struct.unpack_from('<II', self.data, at)
            if size == 0:
                break
            if is_range:
                start, extent = struct.unpack_from('<iI', self.data, at + 8)
                start += base + at + 8 - offset
                yield start, start + extent
            at += 4 + size

    def function(self, address):
        """The start of the function around an address."""
        i = bisect.bisect_right(self.starts, address) - 1
        return self.starts[i] if i >= 0 and address < self.ranges[i][1] else None

    def version_names(self):
        strings = self.sections['.dynstr'][4]
        section = self.sections.get('.gnu.version_d')
        names, at = {}, section[4] if section else 0
        for _ in range(section[7] if section else 0):
            _, _, index, _, _, name, following = struct.unpack_from('<HHHHIII', self.data, at)
            names[index] = self.text(strings + struct.unpack_from('<I', self.data, at + name)[0])
            at += following
        return names

    def read_exports(self):
        versions = self.version_names()
        symbols, strings = self.sections['.dynsym'], self.sections['.dynstr'][4]
        for i in range(symbols[5] // 24):
            name, info, _, section, value, _ = struct.unpack_from('<IBBHQQ', self.data, symbols[4] + 24 * i)
            if section == 0 or info & 15 not in (2, 10):  # undefined; neither function nor IFUNC
                continue
            version, = struct.unpack_from('<H', self.data, self.sections['.gnu.version'][4] + 2 * i)
            # GLIBC_PRIVATE is for libc's own parts: no program can be linked with it.
            public = versions.get(version & 0x7fff) != 'GLIBC_PRIVATE'
            self.exports.setdefault(self.function(value) or value, []).append((self.text(strings + name), public))


def walk(elf, imported):
    """The system calls that each function reaches, by the function's start. `imported`: those of names of other objects."""
    callers, reached = {}, {}
    with subprocess.Popen(['objdump', '-d', '--no-show-raw-insn', elf.path], stdout=subprocess.PIPE) as dump:
        lines = subprocess.run(['grep', '-E', GREP], stdin=dump.stdout, stdout=subprocess.PIPE, check=False).stdout.decode()
    function, number, constants = None, None, set()
    for match in LINE.finditer(lines):
        address, target, symbol, taken, constant, syscall, register = match.groups()
        here = elf.function(int(address, 16))
        if here != function:
            function, number, constants = here, None, set()
        if target is not None:
            other = elf.function(int(target, 16))
            if other != function:
                callers.setdefault(other, set()).add(function)
            if symbol.endswith('@plt'):
                reached.setdefault(function, set()).update(imported.get(symbol[:-4].partition('@')[0], ()))
        elif taken is not None:
            other = int(taken, 16)
            if elf.function(other) == other != function:
                callers.setdefault(other, set()).add(function)
        elif constant is not None:
            number = int(constant, 16)
            constants.add(number)
        elif register is not None:
            number = register
        elif syscall is not None:
            # After a jump the number is one of those that the function has.
            known = constants if number is None else {number}
            reached.setdefault(function, set()).update(WANTED[one] for one in known if one in WANTED)
            if known == {'di'}:
                reached[function].add(BY_NUMBER)
            number = None
    pending = [function for function in reached if reached[function]]
    while pending:
        function = pending.pop()
        for caller in callers.get(function, ()):
            have = reached.setdefault(caller, set())
            if not reached[function] <= have:
                have |= reached[function]
                pending.append(caller)
    return reached


def entry_points():
    """Exported names, and the system calls that each reaches."""
    names, all_names = {}, {}
    folder = os.path.dirname(libc_path())
    for library in LIBRARIES:
        path = os.path.join(folder, library)
        if not os.path.exists(path):
            continue
        elf = Object(path)
        reached = walk(elf, all_names)
        for function, calls in reached.items():
            for name, public in elf.exports.get(function, ()):
                if calls:
                    all_names.setdefault(name, set()).update(calls)
                if calls and public:
                    names.setdefault(name, set()).update(calls)
    return names


def libc_path():
    with open('/proc/self/maps', encoding='utf-8') as maps:
        return next(line.split()[-1] for line in maps if re.search(r'/libc[.-][^/]*so', line))


def verdicts():
    """The lines of entry-points.txt: pattern, word, reason."""
    with open(os.path.join(HERE, 'entry-points.txt'), encoding='utf-8') as file:
        return [line.strip().split(' ', 2) + [''] for line in file if line.strip() and line[0] != '#']


def reasons():
    """What hooks.def and hooks_old.def say about each name."""
    texts = {}
    for table_name in 'hooks.def', 'hooks_old.def':
        with open(os.path.join(HERE, '../../shim', table_name), encoding='utf-8') as file:
            texts.update(re.findall(r'^[A-Z]+\((\w+), \w+, "(.*)"\)', file.read(), re.M))
    return texts


def verdict_of(name, lines):
    """The line that holds for a name: its own before a pattern."""
    return next((line for line in lines if line[0] == name), None) or \
        next((line for line in lines if fnmatch.fnmatchcase(name, line[0])), None)


def table(names, lines):
    why = reasons()
    for line in lines:
        if '*' not in line[0]:
            names.setdefault(line[0], {'(by hand)'})
    for name in sorted(names, key=lambda name: name.lstrip('_')):
        line = verdict_of(name, lines)
        verdict = 'MISSING' if line is None else line[1]
        reason = '' if line is None else why.get(name, '') if verdict == 'hooked' else line[2]
        print(f'{name:24} {verdict:7} {reason}\n{"":32} reaches {", ".join(sorted(names[name]))}')
    hooked = sum(1 for name in names if (verdict_of(name, lines) or ['', ''])[1] == 'hooked')
    print(f'\n{len(names)} names: {hooked} hooked, {len(names) - hooked} left with a reason')


def main():
    names, lines = entry_points(), verdicts()
    if '--table' in sys.argv[1:]:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
        table(names, lines)
        return 0
    missing = [name for name in sorted(names) if verdict_of(name, lines) is None]
    patterns = [line[0] for line in lines if '*' in line[0] and not fnmatch.filter(names, line[0])]
    known = {'connect', 'getaddrinfo', 'getaddrinfo_a', 'system', 'posix_spawn', 'rcmd', 'syscall', 'sendmmsg'}
    results = [('the walk finds what is known to be there', sorted(known - set(names))),
               ('what leads to the network or to an exec is hooked, or left with a reason', missing),
               ('every pattern holds for some name', patterns)]
    for number, (what, wrong) in enumerate(results, 1):
        print(f'{"not " if wrong else ""}ok {number} - {what}')
        for name in wrong:
            print(f'#   {name}: {", ".join(sorted(names.get(name, ())))}')
    print(f'1..{len(results)}')
    return any(wrong for _, wrong in results)


if __name__ == '__main__':
    sys.exit(main())
