# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# Python's asyncio: servers and clients of streams, datagrams and Unix sockets, TLS where a certificate can be made,
# subprocesses, names, and a peer that goes away.
program="Python's asyncio"
needs='/usr/bin/python3:python3'
quick=yes
version() { "$PYTHON" --version; }
setup() {
    cat >both.py <<'END_OF_FILE'
import asyncio, socket, sys

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()

async def talk(*where, **how):
    reader, writer = await (asyncio.open_unix_connection if where[0] == "socket" else asyncio.open_connection)(*where, **how)
    writer.write(b"hello\n" + b"x" * 50000 + b"\n")
    first, second = await reader.readline(), await reader.readline()
    writer.close()
    await writer.wait_closed()
    return first, len(second)

class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, address):
        self.transport.sendto(data[::-1], address)

class Asker(asyncio.DatagramProtocol):
    def __init__(self, heard):
        self.heard = heard
    def datagram_received(self, data, address):
        if not self.heard.done():
            self.heard.set_result((data, address[:2]))
    def error_received(self, error):
        if not self.heard.done():
            self.heard.set_result(error)

async def ask(host, port):
    loop = asyncio.get_running_loop()
    heard = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: Asker(heard), remote_addr=(host, port))
    transport.sendto(b"question")
    try:
        return await asyncio.wait_for(heard, 5)
    finally:
        transport.close()

async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(serve, ["127.0.0.1", "::1"], 8888, limit=1 << 17)
    local = await asyncio.start_unix_server(serve, "socket", limit=1 << 17)
    await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 8889))
    print("stream", await talk("127.0.0.1", 8888, limit=1 << 17))
    print("stream6", await talk("::1", 8888, limit=1 << 17), await talk("localhost", 8888, limit=1 << 17, happy_eyeballs_delay=0.2))
    print("unix", await talk("socket", limit=1 << 17))
    print("many", set(await asyncio.gather(*(talk("127.0.0.1", 8888, limit=1 << 17) for _ in range(50)))))
    print("datagram", await ask("127.0.0.1", 8889))
    print("nobody", repr(await ask("127.0.0.1", 8890)))
    for place in ("127.0.0.1", 8891), ("nowhere.invalid", 1):
        try:
            await talk(*place)
        except OSError as error:
            print(place, type(error).__name__, error.errno)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(input()[::-1])", stdin=-1, stdout=-1)
    print("child", await child.communicate(b"abc\n"), child.returncode)
    names = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    print("names", names)
    server.close()
    local.close()

asyncio.run(main())
END_OF_FILE
}
run() { "$PYTHON" both.py; }
shows="^many .*HELLO.*50001"
refusing='deny_to = [ "127.0.0.1:8888/tcp" ];'
refused_status=1
refused_shows="^PermissionError: \[Errno 13\] Permission denied"
