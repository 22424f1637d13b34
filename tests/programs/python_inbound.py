# SPDX-License-Identifier: MIT
"""Inbound: accept and every way to receive a datagram, blocking, with a time limit, and behind each kind of wait."""

import os
import select
import selectors

from python_common import FAMILIES, UDP, check, client, outcome, server

RECEIVE = {
    "recvfrom": lambda s: s.recvfrom(99)[0],
    "recv": lambda s: s.recv(99),
    "recv_into": lambda s: (lambda room: bytes(room[: s.recv_into(room)]))(bytearray(99)),
    "recvmsg": lambda s: s.recvmsg(99)[0],
    "read": lambda s: os.read(s.fileno(), 99),
}


def streams(f):
    for name, limit in (("blocking", None), ("with a time limit", 2)):
        with server(f, f.here) as listener:
            listener.settimeout(limit)
            to = listener.getsockname()[:2]
            refused, allowed = client(f, source=f.refused_peer), client(f, source=f.allowed)
            refused.connect(to)
            allowed.connect(to)
            peer = listener.accept()[1]
            check(f"{f.kind} accept, {name}, passes over a refused peer", peer[0], f.allowed)
            check(f"{f.kind} accept, {name}: the refused peer is reset",
                  outcome(refused.recv, 9), "ECONNRESET")
            listener.setblocking(False)
            client(f, source=f.refused_peer).connect(to)
            check(f"{f.kind} accept, {name}, then only a refused peer: EAGAIN",
                  outcome(listener.accept), "EAGAIN")

    with server(f, f.here, port=8085) as listener:  # the rule for this port names an errno
        refused = client(f, source=f.refused_peer)
        refused.connect((f.here, 8085))
        check(f"{f.kind} accept fails with the rule's errno", outcome(listener.accept), "EIO")
        listener.setblocking(False)
        check(f"{f.kind} accept fails so once a refused peer", outcome(listener.accept), "EAGAIN")


def edge_triggered(f):
    """Of one event for five peers all must be dealt with, for there will be no second one."""
    with server(f, f.here) as listener, select.epoll() as poller:
        listener.setblocking(False)
        poller.register(listener, select.EPOLLIN | select.EPOLLET)
        sources = (f.refused_peer, f.refused_peer, f.allowed, f.refused_peer, f.allowed)
        clients = [client(f, source=source) for source in sources]
        for one in clients:
            one.connect(listener.getsockname()[:2])
        poller.poll(1)
        served = []
        while not isinstance(got := outcome(listener.accept), str):
            served.append(got[1][0])
        check(f"{f.kind} edge-triggered: each allowed peer is accepted", served, [f.allowed] * 2)


def level_triggered(f):
    """A blocking accept behind a wait that said readable must not hang; one event a peer, and then silence."""
    for wait in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
        with server(f, f.here) as listener, wait() as selector:
            listener.setblocking(True)
            selector.register(listener, selectors.EVENT_READ)
            refused = client(f, source=f.refused_peer)
            refused.connect(listener.getsockname()[:2])
            selector.select(1)
            check(f"{f.kind} {wait.__name__}: accept of a refused peer does not hang",
                  outcome(listener.accept), "ECONNABORTED")
            check(f"{f.kind} {wait.__name__}: it is quiet afterwards", selector.select(0.05), [])
            client(f, source=f.allowed).connect(listener.getsockname()[:2])
            selector.select(1)
            accepted = isinstance(outcome(listener.accept), tuple)
            check(f"{f.kind} {wait.__name__}: the next peer is accepted", accepted, True)


def datagrams(f):
    for name, call in RECEIVE.items():
        with server(f, f.here, UDP) as receiver:
            to = receiver.getsockname()[:2]
            refused, allowed = client(f, UDP, f.refused_peer), client(f, UDP, f.allowed)
            receiver.setblocking(False)
            refused.sendto(b"bad", to)
            check(f"{f.kind} {name}: a refused datagram is discarded", outcome(call, receiver), "EAGAIN")
            refused.sendto(b"bad", to)
            allowed.sendto(b"good", to)
            receiver.setblocking(True)
            check(f"{f.kind} {name}: a blocking call gets the next allowed one",
                  outcome(call, receiver), b"good")
            refused.sendto(b"bad", to)
            select.select([receiver], [], [], 1)
            check(f"{f.kind} {name}: behind select it does not block", outcome(call, receiver), "EAGAIN")
            if name != "read":  # os.read knows nothing of Python's own time limit
                receiver.settimeout(0.2)
                refused.sendto(b"bad", to)
                check(f"{f.kind} {name}: a time limit holds", outcome(call, receiver), "timed out")


for each in FAMILIES:
    for part in (streams, edge_triggered, level_triggered, datagrams):
        part(each)
print("end")
