#!/bin/sh
# SPDX-License-Identifier: MIT
# Datagrams: dig against dnsmasq. Refused and allowed resolvers, answers behind a closed door, refused clients. As a
# server dnsmasq answers the same with and without the object.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
! sanitized || { skip "jemalloc's constructor calls before a sanitizer's runtime is there" dns.sh; done_testing; }
need dnsmasq dnsmasq-base
need dig bind9-dnsutils
enter_net
scratch

add_addresses 192.0.2.53 192.0.2.66 2001:db8::53 2001:db8:66::1 198.51.100.7 2001:db8:7::7
dns_server() { # dns_server WORDS...: in front of dnsmasq; it listens on port 5300 of every address
    background "$@" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
        --user= --group= --port=5300 --address=/name.test/198.51.100.99 --log-facility=- \
        --host-record=both.test,198.51.100.1,2001:db8:51::1 --txt-record=text.test,"some words"
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

# What a client is told, of each sort.
answers() {
    for resolver in 127.0.0.1 ::1 192.0.2.53 2001:db8::53; do
        for how in +notcp +tcp; do
            for question in 'name.test A' 'name.test AAAA' 'both.test AAAA' 'text.test TXT' 'no.test A'; do
                # shellcheck disable=SC2086 # two words
                bare dig +tries=1 +time=5 +noall +answer +comments -p 5300 "@$resolver" $how $question |
                    sed -e 's/, id: [0-9]*//' -e '/COOKIE/d'
            done
        done
    done
}

dns_server
without=$(answers)
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
cat >allow.conf <<'END'
version = 1;
rules = ( { action = "allow"; from = "any"; }, { action = "allow"; to = "any"; }, { action = "allow"; on = "any"; } );
END
cat >server.conf <<END
version = 1;
log = { to = "file:$USER_HOME/events.jsonl"; what = "denied"; };
rules = ( { name = "stranger"; action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; port = 5300; } );
deny_from = [ "127.0.0.66" ];
END
like "$without" '^both.test.*AAAA.*2001:db8:51::1$' 'dnsmasq answers without the object'
dns_server env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/allow.conf"
grep -q libsockade "/proc/$SERVER/maps"
ok $? 'the object is in the server'
is "$(answers)" "$without" 'dnsmasq answers the same with the object, under a policy that allows everything'
stop_servers

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

# A refused client of the same machine: nothing for it, one event each way, and the next is answered.
for how in +notcp +tcp; do
    ask 127.0.0.1 $how -b 127.0.0.66
    unlike "$OUT" '198\.51\.100\.99' "dnsmasq does not answer 127.0.0.66 $how"
    ask 127.0.0.1 $how -b 127.0.0.7
    is "$OUT" 198.51.100.99 "dnsmasq answers 127.0.0.7 $how"
done
told=$(grep -F '"127.0.0.66"' "$USER_HOME/events.jsonl")
is "$(printf '%s\n' "$told" | wc -l)" 2 'each refusal is told'
like "$told" '"op":"recvmsg".*"proto":"udp".*"verdict":"deny"' 'of the datagram'
like "$told" '"op":"accept4?".*"proto":"tcp".*"verdict":"deny"' 'and of the connection'
is "$(answers)" "$without" 'those that no rule names are answered as without the object'
unlike "$(cat "$USER_HOME/events.jsonl")" '"127.0.0.1"|"::1"|"192.0.2.53"|"127.0.0.7"' 'of which nothing is told'
done_testing
