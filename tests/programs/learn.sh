#!/bin/sh
# SPDX-License-Identifier: MIT
# sockade learn on real programs: git over http, an asyncio client, fping and a traceroute. The policy that it prints, used
# at once, lets the same run pass and refuses a different peer. Names come from a name server and a hosts file of the test's.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
plain_copies
add_addresses 192.0.2.1 192.0.2.2 192.0.2.53 192.0.2.66 2001:db8::1
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
cat >resolv.conf <<'END'
nameserver 192.0.2.53
END
echo 'hosts: files dns' >nsswitch.conf
printf '127.0.0.1 localhost\n2001:db8::1 six.test\n' >hosts
for file in resolv.conf nsswitch.conf hosts; do
    mount --bind $file /etc/$file || { skip 'files cannot be mounted over' learn.sh; done_testing; }
done
: >asked
chmod 666 asked
background "$PYTHON" "$TESTS/programs/name_server.py" "$SCRATCH/asked" 192.0.2.53=192.0.2.1
wait_for 10 listens 53 || echo '# no name server'
cd "$USER_HOME" || exit 1
learn() { capture as_user env TMPDIR="$USER_HOME" timeout 60 "$SOCKADE" learn "$@"; }
run() { capture as_user timeout 60 "$SOCKADE" run --policy "$@"; }

# learnt NAME CMD...: learns the run into NAME.conf, and runs it once more under that
learnt() {
    name=$1
    shift
    rm -rf "$name.conf" cloned
    learn --output "$name.conf" -- "$@"
    is "$STATUS" 0 "$name: the run passes while it is learnt from" || note err "$ERR"
    rm -rf cloned
    run "$PWD/$name.conf" -- "$@"
    is "$STATUS" 0 "$name: and under what was learnt" || { note err "$ERR"; note policy "$(cat "$name.conf")"; }
}

# git starts a helper that speaks http.
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_GLOBAL=/dev/null
if command -v git >/dev/null && [ -e "$(git --exec-path)/git-remote-http" ]; then
    as_user git init -q repository.git
    as_user git -C repository.git -c user.name=Test -c user.email=test@example.org commit -q --allow-empty -m first
    as_user git -C repository.git update-server-info
    background "$PYTHON" -m http.server --bind 0.0.0.0 --directory "$USER_HOME" 8000
    wait_for 10 listens 8000 || echo '# no http server'
    learnt git git clone -q http://git.test:8000/repository.git/.git cloned
    is "$(as_user git -C cloned log --format=%s)" first 'git: the clone is whole'
    like "$(cat git.conf)" '^  # git.test, .*by .*/git-remote-http, [0-9]+ calls?$' 'git: the name and the helper are told'
    like "$(cat git.conf)" 'to = "192.0.2.1"; proto = "tcp"; port = 8000;' 'git: the server'
    like "$(cat git.conf)" 'to = "192.0.2.53"; proto = \[ "tcp", "udp" \]; port = 53;' 'git: the name server'
    is "$(grep -c '{ action' git.conf)" 2 'git: and nothing more'
    for other in 192.0.2.2:8000 192.0.2.66:8000 127.0.0.1:8000; do
        run "$PWD/git.conf" -- git clone -q "http://$other/repository.git/.git" other
        like "$ERR" 'Permission denied|Failed to connect|Could.* connect' "git: $other is refused"
        [ ! -e other ]
        ok $? "git: nothing came from $other"
    done
    capture as_user "$SOCKADE" check --strict git.conf
    is "$STATUS" 0 'git: check has nothing to say of the policy' || note err "$ERR"
    stop_servers
    background "$PYTHON" "$TESTS/programs/name_server.py" "$SCRATCH/asked" 192.0.2.53=192.0.2.1
    wait_for 10 listens 53
else
    skip 'git without http (Debian: git)' 'git clone over http'
fi

# An asyncio client: streams by name, one by IPv6, and a datagram; it looks up in threads.
cat >server.py <<'END'
import asyncio
async def answer(reader, writer):
    writer.write(await reader.readline())
    writer.close()
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)
async def main():
    await asyncio.start_server(answer, ["0.0.0.0", "::"], 7001)
    for address in "192.0.2.1", "192.0.2.66":
        await asyncio.get_running_loop().create_datagram_endpoint(Echo, (address, 7002))
    await asyncio.Event().wait()
asyncio.run(main())
END
cat >client.py <<'END'
import asyncio, sys
class Asking(asyncio.DatagramProtocol):
    def __init__(self):
        self.answer = asyncio.get_running_loop().create_future()
    def datagram_received(self, data, peer):
        self.answer.set_result(data)
