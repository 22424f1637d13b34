# SPDX-License-Identifier: MIT
"""A server that runs for part_servers.py: as an ordinary user, pinned, on a port of its own, bare or preloaded."""
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from servers_kinds import Failed

ORDINARY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
            "--no-new-privs", "--"]
WAIT = 30  # seconds for a server to start or to end
NO_SERVICES = "/usr/sbin/policy-rc.d"  # Debian asks it before a package starts what it installs


@contextlib.contextmanager
def services_stay_off():
    """While packages are installed nothing is started by them: the machine is here to be measured."""
    if os.geteuid() != 0 or os.path.exists(NO_SERVICES) or shutil.which("dpkg") is None:
        yield
        return
    with open(NO_SERVICES, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(NO_SERVICES, 0o755)
    try:
        yield
    finally:
        os.unlink(NO_SERVICES)


def processors():
    """Words that bind the server, and the load generator, to a processor; none where there is but one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2 or shutil.which("taskset") is None:
        return [], []
    return ["taskset", "-c", str(allowed[0])], ["taskset", "-c", str(allowed[-1])]


def free_port():
    """A port that nobody has on 127.0.0.1, of TCP nor UDP, below those that the kernel gives to clients."""
    while True:
        port = random.randrange(10_000, 32_000)
        try:
            for sort in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, sort) as one:
                    one.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def is_bound(sort, port):
    """Whether somebody listens there (state 0A), or has bound it (07)."""
    with open(f"/proc/net/{sort}", encoding="ascii") as file:
        return any(f":{port:04X} 00000000:0000 {'0A' if sort == 'tcp' else '07'}" in line for line in file)


class Server:
    """One running server of one variant. `outside` is a tracer in front of all; `inside` one that becomes the server
    itself, and knows of no child processes."""

    def __init__(self, kind, world, variant, outside=(), inside=()):
        name, policy, preloaded = variant
        self.kind, self.name = kind, name
        self.port = free_port()
        self.folder = world.folder_for(f"{kind.name}-{self.port}")
        self.traced = bool(outside)
        self.environment = world.environment(policy, preloaded)
        settings = [f"{key}={value}" for key, value in {**self.environment, "HOME": self.folder}.items()]
        # The environment is the server's alone: neither taskset nor setpriv nor strace shall be preloaded.
        words = [*world.server_pin, *world.ordinary, *outside, "env", "-i", *settings, *inside,
                 *kind.command(self.folder, self.port), *(kind.alone if inside else ())]
        words = [word.replace("FOLDER", self.folder) for word in words]
        with open(os.path.join(self.folder, "said"), "w", encoding="ascii") as said:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def wait(self):
        """Until it serves."""
        end = time.monotonic() + WAIT
        while not is_bound(self.kind.sort, self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.kind.name} ({self.name}) does not start: {self.said()}")
            time.sleep(0.005)

    def check(self):
        """The object and the image are in the memory of each of its processes, or are not, as the variant says."""
        image = self.environment.get("SOCKADE_POLICY", "")
        for pid in self.pids():
            with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
                maps = file.read()
            if ("libsockade.so" in maps) != ("LD_PRELOAD" in self.environment) or image not in maps:
                raise Failed(f"{self.kind.name} ({self.name}) has not loaded what it should: {self.said()}")

    def said(self):
        """What it complains of."""
        text = ""
        for name in ("said", "error.log"):
            try:
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    text += file.read()
            except OSError:
                pass
        return " ".join(text.split())[-300:] or "it says nothing"

    def pids(self):
        """Its own and its children's; a tracer is none of them."""
        found = [self.process.pid]
        for pid in found:
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    found += [int(word) for word in file.read().split()]
            except OSError:  # a kernel without CONFIG_PROC_CHILDREN
                pass
        return found[1:] if self.traced else found

    def busy(self):
        """Seconds of processor time that it has used so far, or None where the kernel does not tell."""
        total = 0
        try:
            for pid in self.pids():
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                        total += int(file.read().split()[0])
        except OSError:
            return None
        return total / 1e9

    def end(self):
        """Ends it and its children; a tracer ends with it."""
        try:
            os.kill(self.pids()[0], signal.SIGTERM)
            self.process.wait(WAIT)
        except (IndexError, ProcessLookupError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class World:
    """What all servers share: who they are, where they may write, what is preloaded."""

    def __init__(self, setup):
        self.setup = setup
        self.server_pin, self.client_pin = processors()
        self.ordinary = ORDINARY if os.geteuid() == 0 else []
        # Where the ordinary user can read it, wherever it was built.
        self.shim_object = os.path.join(setup.folder, "libsockade.so")
        shutil.copy(setup.shim_object, self.shim_object)
        os.chmod(self.shim_object, 0o755)

    def folder_for(self, name):
        """A folder that the servers may write to."""
        path = os.path.join(self.setup.folder, name)
        os.makedirs(path, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        return path

    def environment(self, policy, preloaded):
        """The server's, all of it."""
        values = self.setup.environment(policy, preloaded)
        if preloaded:
            values["LD_PRELOAD"] = self.shim_object
        return values

    def start(self, kind, variants, outside=(), inside=()):
        """A server for each variant, ready to serve."""
        servers = []
        try:
            for variant in variants:
                servers.append(Server(kind, self, variant, outside, inside))
            for server in servers:
                server.wait()
            for server in servers:
                server.check()
        except BaseException:
            end_all(servers)
            raise
        return servers


def end_all(servers):
    """Ends all of them."""
    for server in servers:
        server.end()
