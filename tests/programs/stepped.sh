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
run=$USER_HOME/run
folder=$USER_HOME/folder
as_user mkdir "$run" "$folder"

policy() { # policy ERRNO LOG
    echo "version = 1; log = { $2 }; rules = ( "
    for protocol in tcp udp; do
        echo "{ action = \"deny\"; to = \"127.0.0.9\"; proto = \"$protocol\"; errno = \"$1\"; },
            { action = \"deny\"; from = \"127.0.0.8\"; proto = \"$protocol\"; },"
    done
    echo '{ action = "deny"; on = "127.0.0.9"; } );'
}
step() { # step SCENARIO POLICY PERIOD PASSES NAME
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$1" ] || return 0
    capture as_user env XDG_RUNTIME_DIR="$run" SOCKADE_POLICY="$2" FAULTS_FOLDER="$folder" timeout 900 \
        "$SCRATCH/stepped" "$LIBSOCKADE" "$1" "$3" "${PASSES:-$4}"
    [ "$STATUS" -ne 77 ] || { skip 'processes cannot be traced here' "stepped.sh: $5"; return; }
    like "$OUT" 'nothing wrong$' "$5: $(printf '%s\n' "$OUT" | tail -n 1)" || note said "$OUT$ERR"
}
policy EHOSTDOWN 'what = "none";' >plain.conf
policy EHOSTDOWN "what = \"all\"; to = \"file:$folder/log\"; limit = 1000000; max_size = 100000;" >log.conf
for name in plain log; do
    as_user env XDG_RUNTIME_DIR="$run" "$SOCKADE" compile --quiet "$SCRATCH/$name.conf" || ok 1 "$name.conf compiles"
done
step connect "$SCRATCH/plain.conf" 97 5 'connect'
step send "$SCRATCH/plain.conf" 97 5 'sendto'
step receive "$SCRATCH/plain.conf" 97 5 'recv'
step accept "$SCRATCH/plain.conf" 97 5 'accept'
step connect "$SCRATCH/log.conf" 397 2 'connect with events'
step start "$SCRATCH/plain.conf" 40000 3 'the start'

rm -f "$run"/sockade/*
for errno in a:EHOSTDOWN b:ENETDOWN; do
    policy "${errno#*:}" 'what = "none";' >text.conf
    as_user env XDG_RUNTIME_DIR="$run" "$SOCKADE" compile --quiet --output "$folder/${errno%%:*}" "$SCRATCH/text.conf"
done
as_user cp plain.conf "$folder/policy.conf"
as_user env XDG_RUNTIME_DIR="$run" "$SOCKADE" compile --quiet "$folder/policy.conf"
ln -s "$run"/sockade/*.image "$folder/image"
ln -s "$run"/sockade/control-1 "$folder/control"
step reload "$folder/policy.conf" 997 5 'a reload'
done_testing
