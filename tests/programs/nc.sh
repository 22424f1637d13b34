#!/bin/sh
# SPDX-License-Identifier: MIT
# OpenBSD's netcat, a client and a listener on blocking sockets and poll.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need nc netcat-openbsd
nc -h 2>&1 | grep -q OpenBSD || { skip 'nc is not the OpenBSD one' nc.sh; done_testing; }
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 2001:db8::1 2001:db8:66::1
cat >policy.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = [ "192.0.2.66", "2001:db8:66::/48" ]; errno = "ENETUNREACH"; },
  { action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; },
  { action = "deny"; on = "any"; port = 10000; errno = "EIO"; }
);
END

# The client.
http_server :: 8080
for address in 192.0.2.66 2001:db8:66::1; do
    capture shimmed "$SCRATCH/policy.conf" nc -v -z "$address" 8080
    is "$STATUS" 1 "$address is refused"
    like "$ERR" 'Network is unreachable' "$address is refused with the errno's text"
    capture shimmed "$SCRATCH/policy.conf" nc -v -z -w 3 "$address" 8080
    like "$ERR" 'Network is unreachable' "$address is refused with a time limit, by a non-blocking socket, too"
done
for address in 192.0.2.1 2001:db8::1; do
    capture shimmed "$SCRATCH/policy.conf" nc -v -z "$address" 8080
    is "$STATUS" 0 "$address is allowed"
done

# The listener: a refused peer comes first and is reset, then the allowed one is served by the same accept.
listen_for() { # listen_for FAMILY REFUSED ALLOWED SERVER
    background env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
        sh -c "echo hello | exec timeout 20 nc -v -N -l $1 $4 8090"
    wait_for 10 listens 8090
    capture bare nc -N -w 3 -s "$2" "$4" 8090
    is "$OUT" '' "$2 gets nothing from the listener"
    capture bare nc -N -w 3 -s "$3" "$4" 8090
    is "$OUT" hello "$3 is served"
    stop_servers
}
listen_for -4 192.0.2.66 192.0.2.1 127.0.0.1
listen_for -6 2001:db8:66::1 2001:db8::1 ::1

capture shimmed "$SCRATCH/policy.conf" nc -l 127.0.0.1 10000
is "$STATUS" 1 'port 10000 is refused to a listener'
like "$ERR" 'Input/output error' 'port 10000 is refused with the errno of the rule'

# Datagrams: netcat waits for its peer with recvfrom(MSG_PEEK) and connects to it then.
for pair in '-4 192.0.2.66 192.0.2.1 127.0.0.1' '-6 2001:db8:66::1 2001:db8::1 ::1'; do
    # shellcheck disable=SC2086 # four words
    set -- $pair
    background env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
        sh -c "exec timeout 20 nc -u -l $1 $4 8091 >$USER_HOME/received"
    wait_for 10 listens_udp 8091
    echo refused | bare nc -u -w 1 -s "$2" "$4" 8091
    echo allowed | bare nc -u -w 1 -s "$3" "$4" 8091
    is "$(cat "$USER_HOME/received")" allowed "only $3's datagram arrives"
    stop_servers
done

capture shimmed "$SCRATCH/policy.conf" sh -c 'echo x | nc -v -u -w 1 192.0.2.66 8091'
unlike "$ERR" succeeded 'a refused UDP peer is no success'
done_testing
