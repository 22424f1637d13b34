#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that nothing is refused to say the same with the object as without it: every program of tests/hooks but the
# *_refused ones, as an ordinary user and as root of a network of its own; under a policy that looks at everything, under
# two that would refuse everything but only observe, and under a policy of the program's own where it has one.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
programs=${PROGRAMS:-${LIBSOCKADE%/*}/tests/hooks}
worlds='user root'
observing='audit audit_rules'
scratch
if [ -n "${PROGRAMS:-}" ]; then # narrow.sh, once more for other programs: children may be of the other width
    LIBSOCKADE=$(preload_value)
    worlds=user observing=''
fi
! sanitized || export SANITIZED=1
add_addresses 192.0.2.1 2001:db8::1

mkdir programs
for source in "$TESTS"/hooks/*.c; do
    name=$(basename "$source" .c)
    case $name in *_refused) continue ;; esac
    case " ${ONLY:-$name} " in *" $name "*) ;; *) continue ;; esac
    cp "$programs/$name" programs/ || ok 1 "$name is built"
done

as_root() {
    "$@"
}

# run WORLD FILE CMD...: what CMD says and how it ends goes to FILE; in a folder of its own
run() {
    world=$1
    output=$2
    shift 2
    mkdir folder
    chmod 777 folder
    (cd folder && as_"$world" timeout 60 "$@" >"$output" 2>&1)
    echo "exit status $?" >>"$output"
    rm -rf folder
}

for program in programs/*; do
    name=${program##*/}
    for world in $worlds; do
        run "$world" "$SCRATCH/bare" "$SCRATCH/$program"
        like "$(cat bare)" '^exit status 0$' "$name as $world: runs without the object"
        for policy in watching $observing "$name"; do
            [ -e "$TESTS/hooks/$policy.conf" ] || continue
            run "$world" "$SCRATCH/preloaded" env LD_PRELOAD="$LIBSOCKADE" \
                SOCKADE_POLICY="$TESTS/hooks/$policy.conf" "$SCRATCH/$program"
            difference=$(diff bare preloaded | head -n 20)
            is "$difference" '' "$name as $world, policy $policy: no difference"
        done
    done
done

# What the observing policies saw.
for policy in $observing; do
    cat home/"$policy"-*.jsonl "$USER_HOME"/"$policy"-*.jsonl >events
    for op in socket connect sendto sendmsg sendmmsg bind listen accept bindresvport recvfrom recvmsg recvmmsg recv; do
        like "$(grep -m 1 "\"op\":\"$op\".*\"would-deny\"" events)" '"rule":|"at":' "$policy: $op is told of"
    done
    like "$(grep -m 1 '"op":"sendto".*"proto":"udp".*"would-drop"' events)" "$policy.conf" "$policy: what would be dropped too"
    unlike "$(cat events)" '"verdict":"(deny|drop|allow|would-allow)"' "$policy: nothing else"
done
done_testing
