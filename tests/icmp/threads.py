# SPDX-License-Identifier: MIT
"""Three threads, a raw socket each, one identifier, three hosts: each thread finds its own answer.

    threads.py ADDRESS ADDRESS ADDRESS

The form of a home-made monitoring check: the header is taken from bytes 20 to 28, the buffer is 1,024 bytes, waiting is
by select, and an answer is told from another thread's by its source alone.
"""
import os
import select
import socket
import struct
import sys
import threading
import time

ROUNDS = 5
IDENTIFIER = os.getpid() & 0xFFFF
results = {}


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(sequence: int) -> bytes:
    """An echo request whose payload is the time it was sent, as many pingers have it."""
    payload = struct.pack("d", time.time()) + b"x" * 48
    head = struct.pack("!BBHHH", 8, 0, 0, IDENTIFIER, sequence)
    return struct.pack("!BBHHH", 8, 0, checksum(head + payload), IDENTIFIER, sequence) + payload


def wait_for_answer(raw: socket.socket, host: str, sequence: int) -> str:
    """What came from the host; every other packet is passed over."""
    end = time.monotonic() + 2
    while (left := end - time.monotonic()) > 0:
        if not select.select([raw], [], [], left)[0]:
            break
        data, (source, _) = raw.recvfrom(1024)
        kind, code, _, identifier, number = struct.unpack("!BBHHH", data[20:28])
        if source != host or kind != 0 or identifier != IDENTIFIER or number != sequence:
            continue
        version, _, length, _, _, ttl, protocol = struct.unpack("!BBHHHBB", data[:10])
        addresses = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        return f"{version:#x} length {length} of {len(data)} ttl {ttl} protocol {protocol} {addresses} code {code}"
    return "timeout"


def ping(host: str) -> None:
    """One thread: its own raw socket, several rounds."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        answers = []
        for sequence in range(ROUNDS):
            raw.sendto(echo(sequence), (host, 1))
            answers.append(wait_for_answer(raw, host, sequence))
        results[host] = answers


def main() -> None:
    """Pings all hosts at once and prints what each thread found."""
    threads = [threading.Thread(target=ping, args=(host,)) for host in sys.argv[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for host in sys.argv[1:]:
        for sequence, answer in enumerate(results.get(host, ["no answer at all"])):
            print(host, sequence, answer)


main()
