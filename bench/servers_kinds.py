# SPDX-License-Identifier: MIT
"""The servers that part_servers.py measures: how each is started, and the loads that are put on it.

Each kind has a name, the sort of its socket, what it `needs` of the system, command(), and two tables of functions by
load. Those of `loads` keep a port busy for so many seconds and return (requests that were served, seconds). Those of
`counted` make so many requests one after the other and return how many they were. `alone` are words that keep a server
in one process.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

CLIENTS = 16           # connections, or queries under way: enough to keep the server busy, few enough for its queue
TOO_LONG = 30          # seconds for a load generator to end
SHORTEST = 0.1         # seconds: wrk looks at its clock ten times a second
BODY = "<p>" + "a page of a usual small size. " * 20 + "</p>\n"


class Failed(Exception):
    """A load generator that did not do what it should."""


def output_of(process, stop_after):
    """What it printed, and its errors. It is told again and again: wrk sleeps on if SIGINT comes before its sleep."""
    end = time.monotonic() + TOO_LONG
    time.sleep(stop_after or 0)
    while True:
        if stop_after is not None:
            process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=TOO_LONG if stop_after is None else 0.5)
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise Failed(f"{process.args} does not end") from None


def generate(pin, words, stop_after=None):
    """Runs a load generator, bare; returns what it printed. stop_after: seconds until it is told to end by SIGINT."""
    with subprocess.Popen(pin + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}) as process:
        try:
            out, err = output_of(process, stop_after)
        finally:
            process.kill()
    if process.returncode != 0:
        raise Failed(f"{' '.join(words)} ended with {process.returncode}: {err.strip() or out.strip()}")
    return out


class Nginx:
    """A small file, over connections that are kept and over a new one for each request."""
    name = "nginx"
    sort = "tcp"
    needs = (("/usr/sbin/nginx", "nginx-light"), ("wrk", "wrk"))
    alone = ("-g", "master_process off;")

    def __init__(self, setup, pin):
        self.pin = pin
        self.loads = {"nginx, kept alive": self.kept, "nginx, reconnecting": self.new}
        self.counted = {"nginx, kept alive": self.kept_one_by_one, "nginx, reconnecting": self.new_one_by_one}
        self.root = os.path.join(setup.folder, "www")
        os.makedirs(self.root, exist_ok=True)
        with open(os.path.join(self.root, "index.html"), "w", encoding="ascii") as file:
            file.write(BODY)

    def command(self, folder, port):
        """The words that start it; its files are in `folder`. A worker under a master, as it is used to run."""
        temporary = "\n".join(f"    {word}_temp_path {folder}/{word};"
                              for word in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
                       "events { worker_connections 256; }\n"
                       f"http {{\n    access_log off;\n    sendfile on;\n    keepalive_requests 1000000;\n{temporary}\n"
                       f"    server {{ listen 127.0.0.1:{port} backlog=512; root {self.root}; }}\n}}\n")
        return [self.needs[0][0], "-c", os.path.join(folder, "nginx.conf"), "-e", os.path.join(folder, "error.log")]

    def kept(self, port, seconds):
        """wrk as it is."""
        return self.wrk(port, seconds, [])

    def new(self, port, seconds):
        """A connection for each request."""
        return self.wrk(port, seconds, ["-H", "Connection: close"])

    @staticmethod
    def fetch(client):
        """One request over an open connection."""
        client.sendall(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(BODY.encode("ascii")):
            part = client.recv(65536)
            if not part:
                raise Failed(f"nginx ended within {answer!r}")
            answer += part

    def kept_one_by_one(self, port, requests):
        """So many over one connection."""
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            for _ in range(requests):
                self.fetch(client)
        return requests

    def new_one_by_one(self, port, requests):
        """So many, a connection for each."""
        for _ in range(requests):
            self.kept_one_by_one(port, 1)
        return requests

    def wrk(self, port, seconds, more):
        """Its own shortest time is a second, so it is told to end before."""
        out = generate(self.pin, ["wrk", "-t", "1", "-c", str(CLIENTS), "-d", "60"] + more +
                       [f"http://127.0.0.1:{port}/index.html"], max(seconds, SHORTEST))
        if "Socket errors" in out or "Non-2xx" in out:
            raise Failed(out)
        words = out.split()
        requests = int(words[words.index("requests") - 1])
        rate = float(words[words.index("Requests/sec:") + 1])
        if requests == 0:
            raise Failed(out)
        return requests, requests / rate


class Redis:
    """GET and SET, one after the other and sixteen at a time on a connection."""
    name = "redis"
    sort = "tcp"
    needs = (("redis-benchmark", "redis-tools"),)
    alone = ()
    rate = {1: 20_000, 16: 100_000}  # requests a second as last seen: redis-benchmark is told a number, not a time

    def __init__(self, setup, pin):
        self.pin = pin
        self.loads = {"redis, one by one": lambda port, seconds: self.busy(port, seconds, 1),
                      "redis, pipelined": lambda port, seconds: self.busy(port, seconds, 16)}
        self.counted = {"redis, one by one": lambda port, requests: self.benchmark(port, requests, 1, 1)[0],
                        "redis, pipelined": lambda port, requests: self.benchmark(port, requests, 16, 1)[0]}
        self.server = shutil.which("redis-server")
        if self.server is None:
            # The same program under another name, from the package that starts no service: it looks at argv[0].
            self.server = os.path.join(setup.folder, "redis-server")
            if not os.path.lexists(self.server):
                os.symlink(shutil.which("redis-check-rdb") or "/usr/bin/redis-check-rdb", self.server)

    def command(self, folder, port):
        """Nothing is written to the disk, and little done besides."""
        return [self.server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", folder, "--daemonize", "no", "--hz", "1"]

    def benchmark(self, port, requests, pipeline, clients):
        """So many in all, one half SET, then the other half GET."""
        half = max(requests // 2 // pipeline, 1) * pipeline
        out = generate(self.pin, ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-t", "set,get", "--csv",
                                  "-n", str(half), "-c", str(clients), "-P", str(pipeline)])
        rates = [float(line.split(",")[1].strip('"')) for line in out.splitlines() if line[:5] in ('"SET"', '"GET"')]
        if len(rates) != 2:
            raise Failed(out)
        return 2 * half, sum(half / rate for rate in rates)

    def busy(self, port, seconds, pipeline):
        """So many as the last rate says."""
        requests, elapsed = self.benchmark(port, int(self.rate[pipeline] * seconds), pipeline, CLIENTS)
        self.rate[pipeline] = requests / elapsed
        return requests, elapsed


class Dnsmasq:
    """A record of its own, no server behind it: queries of one client, and of a thousand in turn."""
    name = "dnsmasq"
    sort = "udp"
    needs = (("/usr/sbin/dnsmasq", "dnsmasq-base"),)
    alone = ()

    def __init__(self, setup, pin):
        self.pin = pin
        self.flood = os.path.join(setup.programs, "dns_flood")
        self.loads = {"dnsmasq, one client": lambda port, seconds: self.ask(port, seconds, 1),
                      "dnsmasq, 1000 clients": lambda port, seconds: self.ask(port, seconds, 1000)}
        self.counted = {"dnsmasq, one client": lambda port, requests: self.ask_one_by_one(port, requests, 1),
                        "dnsmasq, 1000 clients": lambda port, requests: self.ask_one_by_one(port, requests, 1000)}

    def command(self, _folder, port):
        """The words that start it."""
        return [self.needs[0][0], "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                "--pid-file=", "--user=", "--group=", f"--port={port}", "--listen-address=127.0.0.1",
                "--bind-interfaces", "--address=/host.test/192.0.2.1"]

    def flooded(self, port, under_way, clients, seconds, more=()):
        """Queries that nobody answered make a measurement worthless."""
        out = generate(self.pin, [self.flood, *map(str, (port, under_way, clients, int(seconds * 1000), *more))])
        served, elapsed, lost = out.split()
        if int(lost) > 0 or int(served) == 0:
            raise Failed(f"{lost} queries stayed without an answer, {served} got one")
        return int(served), float(elapsed)

    def ask(self, port, seconds, clients):
        """Always as many under way."""
        return self.flooded(port, CLIENTS, clients, seconds)

    def ask_one_by_one(self, port, requests, clients):
        """One under way."""
        return self.flooded(port, 1, clients, 60, [requests])[0]


KINDS = (Nginx, Redis, Dnsmasq)
