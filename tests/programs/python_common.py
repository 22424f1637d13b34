# SPDX-License-Identifier: MIT
"""What the Python socket tests share. The policy is in python_sockets.sh: it refuses addresses that end in 66 as peers
in either direction, so one process can play both sides, as a client that is bound to such an address."""

import errno
import socket
from contextlib import contextmanager
from types import SimpleNamespace

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM

# The same four roles in each family; the last is IPv4 through IPv6 sockets.
FAMILIES = [
    SimpleNamespace(kind=kind, family=family, here=here, allowed=allowed, refused=refused, refused_peer=refused_peer)
    for kind, family, here, allowed, refused, refused_peer in (
        ("IPv4:", socket.AF_INET, "127.0.0.1", "192.0.2.1", "192.0.2.66", "198.51.100.66"),
        ("IPv6:", socket.AF_INET6, "::1", "2001:db8::1", "2001:db8::66", "2001:db8:1::66"),
        ("v4-mapped:", socket.AF_INET6, "::ffff:127.0.0.1", "::ffff:192.0.2.1", "::ffff:192.0.2.66",
         "::ffff:198.51.100.66"),
    )
]


def check(name, got, *wanted):
    """One TAP line without its number, which python_sockets.sh gives it."""
    right = got in wanted
    print("ok" if right else "not ok", "-", name, "" if right else f"(got {got!r}, want {wanted!r})", flush=True)


def outcome(call, *args):
    """What a call gives: its result, or the name of its errno."""
    try:
        return call(*args)
    except OSError as error:
        return "timed out" if error.errno is None else errno.errorcode[error.errno]


@contextmanager
def server(f, address, kind=TCP, port=0):
    """A socket that is bound to `address`, and listens."""
    with socket.socket(f.family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if kind == TCP:
            listener.listen(32)
        listener.settimeout(2)
        yield listener


def client(f, kind=TCP, source=None, proto=0):
    """A socket that is bound to `source`."""
    new = socket.socket(f.family, kind, proto)
    new.settimeout(2)
    if source:
        new.bind((source, 0))
    return new
