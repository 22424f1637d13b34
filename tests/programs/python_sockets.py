# SPDX-License-Identifier: MIT
"""Outbound: connect, sendto, sendmsg, TCP Fast Open and bind, each refused and allowed, in each family."""

import errno
import select

from python_common import FAMILIES, UDP, check, client, outcome, server

MSG_FASTOPEN = 0x20000000
MPTCP = 262
FAST_OPEN = {
    "sendto": lambda s, to: s.sendto(b"early", MSG_FASTOPEN, to),
    "sendmsg": lambda s, to: s.sendmsg([b"early"], [], MSG_FASTOPEN, to),
}


def blocking(socket_, flag=True):
    socket_.setblocking(flag)
    return socket_


def nothing_waits(listener):
    return not select.select([listener], [], [], 0.05)[0]


def refused(f):
    with server(f, f.refused) as listener, server(f, f.refused, UDP) as receiver:
        to = (f.refused, listener.getsockname()[1])
        check(f"{f.kind} connect is refused", outcome(blocking(client(f)).connect, to), "EHOSTUNREACH")
        busy = blocking(client(f), False)
        check(f"{f.kind} non-blocking connect is refused at once", outcome(busy.connect, to), "EHOSTUNREACH")
        check(f"{f.kind} connect_ex is refused", client(f).connect_ex(to), errno.EHOSTUNREACH)
        again = client(f)
        check(f"{f.kind} each connect is refused", [outcome(again.connect, to) for _ in "123"], ["EHOSTUNREACH"] * 3)
        check(f"{f.kind} MPTCP connect is refused", outcome(lambda: client(f, proto=MPTCP).connect(to)),
              "EHOSTUNREACH", "EPROTONOSUPPORT", "ENOPROTOOPT")
        for name, send in FAST_OPEN.items():
            check(f"{f.kind} Fast Open by {name} is refused", outcome(send, client(f), to), "EHOSTUNREACH")
        check(f"{f.kind} no connection arrived", nothing_waits(listener), True)

        to = (f.refused, receiver.getsockname()[1])
        check(f"{f.kind} sendto is refused", outcome(client(f, UDP).sendto, b"x", to), "EHOSTUNREACH")
        check(f"{f.kind} sendmsg is refused", outcome(client(f, UDP).sendmsg, [b"x"], [], 0, to), "EHOSTUNREACH")
        check(f"{f.kind} connect of a datagram socket is refused", outcome(client(f, UDP).connect, to), "EHOSTUNREACH")
        check(f"{f.kind} no datagram arrived", nothing_waits(receiver), True)


def allowed(f):
    with server(f, f.allowed) as listener, server(f, f.allowed, UDP) as receiver:
        to = (f.allowed, listener.getsockname()[1])
        check(f"{f.kind} connect is allowed", outcome(client(f).connect, to), None)
        busy = blocking(client(f), False)
        check(f"{f.kind} non-blocking connect is allowed", outcome(busy.connect, to), "EINPROGRESS", None)
        for name, send in FAST_OPEN.items():
            check(f"{f.kind} Fast Open by {name} is allowed", outcome(send, blocking(client(f)), to), 5)
        to = (f.allowed, receiver.getsockname()[1])
        check(f"{f.kind} sendto is allowed", outcome(client(f, UDP).sendto, b"x", to), 1)
        check(f"{f.kind} sendto arrives", outcome(receiver.recv, 9), b"x")
        check(f"{f.kind} sendmsg is allowed", outcome(client(f, UDP).sendmsg, [b"yz"], [], 0, to), 2)
        check(f"{f.kind} sendmsg arrives", outcome(receiver.recv, 9), b"yz")
    check(f"{f.kind} bind to a refused port", outcome(client(f).bind, (f.allowed, 10000)), "EIO")
    check(f"{f.kind} bind to an allowed port", outcome(client(f).bind, (f.allowed, 10001)), None)


for each in FAMILIES:
    refused(each)
    allowed(each)
print("end")
