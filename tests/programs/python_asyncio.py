# SPDX-License-Identifier: MIT
"""An event loop's way through the same policy: asyncio streams and datagrams, on epoll, in both families."""

import asyncio
import errno
import socket

from python_common import FAMILIES, UDP, check


async def outcome(waited):
    """What it gives: its result, or the name of its errno."""
    try:
        return await asyncio.wait_for(waited, 2)
    except asyncio.TimeoutError:
        return "timed out"
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))


async def echo(reader, writer):
    writer.write(await reader.read(99))
    await writer.drain()
    writer.close()


async def ask(host, port, source=None):
    reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0) if source else None)
    writer.write(b"hello")
    answer = await reader.read(99)
    writer.close()
    return answer


class Collector(asyncio.DatagramProtocol):
    def __init__(self):
        self.seen = []
        self.lost = []

    def datagram_received(self, data, addr):
        self.seen.append(data)

    def error_received(self, exc):
        self.lost.append(exc)


async def family(f):
    listener = await asyncio.start_server(echo, f.here, 0)
    elsewhere = await asyncio.start_server(echo, f.refused, 0)
    port, refused_port = (each.sockets[0].getsockname()[1] for each in (listener, elsewhere))
    check(f"{f.kind} asyncio connection refused", await outcome(ask(f.refused, refused_port)), "EHOSTUNREACH")
    check(f"{f.kind} asyncio connection allowed", await outcome(ask(f.here, port)), b"hello")

    # Many at once, every second one from a refused peer, on a server that nobody may stop.
    sources = [f.refused_peer if i % 2 else f.allowed for i in range(20)]
    answers = await asyncio.gather(*(outcome(ask(f.here, port, source)) for source in sources))
    check(f"{f.kind} asyncio server answers its allowed peers", answers[0::2], [b"hello"] * 10)
    check(f"{f.kind} asyncio server resets the refused ones", set(answers[1::2]) - {"ECONNRESET", "EPIPE"}, set())
    listener.close()
    elsewhere.close()

    loop = asyncio.get_running_loop()
    transport, inbox = await loop.create_datagram_endpoint(Collector, local_addr=(f.here, 0))
    to = transport.get_extra_info("sockname")[:2]
    for source, data in ((f.refused_peer, b"bad"), (f.allowed, b"good"), (f.refused_peer, b"bad")):
        with socket.socket(f.family, UDP) as sender:
            sender.bind((source, 0))
            sender.sendto(data, to)
    await asyncio.sleep(0.1)
    check(f"{f.kind} asyncio receives the allowed datagram only", (inbox.seen, inbox.lost), ([b"good"], []))

    out, outbox = await loop.create_datagram_endpoint(Collector, family=f.family)
    out.sendto(b"late", (f.refused, to[1]))
    out.sendto(b"later", to)
    await asyncio.sleep(0.1)
    check(f"{f.kind} asyncio reports a refused sendto", [e.errno for e in outbox.lost], [errno.EHOSTUNREACH])
    check(f"{f.kind} asyncio sends the next one", inbox.seen[-1:], [b"later"])
    out.close()
    transport.close()


for each in FAMILIES[:2]:  # asyncio binds IPv6 sockets to IPv6 alone
    asyncio.run(family(each))
print("end")
