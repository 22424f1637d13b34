#!/bin/sh
# SPDX-License-Identifier: MIT
# curl, a client on non-blocking sockets: refused at once with the errno's text, allowed as if nothing were there.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 2001:db8::1 2001:db8:66::1
cat >policy.conf <<'END'
version = 1;
rules = (
  { name = "no-route"; action = "deny"; to = [ "192.0.2.66", "2001:db8:66::/48" ]; errno = "EHOSTUNREACH"; },
  { name = "no-port"; action = "deny"; to = "any"; proto = "tcp"; port = 8081; }
);
END
http_server :: 8080
http_server :: 8081

fetch() { # fetch WORDS...: with the errno's text, which curl tells only when asked to be wordy
    capture shimmed "$SCRATCH/policy.conf" curl -sS -v "$@"
}

for address in 192.0.2.66 '[2001:db8:66::1]' '[::ffff:192.0.2.66]'; do
    start=$(milliseconds)
    fetch "http://$address:8080/"
    is "$STATUS" 7 "$address is refused: curl's exit code for a failed connect"
    like "$ERR" 'No route to host' "$address is refused: curl shows the errno's text"
    is "$OUT" '' "$address is refused: nothing was fetched"
    [ $(($(milliseconds) - start)) -lt 2000 ]
    ok $? "$address is refused at once"

    fetch "http://$(echo "$address" | sed 's/:66::1/::1/; s/\.66/.1/'):8081/"
    like "$ERR" 'Permission denied' "$address's neighbour is refused by its port"
done

for address in 192.0.2.1 '[2001:db8::1]' '[::ffff:192.0.2.1]' 127.0.0.1 '[::1]'; do
    capture shimmed "$SCRATCH/policy.conf" curl -sS "http://$address:8080/"
    is "$STATUS $OUT" '0 served' "$address is allowed"
    is "$ERR" '' "$address is allowed: nothing on stderr"
done

# A name with a refused and an allowed address: curl goes on to the second, as with any host that is down.
capture shimmed "$SCRATCH/policy.conf" curl -sS --resolve name.test:8080:192.0.2.66,192.0.2.1 http://name.test:8080/
is "$STATUS $OUT" '0 served' 'of two addresses the allowed one is used'

# --interface binds before it connects; keep-alive and parallel transfers use several sockets.
capture shimmed "$SCRATCH/policy.conf" curl -sS --interface 192.0.2.1 http://192.0.2.66:8080/
is "$STATUS" 7 'a bound socket is refused too'
capture shimmed "$SCRATCH/policy.conf" curl -sS -Z http://192.0.2.1:8080/ http://192.0.2.66:8080/ http://127.0.0.1:8080/
is "$(printf '%s\n' "$OUT" | grep -c served)" 2 'of three parallel transfers two are allowed'

capture bare curl -sS http://192.0.2.66:8080/
is "$STATUS $OUT" '0 served' 'without the object the refused server can be reached'
done_testing
