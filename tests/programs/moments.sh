#!/bin/sh
# SPDX-License-Identifier: MIT
# Bad moments: limits that are reached, also while a newer policy is to be taken, a thread of 16 KiB, threads that are
# cancelled, sandboxes, descriptors 0 to 2 closed. With events that are written to a file, and without.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
sanitized && { skip 'a sanitizer needs what the limits take away' moments.sh; done_testing; }
helper moments
# shellcheck source=tests/moments.sh
. "$TESTS/moments.sh"

for log in 'what = "none";' "what = \"all\"; to = \"file:$folder/log/%p\"; limit = 1000000; max_size = 10000;" \
    'what = "all"; to = "stderr"; limit = 1000000;'; do
    rm -rf "$run/sockade" "${folder:?}"/*
    newer_images "$log"
    for moment in limits reloads small cancel sandbox closed; do
        as_user cp "$folder/a" "$(readlink "$folder/image")"
        cd "$folder" || exit 1
        set -- as_runtime_user SOCKADE_POLICY="$folder/policy.conf" FAULTS_FOLDER="$folder" \
            LD_PRELOAD="$LIBSOCKADE" timeout 60 "$SCRATCH/moments" "$moment"
        if [ "$moment" = closed ]; then
            "$@" <&- >&- 2>&-
            is "$?" 0 "closed, log ${log%%;*}"
        else
            "$@" >"$SCRATCH/out" 2>/dev/null
            is "$? $(cat "$SCRATCH/out")" '0 ' "$moment, log ${log%%;*}"
        fi
        cd "$SCRATCH" || exit 1
    done
done
done_testing
