#!/bin/sh
# SPDX-License-Identifier: MIT
# Python's sockets under a policy: python_sockets.py has what goes out, python_inbound.py what comes in, and
# python_asyncio.py an event loop.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need "$PYTHON" python3
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 198.51.100.66 2001:db8::1 2001:db8::66 2001:db8:1::66
cat >policy.conf <<'END'
version = 1;
sets = { refused = [ "192.0.2.66", "198.51.100.66", "2001:db8::66", "2001:db8:1::66" ]; };
rules = (
  { name = "no-reach"; action = "deny"; to = "@refused"; errno = "EHOSTUNREACH"; },
  { name = "told"; action = "deny"; from = "@refused"; proto = "tcp"; port = 8085; errno = "EIO"; },
  { name = "stranger"; action = "deny"; from = "@refused"; },
  { name = "port"; action = "deny"; on = "any"; port = 10000; errno = "EIO"; }
);
log = { to = "file:~/events.jsonl"; limit = 10000; };
END

# Takes the lines of a Python script as this test's own.
take() { # take NAME
    capture as_user timeout 60 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
        "$PYTHON" "$TESTS/programs/$1"
    printf '%s\n' "$OUT" | grep -E '^(not )?ok - ' >results
    while IFS= read -r line; do
        case $line in
        'ok - '*) ok 0 "${line#ok - }" ;;
        *) ok 1 "${line#not ok - }" ;;
        esac
    done <results
    is "$STATUS $(printf '%s\n' "$OUT" | tail -n 1)" '0 end' "$1 comes to its end"
    is "$ERR" '' "$1: nothing on stderr"
}

take python_sockets.py
take python_inbound.py
take python_asyncio.py

# Each kind of call has left its event.
for op in connect sendto sendmsg accept recvfrom bind; do
    like "$(cat "$USER_HOME/events.jsonl")" "\"op\":\"$op" "the log has an event of $op"
done
done_testing
