#!/bin/sh
# SPDX-License-Identifier: MIT
# Datagrams: dig against dnsmasq. Refused and allowed resolvers, answers behind a closed door, refused clients.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need dnsmasq dnsmasq-base
need dig bind9-dnsutils
enter_net
scratch

add_addresses 192.0.2.53 192.0.2.66 2001:db8::53 2001:db8:66::1 198.51.100.7 2001:db8:7::7
dns_server() { # dns_server WORDS...: in front of dnsmasq; it listens on port 5300 of every address
    background "$@" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
        --user= --group= --port=5300 --address=/name.test/198.51.100.99 --log-facility=-
    wait_for 10 listens_udp 5300 || { ok 1 'dnsmasq starts'; cat "$SCRATCH/servers.log"; done_testing; }
}

cat >client.conf <<'END'
version = 1;
rules = (
  { name = "one-resolver"; action = "allow"; to = [ "192.0.2.53", "2001:db8::53" ]; port = 5300; },
  { name = "no-other"; action = "deny"; to = "any"; port = 5300; errno = "ENETUNREACH"; },

  # A closed door: answers pass all the same.
  { name = "nobody"; action = "deny"; from = "any"; }
);
END
ask() { # ask SERVER HOW WORDS...: under a policy where $policy names one
    asked=$1
    shift
    set -- dig +tries=1 +time=2 +short -p 5300 "@$asked" name.test "$@"
    if [ -n "$policy" ]; then capture shimmed "$policy" "$@"; else capture bare "$@"; fi
}

dns_server
policy=$SCRATCH/client.conf
for how in +notcp +tcp; do
    for address in 192.0.2.53 2001:db8::53; do
        ask $address $how
        is "$STATUS $OUT" '0 198.51.100.99' "dig $how at $address is answered, with from = any denied"
    done
    for address in 192.0.2.66 2001:db8:66::1 127.0.0.1 ::1; do
        start=$(milliseconds)
        ask $address $how
        [ "$STATUS" -ne 0 ]
        ok $? "dig $how at $address is refused"
        unlike "$OUT$ERR" '198\.51\.100\.99' "dig $how at $address gets no answer"
        [ $(($(milliseconds) - start)) -lt 1500 ]
        ok $? "dig $how at $address is refused at once"
    done
done

# The same from an unconnected socket, as a resolver library has it: the answer passes, a stranger's packet does not.
capture shimmed "$SCRATCH/client.conf" "$PYTHON" "$TESTS/programs/unconnected.py" 192.0.2.53 2001:db8::53
is "$STATUS $OUT" "0 $(printf 'answer from 192.0.2.53\nanswer from 2001:db8::53')" \
    'an unconnected socket hears answers and no stranger'
stop_servers

# The server's side: dnsmasq itself under a policy, serving datagrams by poll and recvmsg.
cat >server.conf <<'END'
version = 1;
rules = ( { name = "stranger"; action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; port = 5300; } );
END
policy=
dns_server env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/server.conf"
for trio in '192.0.2.66 198.51.100.7 192.0.2.53' '2001:db8:66::1 2001:db8:7::7 2001:db8::53'; do
    # shellcheck disable=SC2086 # three words
    set -- $trio
    for how in +notcp +tcp; do
        ask "$3" $how -b "$1"
        unlike "$OUT" '198\.51\.100\.99' "dnsmasq does not answer $1 $how"
        ask "$3" $how -b "$2"
        is "$OUT" 198.51.100.99 "dnsmasq answers $2 $how, the refused one's packet did not stop it"
    done
done
done_testing
