# SPDX-License-Identifier: MIT
"""A router that labels packets (MPLS) and the host behind it, played at one end of a pair of virtual devices.

    label_router.py DEVICE

Linux forwards MPLS but says nothing when a labelled packet's time is exceeded, and many kernels have no MPLS at all. So
10.77.0.254 and fd00:77::254 answer a TTL of 1 with time exceeded and RFC 4884 extensions that hold RFC 4950 labels, and
10.77.0.1 and fd00:77::1 answer echoes and UDP, and ignore TCP: what finds them has done so by ICMP.
"""
import ipaddress
import socket
import struct
import sys

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD
OUTGOING = 4  # of packet(7)
LABELS = ((16001, 5, 0, 1), (299792, 0, 1, 7))  # label, traffic class, bottom of stack, TTL
ICMP, UDP, ICMP6 = 1, 17, 58


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def extension() -> bytes:
    """RFC 4884 section 7, RFC 4950 section 3."""
    stack = b"".join(struct.pack("!I", n << 12 | c << 9 | s << 8 | t) for n, c, s, t in LABELS)
    body = struct.pack("!HBB", 4 + len(stack), 1, 1) + stack
    head = struct.pack("!BBH", 2 << 4, 0, 0)
    return struct.pack("!BBH", 2 << 4, 0, checksum(head + body)) + body


class Family:
    """What differs between IPv4 and IPv6."""

    def __init__(self, version: int):
        self.six = version == 6
        self.router = ipaddress.ip_address("fd00:77::254" if self.six else "10.77.0.254").packed
        self.host = ipaddress.ip_address("fd00:77::1" if self.six else "10.77.0.1").packed
        self.exceeded, self.unreachable, self.port = (3, 1, 4) if self.six else (11, 3, 3)
        self.echo, self.reply = (128, 129) if self.six else (8, 0)

    def parse(self, packet: bytes):
        """Time to live, protocol, source, destination and payload."""
        if self.six:
            return packet[7], packet[6], packet[8:24], packet[24:40], packet[40:]
        return packet[8], packet[9], packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4:]

    def wrap(self, source: bytes, destination: bytes, message: bytes) -> bytes:
        """An ICMP message with its checksum, inside an IP packet."""
        if self.six:
            pseudo = source + destination + struct.pack("!II", len(message), ICMP6)
            message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
            return struct.pack("!IHBB", 6 << 28, len(message), ICMP6, 64) + source + destination + message
        message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 64, ICMP, 0) + source + destination
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + message

    def labelled(self, packet: bytes) -> bytes:
        """Time exceeded with 128 bytes quoted and the extension; the length is in words of 4 bytes, in ICMPv6 of 8."""
        quoted = packet[:128].ljust(128, b"\0")
        length = struct.pack("!BBH", 16, 0, 0) if self.six else struct.pack("!BBH", 0, 32, 0)
        return struct.pack("!BBH", self.exceeded, 0, 0) + length + quoted + extension()

    def answer(self, packet: bytes) -> bytes | None:
        """What comes back for a packet, if anything."""
        ttl, protocol, source, destination, payload = self.parse(packet)
        if ttl <= 1:
            return self.wrap(self.router, source, self.labelled(packet))
        if destination != self.host or len(payload) < 8:
            return None
        if protocol in (ICMP, ICMP6) and payload[0] == self.echo:
            return self.wrap(self.host, source, bytes([self.reply, 0, 0, 0]) + payload[4:])
        if protocol == UDP:
            return self.wrap(self.host, source, struct.pack("!BBHI", self.unreachable, self.port, 0, 0) + packet[:528])
        return None


def main() -> None:
    """Answers packet by packet until it is killed."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((sys.argv[1], ETH_P_ALL))
    families = {ETH_P_IP: Family(4), ETH_P_IPV6: Family(6)}
    while True:
        frame, (_, protocol, kind, _, _) = wire.recvfrom(65536)
        if kind == OUTGOING or protocol not in families:
            continue
        answer = families[protocol].answer(frame[14:])
        if answer:
            wire.send(frame[6:12] + frame[:6] + frame[12:14] + answer)


main()
