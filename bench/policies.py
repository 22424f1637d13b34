# SPDX-License-Identifier: MIT
"""The policies that are measured, from none to a blocklist of 1.2 million prefixes, compiled when first asked for."""
import os
import random
import subprocess

PREFIXES4, PREFIXES6 = 1_000_000, 200_000
# None of them matches what the measured programs do, but all must be looked at.
TEN_RULES = [f'{{ action = "deny"; to = [ "10.{n}.0.0/16", "2001:db8:{n}::/48" ]; port = {25 + n}; proto = "tcp"; }}'
             for n in range(10)]
PORT_RULES = [
    '{ action = "deny"; to = "@blocklist"; except = "loopback"; port = ( 25, 465, "2525-2526" ); proto = "tcp"; }',
    '{ action = "deny"; to = "@blocklist"; port = 9; proto = "udp"; }',
    '{ action = "deny"; to = "any"; port = 19; proto = "tcp"; }',
    '{ action = "deny"; to = "@blocklist"; except = "loopback"; }',
]
SOURCES = ['{ action = "deny"; from = "@blocklist"; port = 9999; }', '{ action = "deny"; from = "@blocklist"; }']
BLOCKLIST = 'sets = { blocklist = { file = "list.txt"; }; };\n'


def rules(texts, more=""):
    """A policy's text."""
    return "version = 1;\n" + more + "rules = (\n  " + ",\n  ".join(texts) + "\n);\n"


POLICIES = {
    "10 rules": rules(TEN_RULES),
    "10 + inbound": rules(TEN_RULES) + 'deny_from = [ "198.51.100.0/24" ];\n',
    "listen only": rules(['{ action = "deny"; on = "any"; port = 10000; proto = "tcp"; }']),
    "1.2M prefixes": rules(PORT_RULES, BLOCKLIST),
    "1.2M + inbound": rules(PORT_RULES + SOURCES, BLOCKLIST),
}


def write_list(path):
    """The same random prefixes each time, none of which holds a loopback address."""
    rng = random.Random(7)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(PREFIXES4):
            value = rng.getrandbits(32)
            value = value ^ 0x01000000 if value >> 24 in (0, 127) else value
            bits = rng.choice((20, 24, 24, 28, 32, 32))
            value &= ~((1 << (32 - bits)) - 1)
            file.write(f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/{bits}\n")
        for _ in range(PREFIXES6):
            value = rng.getrandbits(48)
            file.write(f"2001:{value >> 32:x}:{value >> 16 & 65535:x}:{value & 65535:x}::/64\n")


class Images:
    """Compiled before, so that no measured program compiles."""

    def __init__(self, sockade, folder):
        self.sockade, self.folder = sockade, folder
        self.paths = {}

    def path(self, name):
        """Of a policy's image."""
        if name not in self.paths:
            self.paths[name] = self._compile(POLICIES[name], os.path.join(self.folder, f"policy-{len(self.paths)}"))
        return self.paths[name]

    def _compile(self, text, stem):
        blocklist = os.path.join(self.folder, "list.txt")
        if BLOCKLIST in text and not os.path.exists(blocklist):
            write_list(blocklist)
        with open(stem + ".conf", "w", encoding="ascii") as file:
            file.write(text)
        subprocess.run([self.sockade, "compile", "--quiet", "-o", stem + ".image", stem + ".conf"], check=True)
        return stem + ".image"
