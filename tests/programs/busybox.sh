#!/bin/sh
# SPDX-License-Identifier: MIT
# busybox: one program of many names, each with its own habits at the socket calls.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need busybox busybox
ldd "$(command -v busybox)" >/dev/null 2>&1 || { skip 'busybox is a static executable' busybox.sh; done_testing; }
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 2001:db8::1 2001:db8:66::1
cat >policy.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = [ "192.0.2.66", "2001:db8:66::/48" ]; errno = "EHOSTUNREACH"; },
  { action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; }
);
END
http_server :: 8080

for address in 192.0.2.66 '[2001:db8:66::1]'; do
    capture shimmed "$SCRATCH/policy.conf" busybox wget -q -O - "http://$address:8080/"
    is "$STATUS" 1 "wget of $address is refused"
    like "$ERR" "can't connect to remote host.*No route to host" "wget of $address tells the errno"
done
for address in 192.0.2.1 '[2001:db8::1]'; do
    capture shimmed "$SCRATCH/policy.conf" busybox wget -q -O - "http://$address:8080/"
    is "$STATUS $OUT" '0 served' "wget of $address is allowed"
done

capture shimmed "$SCRATCH/policy.conf" busybox nc 192.0.2.66 8080
is "$STATUS" 1 'nc to 192.0.2.66 is refused'
like "$ERR" 'No route to host' 'nc to 192.0.2.66 tells the errno'
capture shimmed "$SCRATCH/policy.conf" sh -c 'printf "GET / HTTP/1.0\r\n\r\n" | busybox nc 192.0.2.1 8080'
like "$OUT" served 'nc to 192.0.2.1 is allowed'

# Its nc as a server, which hands the connection on to a program by fork and dup2.
background env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
    busybox nc -ll -p 8090 -e echo hello
wait_for 10 listens 8090
capture bare busybox nc -w 3 127.0.0.1 8090
is "$OUT" hello 'nc -l serves an allowed peer'
is_reset 192.0.2.66 127.0.0.1 8090 'nc -l resets a refused peer'
capture bare busybox nc -w 3 127.0.0.1 8090
is "$OUT" hello 'nc -l goes on to serve'
done_testing
