#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# The programs of both_worlds.sh, bare and preloaded, from everywhere: a constructor before the object's own, a destructor, a
# thread with a small stack, a signal handler, children of fork and vfork. PLACES names some of them.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
programs=${LIBSOCKADE%/*}/tests/hooks
scratch
sanitized && { skip 'its runtime must be there before any constructor' places.sh; done_testing; }
add_addresses 192.0.2.1 2001:db8::1
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC -o place.so "$TESTS/hooks/objects/place.c" || ok 1 'place.c compiles'

# run FILE PLACE PRELOAD NAME: what the program says and how it ends goes to FILE; in a folder of its own
run() {
    mkdir folder
    chmod 777 folder
    (cd folder && as_user timeout 60 env PLACE="$2" LD_PRELOAD="$3" SOCKADE_POLICY="$TESTS/hooks/watching.conf" \
        "$SCRATCH/$4" >"$1" 2>&1)
    echo "exit status $?" >>"$1"
    rm -rf folder
}

capture as_user env PLACE=none LD_DEBUG=files LD_PRELOAD="$LIBSOCKADE $SCRATCH/place.so" true
order=$(printf '%s\n' "$ERR" | sed -n 's/.*calling init: .*\/\(place\|libsockade\)\.so/\1/p' | tr '\n' ' ')
is "$order" 'place libsockade ' 'the constructor in question runs before ours'
for place in ${PLACES:-constructor destructor thread handler fork vfork}; do
    for name in messages outbound accepting local receive sending waits; do
        cp "$programs/$name" . || ok 1 "$name is built"
        run "$SCRATCH/bare" "$place" "$SCRATCH/place.so" "$name"
        like "$(cat bare)" '^exit status 0$' "$name in $place: runs without the object"
        run "$SCRATCH/preloaded" "$place" "$LIBSOCKADE $SCRATCH/place.so" "$name"
        difference=$(diff bare preloaded | head -n 20)
        is "$difference" '' "$name in $place: no difference"
    done
done

# And what policies refuse is refused from there.
add_addresses 192.0.2.2 192.0.2.3 2001:db8::2 2001:db8::3
for place in ${PLACES:-constructor handler vfork}; do
    for name in batch listener local outbound unix; do
        name=${name}_refused
        cp "$programs/$name" . || ok 1 "$name is built"
        mkdir folder
        chmod 777 folder
        sed "s|@FOLDER@|$SCRATCH/folder|g" "$TESTS/hooks/$name.conf" >policy.conf
        (cd folder && as_user timeout 60 env PLACE="$place" LD_PRELOAD="$LIBSOCKADE $SCRATCH/place.so" \
            SOCKADE_POLICY="$SCRATCH/policy.conf" "$SCRATCH/$name" >"$SCRATCH/said" 2>&1)
        is "$?" 0 "$name in $place" || note said "$(grep -v '^ok' said | head -n 20)"
        rm -rf folder
    done
done
done_testing
