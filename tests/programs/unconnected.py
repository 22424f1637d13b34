# SPDX-License-Identifier: MIT
"""A client on one unconnected datagram socket: asks each DNS server it is given, while a stranger sends it rubbish."""

import socket
import sys

QUESTION = b"\0\1\1\0\0\1\0\0\0\0\0\0\4name\4test\0\0\1\0\1"

for server in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.bind(("", 0))
    client.settimeout(3)

    # The stranger is this process too: what it sends *from* is what the client judges, and nobody ever sent there.
    with socket.socket(family, socket.SOCK_DGRAM) as stranger:
        stranger.bind((loopback, 0))
        stranger.sendto(b"rubbish", (loopback, client.getsockname()[1]))
    client.sendto(QUESTION, (server, 5300))
    data, source = client.recvfrom(512)
    print("answer from" if data[:2] == QUESTION[:2] else "rubbish from", source[0])
    client.close()
