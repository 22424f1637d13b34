#!/bin/sh
# SPDX-License-Identifier: MIT
# The hook tests once more with every call made by its number through syscall(2) (tests/hooks/by_number.h): the same bare and
# preloaded, and refused the same.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need gcc gcc
[ -e /usr/include/cmocka.h ] || { skip 'cmocka is not installed (Debian: libcmocka-dev)' numbers.sh; done_testing; }
enter_net
scratch
add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2 2001:db8::3

# build NAME: a hook test by number
build() {
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -w -O2 -include "$TESTS/hooks/by_number.h" -o "$1" "$TESTS/hooks/$1.c" -lcmocka -lpthread
}

# run FILE CMD...: what CMD says and how it ends, as an ordinary user in a folder of its own
run() {
    output=$1
    shift
    mkdir folder
    chmod 777 folder
    (cd folder && as_user timeout 60 "$@" >"$SCRATCH/$output" 2>&1)
    echo "exit status $?" >>"$output"
    rm -rf folder
}

for name in outbound sending messages receive waits local accepting; do
    build $name
    ok $? "$name: built" || continue
    run bare "$SCRATCH/$name"
    like "$(cat bare)" '^exit status 0$' "$name: runs without the object"
    for policy in watching audit; do
        run preloaded env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$TESTS/hooks/$policy.conf" "$SCRATCH/$name"
        is "$(diff bare preloaded | head -n 20)" '' "$name, policy $policy: no difference"
    done
done
for name in sources_refused receive_refused batch_refused local_refused accept_refused; do
    build $name
    ok $? "$name: built" || continue
    sed "s|@FOLDER@|$SCRATCH/folder|g" "$TESTS/hooks/$name.conf" >policy.conf
    run said env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" CMOCKA_MESSAGE_OUTPUT=TAP "$SCRATCH/$name"
    is "$(tail -n 1 said)" 'exit status 0' "$name: refused by number, too" || note said "$(grep -v '^ok' said | head -n 20)"
done
done_testing
