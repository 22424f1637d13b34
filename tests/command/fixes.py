#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `sockade check --fix` may never do: change what a policy decides.

Random policies, those of the naive matcher, are mended as they are and with mistakes put in. As they are, they still
decide what the naive matcher says of the text before; with mistakes, they become what they become without. Mended once
more, nothing changes. The seed is printed; the same seed makes the same run.

usage: fixes.py SOCKADE [POLICIES [SEED]]
"""
import ipaddress
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import matcher  # noqa: E402

WORDS = {'"allow"': '"alow"', '"deny"': '"dney"', '"drop"': '"drp"', "action =": "acton =", "except =": "excpt =",
         "inbound =": "inbund =", '"loopback"': '"lopback"', '"private"': '"privat"', '"sctp"': '"scpt"'}


def spoil_address(rng, text):
    """Host bits into a network, or a range the wrong way round; what is neither stays."""
    if "-" in text[1:] and re.fullmatch(r"[0-9a-f.:]+-[0-9a-f.:]+", text):
        first, last = text.split("-")
        return f"{last}-{first}" if first != last else text
    if "/" in text:
        network = ipaddress.ip_network(text)
        if network.num_addresses > 1:
            return f"{network[rng.randrange(1, min(network.num_addresses, 1000))]}/{network.prefixlen}"
    return text


def spoil(rng, text):
    """One mistake in some of the lines."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if rng.random() < 0.5:
            continue
        if rng.random() < 0.5:
            found = [word for word in WORDS if word in line]
            if found:
                word = rng.choice(found)
                lines[i] = line.replace(word, WORDS[word], 1)
            continue
        quoted = re.findall(r'"([0-9a-f]*[.:][0-9a-f.:]*[-/][0-9a-f.:]+)"', line)
        if quoted:
            word = rng.choice(quoted)
            lines[i] = line.replace(f'"{word}"', f'"{spoil_address(rng, word)}"', 1)
    if rng.random() < 0.3:
        lines.remove("version = 1;")
    return "\n".join(lines) + "\n"


class Failure(Exception):
    """What was found, with the texts that show it."""


def mend(sockade, folder, text):
    path = os.path.join(folder, "policy.conf")
    with open(path, "w") as file:
        file.write(text)
    result = subprocess.run([sockade, "check", "--fix", "--format", "short", path], capture_output=True, text=True)
    with open(path) as file:
        mended = file.read()
    if result.returncode != 0:
        raise Failure(f"not mended:\n{text}\nto\n{mended}\n{result.stdout}{result.stderr}")
    return mended


def hold(sockade, folder, rng, text):
    """The policy in the folder against what the naive matcher says of `text`."""
    cases = os.path.join(folder, "cases")
    rules = list(matcher.parse_rules(text))
    with open(cases, "w") as file:
        file.writelines(matcher.random_case(rng, text, rules) + "\n" for _ in range(300))
    policy = os.path.join(folder, "policy.conf")
    result = subprocess.run([sockade, "test", policy, cases], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"decides otherwise than\n{text}\n{result.stdout}{result.stderr}")


def main():
    sockade = sys.argv[1]
    policies = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    print(f"# seed {seed}, {policies} policies")
    changed = spoilt = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(policies):
                text = matcher.random_policy(rng)
                if text.count("\n") > 50:
                    text = "\n".join(text.splitlines()[:13]).rstrip(",") + "\n);\n"
                mended = mend(sockade, folder, text)
                hold(sockade, folder, rng, text)
                wrong = spoil(rng, text)
                again = mend(sockade, folder, wrong)
                if again != mended:
                    raise Failure(f"mended differently:\n{wrong}\nto\n{again}\ninstead of\n{mended}")
                if mend(sockade, folder, mended) != mended:
                    raise Failure(f"mended twice:\n{mended}")
                changed += mended != text
                spoilt += wrong != text
    except Failure as failure:
        print(failure)
        print(f"not ok 1 - seed {seed}\n1..1")
        return 1
    print(f"ok 1 - {policies} policies decide the same when mended; "
          f"{spoilt} were spoilt, {changed} held needless addresses")
    print("1..1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
