# SPDX-License-Identifier: MIT
"""The least of all pings, for a machine that has none to show: demo_ping.py ADDRESS. `up` brings the loopback device up."""
import fcntl
import os
import socket
import struct
import sys
import time

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(identifier: int, sequence: int) -> bytes:
    """An echo request."""
    data = b"Sockade " * 7
    head = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", 8, 0, checksum(head + data), identifier, sequence) + data


def ping(host: str) -> bool:
    """Sends two requests by a raw socket and tells what came back."""
    identifier = os.getpid() & 0xFFFF
    found = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(1)
        for sequence in range(2):
            begun = time.monotonic()
            raw.sendto(echo(identifier, sequence), (host, 0))
            while time.monotonic() - begun < 1:
                packet, (source, _) = raw.recvfrom(2048)
                if packet[20] == 0 and struct.unpack("!HH", packet[24:28]) == (identifier, sequence):
                    spent = 1000 * (time.monotonic() - begun)
                    print(f"{len(packet) - 20} bytes from {source}: seq={sequence} ttl={packet[8]} time={spent:.3f} ms")
                    found += 1
                    break
    return found == 2


def main() -> None:
    """See above."""
    if sys.argv[1:] == ["up"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        return
    try:
        sys.exit(0 if ping(sys.argv[1]) else 1)
    except OSError as error:
        sys.exit(f"ping.py: {error}")


main()
