# SPDX-License-Identifier: MIT
"""Reads the examples that other programs are to read, and tells what is wrong with them or what they hold.

usage: examples.py pod FILE             problems under the "restricted" pod security standard, one a line
       examples.py part FILE PATH       what stands there: examples.py part pod.yaml Pod/spec/containers/0/command
       examples.py steps FILE FOLDER    writes each `run` of a workflow's first job to a file of its own
       examples.py cron FILE            the commands of a crontab
       examples.py unit FILE KEY        the values of a unit's key
       examples.py containerfile FILE   STAGE, INSTRUCTION and ARGUMENTS, by tabs; words of lists by spaces
"""
import json
import re
import sys

import yaml

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"}
SAFE_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def documents(path):
    """What a file holds, each document by its kind."""
    with open(path, encoding="utf-8") as text:
        return {one.get("kind", "") if isinstance(one, dict) else "": one for one in yaml.safe_load_all(text)}


def container_problems(name, security, pod):
    """One container under the restricted standard; what it leaves out the pod may say."""
    def wanted(right, what):
        return [] if right else [f"{name}: {what}"]

    capabilities = security.get("capabilities", {})
    seccomp = security.get("seccompProfile", pod.get("seccompProfile", {})).get("type")
    return (wanted(security.get("allowPrivilegeEscalation") is False, "allowPrivilegeEscalation is not false") +
            wanted(not security.get("privileged"), "privileged") +
            wanted("ALL" in capabilities.get("drop", []), "capabilities are not all dropped") +
            wanted(set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}, "adds capabilities") +
            wanted(security.get("runAsNonRoot", pod.get("runAsNonRoot")) is True, "runAsNonRoot is not true") +
            wanted(security.get("runAsUser", pod.get("runAsUser", 1)) != 0, "runs as root") +
            wanted(seccomp in ("RuntimeDefault", "Localhost"), "has no seccomp profile") +
            wanted(security.get("procMount", "Default") == "Default", "unmasks /proc") +
            wanted(security.get("readOnlyRootFilesystem") is True, "its root can be written to") +
            wanted(not any("hostPort" in port for port in security.get("ports", [])), "takes a port of the host"))


def pod_problems(path):
    """All of a pod, and a root that is read-only beside what the standard asks for."""
    spec = documents(path)["Pod"]["spec"]
    security = spec.get("securityContext", {})
    problems = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    problems += [f"volume {volume['name']} is of no safe kind" for volume in spec.get("volumes", [])
                 if set(volume) - {"name"} - SAFE_VOLUMES]
    problems += [f"sysctl {one['name']} is not safe" for one in security.get("sysctls", [])
                 if one["name"] not in SAFE_SYSCTLS]
    for one in spec.get("containers", []) + spec.get("initContainers", []):
        problems += container_problems(one["name"], one.get("securityContext", {}), security)
        mounts = {mount["name"] for mount in one.get("volumeMounts", [])}
        problems += [f"{one['name']}: mounts {name}, which is no volume" for name in
                     mounts - {volume["name"] for volume in spec.get("volumes", [])}]
    return problems


def part(path, where):
    """A part of a file; a list word by word."""
    found = documents(path)
    for key in where.split("/"):
        found = found[int(key)] if isinstance(found, list) else found[key]
    return "\n".join(map(str, found)) if isinstance(found, list) else str(found)


def steps(path, folder):
    """The commands of a workflow, in order."""
    jobs = documents(path)[""]["jobs"]
    runs = [step for step in next(iter(jobs.values()))["steps"] if "run" in step]
    for number, step in enumerate(runs):
        with open(f"{folder}/{number}", "w", encoding="utf-8") as out:
            out.write(step["run"])
    return "\n".join(step.get("name", "?") for step in runs)


def lines_of(path):
    """A file's lines without comments; those that go on as one."""
    with open(path, encoding="utf-8") as text:
        joined = re.sub(r"\\\n\s*", "", "".join(line for line in text if not line.lstrip().startswith("#")))
    return [line for line in joined.splitlines() if line.strip()]


def cron(path):
    """The commands; settings of variables left out."""
    rows = [line.split(None, 5) for line in lines_of(path) if not re.match(r"[A-Z]+=", line)]
    for row in rows:
        if len(row) != 6 or not all(re.fullmatch(r"[\d*,/-]+", field) for field in row[:5]) or "%" in row[5]:
            sys.exit(f"no line of a crontab: {row}")
    return "\n".join(row[5] for row in rows)


def containerfile(path):
    """Each instruction with the number of its stage."""
    stage, rows = -1, []
    for line in lines_of(path):
        name, rest = line.split(None, 1)
        stage += name == "FROM"
        rows.append("\t".join((str(stage), name, " ".join(json.loads(rest)) if rest.startswith("[") else rest)))
    return "\n".join(rows)


def main():
    """The command line."""
    what, path, *rest = sys.argv[1:]
    if what == "pod":
        print("\n".join(pod_problems(path)))
    elif what == "unit":
        print("\n".join(line.split("=", 1)[1] for line in lines_of(path) if line.startswith(rest[0] + "=")))
    else:
        print({"part": part, "steps": steps, "cron": cron, "containerfile": containerfile}[what](path, *rest))


main()
