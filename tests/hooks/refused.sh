#!/bin/sh
# SPDX-License-Identifier: MIT
# What policies refuse: every program NAME_refused of tests/hooks, preloaded under NAME_refused.conf, in a network of its
# own, as an ordinary user and as the network's root; what needs a capability is run as root alone.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
programs=${LIBSOCKADE%/*}/tests/hooks
scratch
add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2 2001:db8::3

as_root() {
    "$@"
}

# run WORLD NAME: the lines of a cmocka program as ours
run() {
    mkdir folder
    chmod 777 folder
    (cd folder && as_"$1" timeout 60 env CMOCKA_MESSAGE_OUTPUT=TAP LD_PRELOAD="$LIBSOCKADE" \
        SOCKADE_POLICY="$TESTS/hooks/$2.conf" "$programs/$2" >"$SCRATCH/said" 2>&1)
    status=$?
    rm -rf folder
    while read -r result of number dash test; do
        case "$result $of" in
        'ok '*) ok 0 "$2 as $1: $number $dash $test" ;;
        'not ok') ok 1 "$2 as $1: $dash $test" ;;
        esac
    done <said >said.tap
    cat said.tap
}
