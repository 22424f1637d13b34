#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that nothing is refused to say the same with the object as without it: every program of tests/hooks but the
# *_refused ones, as an ordinary user and as root of a network of its own; under a policy that looks at everything, under
# one that would refuse everything but only observes, and under a policy of the program's own where it has one.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
programs=${LIBSOCKADE%/*}/tests/hooks
scratch
add_addresses 192.0.2.1 2001:db8::1

mkdir programs
for source in "$TESTS"/hooks/*.c; do
    name=$(basename "$source" .c)
    case $name in *_refused) continue ;; esac
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
    for world in user root; do
        run "$world" "$SCRATCH/bare" "$SCRATCH/$program"
        like "$(cat bare)" '^exit status 0$' "$name as $world: runs without the object"
        for policy in watching audit "$name"; do
            [ -e "$TESTS/hooks/$policy.conf" ] || continue
            run "$world" "$SCRATCH/preloaded" env LD_PRELOAD="$LIBSOCKADE" \
                SOCKADE_POLICY="$TESTS/hooks/$policy.conf" "$SCRATCH/$program"
            difference=$(diff bare preloaded | head -n 20)
            is "$difference" '' "$name as $world, policy $policy: no difference"
        done
    done
done
done_testing
