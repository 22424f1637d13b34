# SPDX-License-Identifier: MIT
"""Compares the manual with what it describes: manual.py CHECK prints each difference, and nothing where there is none.

Everything is read from where it is decided: the program's own table, the readers' lists of keys, the tables of names
and of hooks, the writer of events.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOCKADE = os.environ.get("SOCKADE", os.path.join(ROOT, "build", "sockade"))


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def page(name):
    path = os.path.join("man", name + ".scd")
    return text_of(path) if os.path.exists(os.path.join(ROOT, path)) else ""


def section(text, name):
    """The lines between that heading and the next one of its kind."""
    inside = literal = False
    found = []
    for line in text.split("\n"):
        literal ^= line.startswith("```")
        if line.startswith("# ") and not literal:
            inside = line == "# " + name
        elif inside:
            found.append(line)
    return "\n".join(found)


def differences(what, got, want, got_name, want_name):
    for name in sorted(set(want) - set(got)):
        print(f"{what}: {name}: in {want_name}, not in {got_name}")
    for name in sorted(set(got) - set(want)):
        print(f"{what}: {name}: in {got_name}, not in {want_name}")


def table():
    lines = subprocess.run([SOCKADE, "help", "--table"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


def commands():
    return {row[1]: row[2] for row in table() if row[0] == "command"}


def options():
    """Of each command its options as the table has them: --name or --name VALUE, and letters."""
    found = {}
    for row in table():
        if row[0] == "option":
            names = found.setdefault(row[1], {})
            names[row[3]] = (row[2] if row[2] != "-" else None, row[4] if row[4] != "-" else None)
    return found


def page_of(command):
    return "sockade" if command in ("-", "help") else "sockade-" + command


def check_pages():
    """Each command has a page with its summary, and stands in sockade(1); each page has its sections."""
    overview = dict(re.findall(r"^\*([a-z]+)\*\n\t(.*?)\.(?: See|$)", section(page("sockade.1"), "COMMANDS"), re.M))
    differences("sockade(1)", overview.items(), commands().items(), "the manual", "--help")
    for command, what in commands().items():
        text = page(page_of(command) + ".1")
        if command != "help" and section(text, "NAME").strip() != f"sockade-{command} - {what}":
            print(f"sockade-{command}(1): its NAME is not 'sockade-{command} - {what}'")
    known = {f"sockade-{command}.1" for command in commands()} | {"sockade.1"}
    for path in glob.glob(os.path.join(ROOT, "man", "*.1.scd")):
        if os.path.basename(path)[:-4] not in known:
            print(f"{os.path.basename(path)}: there is no such command")
    for path in glob.glob(os.path.join(ROOT, "man", "*.scd")):
        text = text_of(path)
        wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO"]
        if path.endswith((".1.scd", ".8.scd")):
            wanted += ["EXIT STATUS", "ENVIRONMENT", "FILES"]
        for heading in wanted:
            if not section(text, heading).strip():
                print(f"{os.path.basename(path)}: no section {heading}")
        for name, number in re.findall(r"\*([a-zA-Z.-]+)\*\((\d)\)", text):
            ours = re.match(r"(lib)?sockade", name)
            if ours and not os.path.exists(os.path.join(ROOT, "man", f"{name}.{number}.scd")):
                print(f"{os.path.basename(path)}: names {name}({number}), which is not there")


def check_table():
    """The table for programs: so many fields a line, none of them empty."""
    counts = {"v": 2, "command": 3, "operands": 3, "option": 6, "values": 3}
    for row in table():
        if len(row) != counts.get(row[0]) or "" in row:
            print("sockade help --table: " + " | ".join(row))


def check_options():
    """The options of each page are those of the command, with their values' names; and exit codes as --help tells."""
    for command, own in options().items():
        if command == "help":
            continue
        name = page_of(command) + ".1"
        found = {}
        for line in re.findall(r"^\*-.*$", section(page(name), "OPTIONS"), re.M):
            value = re.search(r"\*(?: _([^_]+)_|(\[=_[^_]+_\]))", line)
            names = re.findall(r"\*(--?[a-zA-Z-]+)\*", line)
            letter = next((one for one in names if not one.startswith("--")), None)
            for one in names:
                if one.startswith("--"):
                    found[one] = (letter, (value.group(1) or value.group(2).replace("_", "")) if value else None)
        differences(name, found.items(), own.items(), "the manual", "--help")
    for command in commands():
        if command == "help":
            continue
        told = subprocess.run([SOCKADE, command, "--help"], capture_output=True, text=True, check=True).stdout
        for line in told.splitlines():
            if len(line) > 100:
                print(f"sockade {command} --help: a line of {len(line)} columns: {line}")
        codes = re.search(r"Exit (?:code|status):(.*?)(?:\n\n|\Z)", told, re.S)
        codes = set(re.findall(r"\b\d+\b", codes.group(1))) if codes else set()
        own = set(re.findall(r"\b\d+\b", section(page(page_of(command) + ".1"), "EXIT STATUS")))
        differences(f"sockade-{command}(1), exit status", own, codes, "the manual", "--help")
    codes = set(re.findall(r"EXIT_[A-Z_]+ = (\d+)", text_of("command", "command.h")))
    own = set(re.findall(r"^\|  (\d+)$", section(page("sockade.1"), "EXIT STATUS"), re.M))
    differences("sockade(1), exit status", own, codes, "the manual", "command/command.h")


