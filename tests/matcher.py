#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fast matcher against a naive one.

Makes random policies as text, judges random questions by a matcher of its own that reads the rules out of that text one
after the other, and lets `sockade test` judge the same questions. Any difference is a failure. The seed is printed; the
same seed makes the same run.

usage: matcher.py SOCKADE [DECISIONS [SEED]]
"""
import ipaddress
import os
import random
import re
import subprocess
import sys
import tempfile

NAMES = {
    "any": ["0.0.0.0/0", "::/0"],
    "loopback": ["127.0.0.0/8", "::1/128"],
    "private": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
    "link-local": ["169.254.0.0/16", "fe80::/10"],
    "multicast": ["224.0.0.0/4", "ff00::/8"],
}
PORTED = ("tcp", "udp", "sctp")
PROTOS = ("tcp", "udp", "icmp", "icmp6", "sctp", "raw")


def random_address(rng):
    """Mostly out of a small space, so that rules overlap."""
    if rng.random() < 0.6:
        base = rng.choice(["10.0.0.0", "10.0.1.0", "192.168.0.0", "203.0.113.0", "127.0.0.0", "0.0.0.0", "255.255.255.0"])
        value = int(ipaddress.IPv4Address(base)) + rng.randrange(512)
        return ipaddress.IPv4Address(min(value, 2**32 - 1))
    base = rng.choice(["2001:db8::", "2001:db8:0:1::", "fd00::", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fe00", "fe80::"])
    spread = rng.choice([512, 2**65])
    value = min(int(ipaddress.IPv6Address(base)) + rng.randrange(spread), 2**128 - 1)
    address = ipaddress.IPv6Address(value)
    return address.ipv4_mapped or address


def random_range(rng):
    """An address, CIDR, range, name or mapped address as text."""
    kind = rng.random()
    address = random_address(rng)
    if int(address) == 0:
        # The unspecified address by itself ("0.0.0.0/32" and "::-::" too) is no destination: a policy with it is refused.
        address += 1
    bits = address.max_prefixlen
    if kind < 0.1:
        return rng.choice(list(NAMES))
    if kind < 0.4:
        return str(address)
    if kind < 0.8:
        prefix = rng.choice([bits, bits - 1, bits - 4, bits - 8, bits - 9, bits - 16, bits // 2])
        return str(ipaddress.ip_network((address, prefix), strict=False))
    end = min(int(address) + rng.randrange(300), 2**bits - 1)
    return f"{address}-{type(address)(end)}"


def random_rule(rng, number):
    direction = rng.choice(["to", "to", "from", "on"])
    actions = ["allow", "deny"] + (["drop"] if direction != "on" else [])
    keys = [f'name = "r{number}"', f'action = "{rng.choice(actions)}"']
    addresses = ", ".join(f'"{random_range(rng)}"' for _ in range(rng.randint(1, 4)))
    keys.append(f"{direction} = [ {addresses} ]")
    if rng.random() < 0.3:
        keys.append("except = [ %s ]" % ", ".join(f'"{random_range(rng)}"' for _ in range(rng.randint(1, 3))))
    if rng.random() < 0.5:
        first = rng.choice([1, 22, 80, 443, 8000, 65535])
        last = min(first + rng.randrange(100), 65535)
        keys.append(f'port = ( {rng.choice([22, 80, 443])}, "{first}-{last}" )')
        if rng.random() < 0.5:
            keys.append(f'proto = "{rng.choice(PORTED)}"')
    elif rng.random() < 0.4:
        keys.append(f'proto = "{rng.choice(PROTOS)}"')
    return "  { " + "; ".join(keys) + "; }"


def random_policy(rng):
    rules = ",\n".join(random_rule(rng, n) for n in range(rng.choice([1, 3, 10, 40, 300])))
    default = "; ".join(f'{key} = "{rng.choice(["allow", "deny"])}"' for key in ("outbound", "inbound", "listen"))
    return f"version = 1;\ndefault = {{ {default}; }};\nrules = (\n{rules}\n);\n"


def spans(texts):
    """What a list of address texts covers: (version, first, last)."""
    for text in texts:
        for part in NAMES.get(text, [text]):
            if "-" in part:
                first, last = (ipaddress.ip_address(end) for end in part.split("-"))
            else:
                network = ipaddress.ip_network(part)
                first, last = network[0], network[-1]
            if first.version == 6 and int(first) >> 32 == 0xFFFF and int(last) >> 32 == 0xFFFF:
                first, last = first.ipv4_mapped, last.ipv4_mapped
            yield first.version, int(first), int(last)


def parse_rules(text):
    """Reads the rules back out of the policy's text."""
    for line in text.splitlines():
        if not line.startswith("  { name"):
            continue
        quoted = lambda key: re.findall(r'"([^"]*)"', (re.search(rf"\b{key} = ([^;]*);", line) or [None, ""])[1])
        direction = re.search(r"\b(to|from|on) = ", line)[1]
        ports = [tuple(map(int, p.split("-"))) for p in quoted("port")]
        single = re.search(r"port = \( (\d+)", line)
        if single:
            ports.append((int(single[1]), int(single[1])))
        yield {
            "name": quoted("name")[0], "action": quoted("action")[0], "direction": direction,
            "cover": list(spans(quoted(direction))), "except": list(spans(quoted("except"))),
            "ports": ports, "proto": quoted("proto"),
        }


