#!/bin/sh
# SPDX-License-Identifier: MIT
# Signals at every instruction that matters: a handler that connects and sends comes in the middle of decisions, receives,
# events, reloads and the start, at every PERIOD-th instruction in PASSES passes. With as many passes as the period it
# comes at each.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
sanitized && { skip 'a sanitizer has its own handlers' stepped.sh; done_testing; }
helper stepped
# shellcheck source=tests/moments.sh
. "$TESTS/moments.sh"

step() { # step SCENARIO POLICY PERIOD PASSES NAME
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$1" ] || return 0
    capture as_runtime_user SOCKADE_POLICY="$2" FAULTS_FOLDER="$folder" timeout 900 \
        "$SCRATCH/stepped" "$LIBSOCKADE" "$1" "$3" "${PASSES:-$4}"
    [ "$STATUS" -ne 77 ] || { skip 'processes cannot be traced here' "stepped.sh: $5"; return; }
    like "$OUT" 'nothing wrong$' "$5: $(printf '%s\n' "$OUT" | tail -n 1)" || note said "$OUT$ERR"
}
policy EHOSTDOWN 'what = "none";' >plain.conf
policy EHOSTDOWN "what = \"all\"; to = \"file:$folder/log\"; limit = 1000000; max_size = 100000;" >log.conf
for name in plain log; do
    as_runtime_user "$SOCKADE" compile --quiet "$SCRATCH/$name.conf" || ok 1 "$name.conf compiles"
done
step connect "$SCRATCH/plain.conf" 97 5 'connect'
step send "$SCRATCH/plain.conf" 97 5 'sendto'
step receive "$SCRATCH/plain.conf" 97 5 'recv'
step accept "$SCRATCH/plain.conf" 97 5 'accept'
step connect "$SCRATCH/log.conf" 397 2 'connect with events'
step start "$SCRATCH/plain.conf" 40000 3 'the start'

rm -f "$run"/sockade/*
newer_images "what = \"none\";"
step reload "$folder/policy.conf" 997 5 'a reload'
done_testing