KEY_SECTIONS = {
    "a policy": "KEYS OF A POLICY",
    "a rule": "KEYS OF A RULE",
    "a set": "KEYS OF A SET",
    "an entry of 'programs'": "KEYS OF A PROGRAMS ENTRY",
    "'default'": "KEYS OF DEFAULT",
    "'icmp'": "KEYS OF ICMP",
    "'log'": "KEYS OF LOG",
}


def check_keys():
    """The keys that the readers know are those of sockade.conf(5), and so are addresses, errnos, families, protocols."""
    conf = page("sockade.conf.5")
    found = {}
    for path in glob.glob(os.path.join(ROOT, "config", "*.c")):
        pattern = r"char \*const keys\[\] = \{(.*?)\};.*?keys_check\(.*?, \"([^\"]+)\"\)"
        for keys, what in re.findall(pattern, text_of(path), re.S):
            found[what] = re.findall(r'"([a-z_]+)"', keys)
    differences("sockade.conf(5)", KEY_SECTIONS, found, "this test", "config/")
    for what, heading in KEY_SECTIONS.items():
        own = re.findall(r"^\*([a-z_]+)\*$", section(conf, heading), re.M)
        differences(f"sockade.conf(5), {what}", own, found.get(what, []), "the manual", "config/")
    names = text_of("config", "names.c")
    addresses = section(conf, "ADDRESSES")
    for name, ranges in re.findall(r"char \*const (\w+)_ranges\[\] = \{(.*?)\}", names, re.S):
        ranges = re.findall(r'"([^"]+)"', ranges)
        if name == "metadata":
            own = re.findall(r"^\|  (\S+)$", addresses.split("*metadata*", 1)[1], re.M)
            differences("sockade.conf(5), metadata", own, ranges, "the manual", "config/names.c")
            continue
        row = re.search(rf"^\|  {name.replace('_', '-')}\n:  (.*)$", addresses, re.M)
        own = re.findall(r"[0-9a-f:.]+/\d+|::1", row.group(1)) if row else []
        differences(f"sockade.conf(5), {name}", own, ranges, "the manual", "config/names.c")
    refused = {"EINTR", "EAGAIN", "EWOULDBLOCK", "EINPROGRESS", "EALREADY", "EISCONN"}
    errnos = set(re.findall(r"X\((E[A-Z0-9]+)\)", names)) - refused
    own = re.findall(r"\bE[A-Z0-9]+\b", section(conf, "ERRNOS").split("```")[1])
    differences("sockade.conf(5), errnos", own, errnos, "the manual", "config/names.c")
    families = re.findall(r'X\("([a-z0-9]+)", AF_', names)
    own = section(conf, "FAMILIES").split("```")[1].split()
    differences("sockade.conf(5), families", own, families, "the manual", "config/names.c")
    protos = re.search(r"proto_names\[\] = \{(.*?)\}", text_of("config", "endpoint.c")).group(1)
    own = re.findall(r'"([a-z0-9]+)"', re.search(r"^\*proto\*\n(.*?)\n\n", conf, re.M | re.S).group(1))
    differences("sockade.conf(5), proto", own, re.findall(r'"([a-z0-9]+)"', protos), "the manual", "config/endpoint.c")


def check_hooks():
    """Every hooked name stands in libsockade(8), and no other; every variable that is read is in the manual."""
    hooked = []
    for path in glob.glob(os.path.join(ROOT, "shim", "hooks*.def")):
        hooked += re.findall(r"^(?:HOOK|RARE|OLD)\((\w+),", text_of(path), re.M)
    blocks = section(page("libsockade.8"), "WHAT IS HOOKED").split("```")[1::2]
    differences("libsockade(8), hooks", " ".join(blocks).split(), hooked, "the manual", "shim/hooks*.def")
    read = set()
    for folder in ("policy", "state", "config", "shim", "shim/icmp", "command"):
        for path in glob.glob(os.path.join(ROOT, folder, "*.[ch]")):
            read |= set(re.findall(r'"(SOCKADE_[A-Z_]+[A-Z]|XDG_[A-Z_]+|NO_COLOR|HOME)=?"', text_of(path)))
    told = set()
    for path in glob.glob(os.path.join(ROOT, "man", "*.scd")):
        told |= set(re.findall(r"\*((?:SOCKADE|XDG)_[A-Z_]+[A-Z]|NO_COLOR|HOME)\*",
                               section(text_of(path), "ENVIRONMENT")))
    differences("environment", told, read, "the manual", "the code")


