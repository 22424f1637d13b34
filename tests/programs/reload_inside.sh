#!/bin/sh
# SPDX-License-Identifier: MIT
# Reloads in one process: thousands of them under the load of its threads, with jumps, cancellation and forks.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper reload_inside

# Two images of different size for the same text.
policy() { # policy ERRNO ADDRESSES
    echo 'version = 1;'
    awk -v count="$2" 'BEGIN { printf "sets = { many = [ \"198.51.100.1\""
        for (i = 0; i < count; i++) printf ", \"10.%d.%d.%d\"", i / 65536, i / 256 % 256, i % 256
        print " ]; };" }'
    echo "rules = ( { action = \"deny\"; to = \"127.0.0.1\"; errno = \"$1\"; },
                    { action = \"deny\"; to = \"@many\"; } ); log = { what = \"none\"; };"
}
mkdir "$USER_HOME/run"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/run"
run="env XDG_RUNTIME_DIR=$USER_HOME/run"
for which in A:ENETDOWN:10 B:EHOSTDOWN:4000; do
    rest=${which#*:}
    policy "${rest%:*}" "${rest#*:}" >policy.conf
    # shellcheck disable=SC2086
    as_user $run "$SOCKADE" compile --quiet --output "$USER_HOME/${which%%:*}" policy.conf
done
# shellcheck disable=SC2086
as_user $run "$SOCKADE" compile --quiet policy.conf
image=$(echo "$USER_HOME"/run/sockade/*.image)
[ -f "$image" ] && [ -f "$USER_HOME/run/sockade/control-1" ]
ok $? 'an image with a control file beside it'

for what in many:"${RELOADS:-1000}" jump:1000 cancel:200 fork:40 vfork:100; do
    case $what in jump:* | cancel:*)
        if sanitized; then
            skip 'a frame that is left from outside stays poisoned, and the next one that lies there is taken for an error' \
                "${what%:*}: a call that is left in the middle"
            continue
        fi
        ;;
    esac
    # shellcheck disable=SC2086
    capture as_user $run timeout 100 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
        "$SCRATCH/reload_inside" "${what%:*}" "${what#*:}" "$image" "$USER_HOME/A" "$USER_HOME/B"
    like "$OUT" ', 0 wrong$' "$what: no decision is wrong, every reload is followed" || note err "$STATUS $ERR"
done
done_testing
