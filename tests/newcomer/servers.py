# SPDX-License-Identifier: MIT
"""The machines that README.md speaks of, all on loopback: servers.py FOLDER

A name server on 192.0.2.53 (UDP and TCP) that knows a handful of names, and a web server on each address of MACHINES,
port 80, which serves FOLDER. Prints "ready" once they all listen, and serves until it is killed.
"""
import functools
import http.server
import socket
import socketserver
import struct
import sys
import threading

RESOLVER = "192.0.2.53"
MACHINES = {
    "www.example.com": "192.0.2.10",
    "git.example.com": "192.0.2.20",
    "mirror.example.com": "198.51.100.7",
    "tracker.example.net": "203.0.113.66",
    "metadata.example.internal": "169.254.169.254",
}


def answer(question):
    """The reply to a question for one name: its address, no record where it has none of that kind, or NXDOMAIN."""
    name, place = [], 12
    while question[place]:
        name.append(question[place + 1:place + 1 + question[place]].decode("ascii", "replace").lower())
        place += 1 + question[place]
    kind, = struct.unpack(">H", question[place + 1:place + 3])
    address = MACHINES.get(".".join(name))
    records = b""
    if address and kind == 1:
        records = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(address)
    flags = 0x8580 if address else 0x8583
    return question[:2] + struct.pack(">HHHHH", flags, 1, bool(records), 0, 0) + question[12:place + 5] + records


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        question, replies = self.request
        replies.sendto(answer(question), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        question = self.rfile.read(struct.unpack(">H", self.rfile.read(2))[0])
        reply = answer(question)
        self.wfile.write(struct.pack(">H", len(reply)) + reply)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    pages = functools.partial(Quiet, directory=sys.argv[1])
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    servers = [
        socketserver.ThreadingUDPServer((RESOLVER, 53), Datagram),
        socketserver.ThreadingTCPServer((RESOLVER, 53), Stream),
    ]
    # http.server's own bind asks for the host's name, which nobody answers while the name server is not yet running.
    http.server.HTTPServer.server_bind = socketserver.TCPServer.server_bind
    servers += [http.server.ThreadingHTTPServer((address, 80), pages) for address in MACHINES.values()]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


main()
