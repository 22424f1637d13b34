#!/bin/sh
# SPDX-License-Identifier: MIT
# Every example's decision table, through `sockade test` and through real socket calls: the two cannot disagree. For a
# refused peer the counters of all devices stand still; for an allowed one they move.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need "$PYTHON" python3
enter_net
scratch
helper replay

# Ports below 1024, and echo requests, for a user who has no capability.
group=0
[ "$TEST_INSIDE" -ne 0 ] || group=65534
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo "$group $group" >/proc/sys/net/ipv4/ping_group_range
dead_route || { skip 'no device for a dead route' tables.sh; done_testing; }

# Tables name programs that are not installed, and sockets that must not be this machine's.
for folder in /run /opt /usr/local/bin; do
    mount -t tmpfs -o mode=1777 tmpfs "$folder" || { skip 'no mount namespace to be had here' tables.sh; done_testing; }
done

export LIBSOCKADE ORDINARY
HOME=$USER_HOME
for policy in "$ROOT"/examples/*.conf; do
    name=${policy##*/}
    table=${policy%.conf}.cases
    capture as_user "$SOCKADE" test "$policy" "$table"
    is "$STATUS" 0 "$name: sockade test: $(printf '%s\n' "$OUT" | tail -n 1)" || note ' out' "$OUT"
    capture timeout 120 "$PYTHON" "$TESTS/programs/replay.py" "$SCRATCH/replay" "$policy" "$table"
    is "$STATUS$ERR" 0 "$name: real calls: $(printf '%s\n' "$OUT" | tail -n 1)" || note ' out' "$OUT"
done

# A table is worth what it notices: three lines that are wrong.
cat >wrong.cases <<'END'
to 169.254.169.254:80 -> allow
to 192.0.2.1:80 -> deny EACCES
to 169.254.169.254:80 -> deny EACCES
END
capture "$PYTHON" "$TESTS/programs/replay.py" "$SCRATCH/replay" "$ROOT/examples/metadata.conf" wrong.cases
is "$STATUS $(printf '%s\n' "$OUT" | tail -n 1)" '1 0 of 3 as the table says' 'wrong lines are noticed'
capture "$SOCKADE" test "$ROOT/examples/metadata.conf" wrong.cases
is "$STATUS $(printf '%s\n' "$OUT" | tail -n 1)" '1 0 passed, 3 failed' 'by sockade test too'
done_testing