async def stream(name):
    reader, writer = await asyncio.open_connection(name, 7001)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
async def main(datagrams, *names):
    await asyncio.gather(*map(stream, names))
    transport, asking = await asyncio.get_running_loop().create_datagram_endpoint(Asking, remote_addr=(datagrams, 7002))
    transport.sendto(b"hello")
    assert await asyncio.wait_for(asking.answer, 5) == b"hello"
asyncio.run(main(*sys.argv[1:]))
END
background "$PYTHON" server.py
wait_for 10 listens_udp 7002 || echo '# no server'
learnt asyncio "$PYTHON" client.py four.test four.test six.test
like "$(cat asyncio.conf)" '^      "2001:db8::1"  # six.test$' 'asyncio: the name of the address'
like "$(cat asyncio.conf)" '"192.0.2.1",  # four.test$' 'asyncio: the other one'
like "$(cat asyncio.conf)" 'to = "192.0.2.1"; proto = "udp"; port = 7002;' 'asyncio: datagrams'
unlike "$(cat asyncio.conf)" '^  \{.* (from|on) = ' 'asyncio: a client needs nothing inbound'
for other in '192.0.2.66 four.test' 'four.test 192.0.2.66' 'four.test ::1' 'four.test 127.0.0.1'; do
    # shellcheck disable=SC2086 # two words
    run "$PWD/asyncio.conf" -- "$PYTHON" client.py $other
    like "$ERR" 'Permission denied|PermissionError|Errno 13' "asyncio: '$other' is refused"
done
stop_servers

# A server learns who comes to it.
learn --output server.conf -- timeout -s INT 3 sh -c "'$PYTHON' server.py & sleep 1; '$PYTHON' client.py 192.0.2.1 127.0.0.1; kill \$!" 2>&1
like "$(cat server.conf)" 'from = "127.0.0.1"; proto = "tcp"; port = 7001;' 'a server: its client'
like "$(cat server.conf)" 'on = "any"; proto = "tcp"; port = 7001;' 'a server: where it listens'
run "$PWD/server.conf" -- sh -c "'$PYTHON' server.py & sleep 1; '$PYTHON' client.py 192.0.2.1 127.0.0.1; result=\$?; kill \$!; exit \$result"
is "$STATUS" 0 'a server and its client run under what was learnt' || note err "$ERR"

# Raw ICMP sockets.
if ! laboratory; then
    skip 'no laboratory' 'fping'
elif command -v fping >/dev/null; then
    learnt fping fping -q -r 0 10.3.0.1 10.3.0.2
    like "$(cat fping.conf)" 'proto = "icmp"; to = \[' 'fping: echoes are rules of icmp'
    run "$PWD/fping.conf" -- fping -r 0 10.3.0.1 10.3.0.3
    like "$OUT" '^10.3.0.1 is alive' 'fping: who was learnt answers'
    like "$OUT" '^10.3.0.3 is unreachable' 'fping: another target is refused'
    learnt fping-net fping -q -r 0 10.3.0.1 10.3.0.2 10.3.0.3 10.3.0.4
    like "$(cat fping-net.conf)" 'to = "10.3.0.0/29"; proto = "icmp"' 'fping: four targets are a net'
    run "$PWD/fping-net.conf" -- fping -r 0 10.3.0.5 10.3.0.9
    like "$OUT" '^10.3.0.5 is alive' 'fping: which holds others'
    like "$OUT" '^10.3.0.9 is unreachable' 'fping: and ends'
    learnt fping6 fping -6 -q -r 0 fd00:3::1
    run "$PWD/fping6.conf" -- fping -6 -r 0 fd00:3::2
    like "$OUT" '^fd00:3::2 is unreachable' 'fping -6: another target is refused'
else
    skip 'fping is not installed (Debian: fping)' 'fping'
fi
if [ -e "$LABORATORY" ] && command -v busybox >/dev/null; then
    learnt traceroute busybox traceroute -n -q 1 -w 1 -I 10.3.0.1
    like "$OUT" '^ 2  10\.' 'traceroute: routers are seen under what was learnt'
    like "$OUT" '^ 3  10.3.0.1' 'traceroute: and the target'
    like "$(cat traceroute.conf)" 'proto = "icmp"; from = \[' 'traceroute: those whose errors came are named'
    run "$PWD/traceroute.conf" -- busybox traceroute -n -q 1 -w 1 -I 10.3.0.2
    like "$OUT$ERR" 'ermission denied|ot permitted' 'traceroute: another target is refused'
fi
done_testing