def check_events():
    """Every key of an event stands in sockade-events(5), in the order in which they are written."""
    source = text_of("state", "event_format.c")
    keys = {"v", *re.findall(r'put_(?:key|text)\(&?line, "(\w+)"', source), *re.findall(r'\] = "(\w+)",', source)}
    own = re.findall(r"^\*([a-z_]+)\*$", section(page("sockade-events.5"), "KEYS"), re.M)
    differences("sockade-events(5)", own, keys, "the manual", "state/event_format.c")
    said = re.search(r"Keys in this order.*?: (.*?)\.", text_of("state", "event.h"), re.S).group(1)
    order = [key for part in re.sub(r"[*\s]+", " ", said).split() for key in part.split("|")]
    if own != order:
        print(f"sockade-events(5): the order is {' '.join(own)}, and of state/event.h {' '.join(order)}")


def check_api():
    """Every name of sockade.h that a program may use stands in sockade(3)."""
    header = re.sub(r"/\*.*?\*/", "", text_of("include", "sockade.h"), flags=re.S)
    verdict = re.search(r"struct sockade_verdict \{(.*?)\};", header, re.S).group(1)
    fields = re.findall(r"(\w+)(?:\[\d+\])?;", verdict)
    names = re.findall(r"\bSOCKADE_[A-Z]+\b(?= =|,)", header) + re.findall(r"static inline int (\w+)\(", header)
    text = page("sockade.3")
    told = set(re.findall(r"\*(\w+)\*", text))
    differences("sockade(3)", told & set(names + fields), names + fields, "the manual", "include/sockade.h")


def check_advice():
    """Every id by which advice is silenced stands in sockade-check(1)."""
    ids = set()
    for path in glob.glob(os.path.join(ROOT, "config", "*.c")) + glob.glob(os.path.join(ROOT, "command", "*.c")):
        source = text_of(path)
        ids |= set(re.findall(r'\b(?:warn|note)\(\s*messages, "([a-z-]+)"', source))
        told = r'MESSAGE_(?:WARNING|NOTE),(?:(?!messages_add).)*?messages_detail\([^,]+, "([a-z-]+)"'
        ids |= set(re.findall(told, source, re.S))
    own = re.findall(r"^\|  ([a-z-]+)$", section(page("sockade-check.1"), "ADVICE"), re.M)
    differences("sockade-check(1), advice", own, ids, "the manual", "the code")


def check_worked():
    """The worked examples of sockade.conf(5): each policy is right, strictly, and decides as its table says."""
    parts = re.split(r"^## ", section(page("sockade.conf.5"), "EXAMPLES"), flags=re.M)[1:]
    parts = [part for part in parts if "_policy.conf_" in part]
    if len(parts) < 8:
        print(f"sockade.conf(5): {len(parts)} worked examples")
    for part in parts:
        title = part.split("\n")[0]
        with tempfile.TemporaryDirectory(dir=".") as folder:
            for name, body in re.findall(r"^_([\w./-]+)_\n\n```\n(.*?)^```", part, re.M | re.S):
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(body)
            for arguments in (["check", "--strict", "policy.conf"], ["test", "policy.conf", "policy.cases"]):
                done = subprocess.run([SOCKADE, *arguments], cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    print(f"{title}: sockade {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")


def transcript(text):
    """The commands of a page's examples, each with what the page says it prints."""
    found = []
    for block in section(text, "EXAMPLES").split("```")[1::2]:
        ending = None
        for line in block.strip("\n").split("\n"):
            if ending is None and line.startswith("$ "):
                found.append([line[2:], []])
                match = re.search(r"<<-?'?(\w+)", line)
                ending = match.group(1) if match else None
            elif ending is not None:
                found[-1][0] += "\n" + line
                ending = None if line == ending else ending
            elif found and not block.lstrip().startswith(("#", "{", "ENTRYPOINT")) and "$ " in block:
                found[-1][1].append(line)
    return found


def check_examples():
    """Runs the examples of every page in a shell of its own: what they print is what it says (... is anything).

    The folder where they run, which is their HOME too, is /home/you to the pages.
    """
    environment = dict(os.environ, PATH=os.path.dirname(SOCKADE) + ":" + os.environ["PATH"])
    count = 0
    for path in sorted(glob.glob(os.path.join(ROOT, "man", "*.scd"))):
        name = os.path.basename(path)[:-4]
        steps = transcript(text_of(path))
        folder = tempfile.mkdtemp(dir=".")
        environment["HOME"] = os.path.join(os.path.abspath(folder))
        script = "".join(step + "\nprintf '\\001'\n" for step, _ in steps)
        done = subprocess.run(["sh", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False, timeout=120)
        output = done.stdout.decode(errors="replace").replace(os.path.abspath(folder), "/home/you")
        parts = output.split("\x01")
        for (step, expected), got in zip(steps, parts + [""] * len(steps)):
            pattern = re.escape("\n".join(expected).strip()).replace(r"\.\.\.", ".*?")
            count += 1
            if not re.fullmatch(pattern, got.strip(), re.S):
                print(f"{name}: {step}\n  prints\n{got.strip()}\n  and not\n" + "\n".join(expected))
    if count < 20:
        print(f"only {count} examples were found")


globals()["check_" + sys.argv[1]]()
