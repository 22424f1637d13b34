#!/bin/sh
# SPDX-License-Identifier: MIT
# Receives, waits and descriptors under the shim: the same as bare where nothing is refused, and what is refused stays out.
. "${0%/*}/../lib.sh"

programs=${BUILD:-build}/tests/hooks
case $programs in /*) ;; *) programs=$ROOT/$programs ;; esac
scratch

# In a network of its own where that can be had, with ping sockets for its group 0.
run_there() {
    if can_in_net; then
        # shellcheck disable=SC2016 # expanded by the inner shell
        in_net sh -c 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range; exec "$@"' sh "$@"
    else
        "$@"
    fi
}

# with POLICY PROGRAM: POLICY may be empty
with() {
    run_there env SOCKADE_POLICY="$1" LD_PRELOAD="$LIBSOCKADE" "$2"
}

for name in receive messages waits; do
    run_there "$programs/$name" >bare 2>&1
    ok $? "$name runs bare"
    with "" "$programs/$name" >without 2>&1
    diff bare without >difference
    ok $? "$name: the same with the shim and no policy" || note diff "$(cat difference)"
    with "$ROOT/tests/hooks/receive.conf" "$programs/$name" >under 2>&1
    diff bare under >difference
    ok $? "$name: the same under a policy that refuses none of it" || note diff "$(cat difference)"
done

for name in receive_refused batch_refused; do
    with "$ROOT/tests/hooks/receive_refused.conf" "$programs/$name" >refused 2>&1
    ok $? "$name" || note said "$(cat refused)"
done
done_testing