def naive(text, rules, direction, address, port, proto):
    """First match wins."""
    inside = lambda ranges: any(v == address.version and a <= int(address) <= b for v, a, b in ranges)
    for rule in rules:
        if rule["direction"] != direction or not inside(rule["cover"]) or inside(rule["except"]):
            continue
        if rule["proto"] and proto not in rule["proto"]:
            continue
        if rule["ports"] and proto not in PORTED:
            continue
        if rule["ports"] and not any(a <= port <= b for a, b in rule["ports"]):
            continue
        return rule["action"], rule["name"]
    key = {"to": "outbound", "from": "inbound", "on": "listen"}[direction]
    if re.search(rf'{key} = "deny"', text) and not address.is_loopback:
        return "deny", "default"
    return "allow", "default"


def random_case(rng, text, rules):
    address = random_address(rng)
    if int(address) == 0:
        address = ipaddress.IPv4Address("10.0.0.3")
    proto = rng.choice(["tcp", "udp", "tcp", "udp", "sctp", "raw", "icmp" if address.version == 4 else "icmp6"])
    port = rng.choice([1, 22, 79, 80, 81, 443, 8000, 8050, 65535])
    direction = rng.choice(["to", "from", "on"])
    shown = f"[{address}]" if address.version == 6 else str(address)
    if address.version == 4 and rng.random() < 0.1:
        shown = f"[::ffff:{address}]"
    verdict, name = naive(text, rules, direction, address, port, proto)
    port_text = f":{port}" if proto in PORTED else ""
    return f"{direction} {shown}{port_text}/{proto} -> {verdict} by {name}"


def main():
    sockade = sys.argv[1]
    decisions = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    print(f"# seed {seed}, {decisions} decisions")
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        policy, cases = os.path.join(folder, "policy.conf"), os.path.join(folder, "cases")
        while done < decisions:
            text = random_policy(rng)
            rules = list(parse_rules(text))
            lines = [random_case(rng, text, rules) for _ in range(2000)]
            with open(policy, "w") as file:
                file.write(text)
            with open(cases, "w") as file:
                file.write("\n".join(lines) + "\n")
            result = subprocess.run([sockade, "test", policy, cases], capture_output=True, text=True)
            if result.returncode != 0:
                kept = f"matcher-failure-{seed}"
                os.makedirs(kept, exist_ok=True)
                for source in (policy, cases):
                    os.replace(source, os.path.join(kept, os.path.basename(source)))
                print(result.stdout[-3000:], result.stderr[-3000:], sep="\n")
                print(f"not ok 1 - differs from the naive matcher, or was not read; seed {seed}, texts kept in {kept}\n1..1")
                return 1
            done += len(lines)
    print(f"ok 1 - {done} decisions equal to the naive matcher's\n1..1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
