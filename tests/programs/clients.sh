#!/bin/sh
# SPDX-License-Identifier: MIT
# Clients that stand in libc itself: rcmd, rexec and rresvport, against a server that speaks their protocol; Sun RPC, as old
# programs have it from libc, and as newer ones have it from libtirpc.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper clients
add_addresses 198.51.100.80
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
printf '127.0.0.1 localhost\n198.51.100.80 shell.test\n198.51.100.80 two.test\n203.0.113.9 two.test\n' >hosts
mount --bind hosts /etc/hosts || { skip 'files cannot be mounted over' clients.sh; done_testing; }
: >served
chmod 666 served
background "$PYTHON" "$TESTS/programs/remote_shell.py" 198.51.100.80 "$SCRATCH/served"
wait_for 10 listens 514 && wait_for 10 listens 512 || echo '# no server'

policy() { # policy NAME TEXT
    echo "version = 1; log = { to = \"file:$USER_HOME/$1.jsonl\"; what = \"denied\"; }; $2" >"$1.conf"
}
policy allowed 'deny_to = [ "203.0.113.0/24" ]; deny_on = [ "any:9" ]; deny_from = [ "203.0.113.0/24" ];'
policy host 'deny_to = [ "198.51.100.80:514", "198.51.100.80:512/tcp" ];'
policy ports 'deny_on = [ "any:1000-1023" ];'
policy back 'deny_from = [ "198.51.100.80" ];'

# Before any connection is there to keep a port.
bare ./clients ports >bound
like "$(cat bound)" '^rresvport: 1023$' 'ports are bound without the object'
is "$(shimmed "$SCRATCH/allowed.conf" ./clients ports)" "$(cat bound)" 'and with it, where they are allowed'
like "$(shimmed "$SCRATCH/ports.conf" ./clients ports)" '^rresvport: 999$' 'those that are refused are passed over'

bare ./clients shell.test >without
like "$(cat without)" '^rcmd_af shell.test: .*errors end with 0$' 'the server serves without the object'
is "$(shimmed "$SCRATCH/allowed.conf" ./clients shell.test)" "$(cat without)" 'and with it, where that is allowed'

: >served
shimmed "$SCRATCH/host.conf" ./clients shell.test >refused
is "$(grep -c '^r[a-z]*\(_af\)*: Permission denied$' refused)" 4 'a refused host is not reached' || note said "$(cat refused)"
is "$(cat served)" '' 'and hears nothing'
like "$(cat "$USER_HOME/host.jsonl")" '"op":"rcmd","dst":"198.51.100.80","port":514,"proto":"tcp","verdict":"deny"' 'an event tells'
: >served
like "$(shimmed "$SCRATCH/allowed.conf" ./clients two.test)" '^rexec: Permission denied$' 'one refused address of a host is enough'
is "$(cat served)" '' 'and the other one hears nothing'

like "$(shimmed "$SCRATCH/back.conf" ./clients shell.test)" '^rcmd_af: Permission denied$' 'the connection back is judged'

# Sun RPC. Which versions libc has differs between machines.
stop_servers
if [ "$(uname -m)" != x86_64 ] || sanitized || counted; then
    skip 'the old versions are those of x86-64, and not in an object with a sanitizer or counters' 'Sun RPC'
    done_testing
fi
background "$PYTHON" "$TESTS/programs/port_mapper.py" 198.51.100.80 "$SCRATCH/served"
wait_for 10 listens 111 && wait_for 10 listens 8111 || echo '# no port mapper'
policy service 'deny_to = [ "198.51.100.80:8111" ];'
policy mapper 'deny_to = [ "198.51.100.80:111" ];'
policy listen 'default = { listen = "deny"; };'

rpc() { # rpc NAME WORDS...: tests the program of this name
    name=$1
    bare "./$name" 198.51.100.80 >without
    is "$(grep -v host: without)" "$(printf '%s\n' 'tcp: made' 'udp: made' 'mapped: 8111' 'tcp, mapped: made, port 8111' 'server: made')" \
        "$name: all is made without the object"
    is "$(shimmed "$SCRATCH/allowed.conf" "./$name" 198.51.100.80)" "$(cat without)" "$name: and with it, where that is allowed"
    : >served
    shimmed "$SCRATCH/service.conf" "./$name" 198.51.100.80 >refused
    like "$(cat refused)" '^tcp: refused$' "$name: a service that is refused"
    like "$(cat refused)" '^tcp, mapped: refused' "$name: also by the port that the mapper tells"
    like "$(cat refused)" '^host: refused$' "$name: and by the host's name"
    unlike "$(cat served)" 8111 "$name: it hears nothing"
    : >served
    like "$(shimmed "$SCRATCH/mapper.conf" "./$name" 198.51.100.80)" '^mapped: 0$' "$name: a mapper that is refused"
    unlike "$(cat served)" '^111$' "$name: hears nothing"
    like "$(shimmed "$SCRATCH/listen.conf" "./$name" 198.51.100.80)" '^server: refused$' "$name: a server where none may be"
}
cc_old() { # cc_old OUTPUT WORDS...
    output=$1
    shift
    ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -o "$output" "$TESTS/programs/old_rpc.c" "$@"
}
cc_old old_rpc || { ok 1 'old_rpc.c compiles'; done_testing; }
rpc old_rpc
like "$(cat "$USER_HOME/service.jsonl")" '"op":"clnttcp_create","dst":"198.51.100.80","port":8111,"proto":"tcp","verdict":"deny"' \
    'an event tells of a client that was refused'
if cc_old new_rpc -DTIRPC -ltirpc 2>/dev/null; then
    rpc new_rpc
else
    skip 'no libtirpc to be had (Debian: libtirpc-dev)' 'Sun RPC by libtirpc'
fi
done_testing
