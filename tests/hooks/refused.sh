#!/bin/sh
# SPDX-License-Identifier: MIT
# What policies refuse: every program NAME_refused of tests/hooks, preloaded under NAME_refused.conf, in a network of its
# own, as an ordinary user and as the network's root; what needs a capability as root alone.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
programs=${PROGRAMS:-${LIBSOCKADE%/*}/tests/hooks}
scratch
[ -z "${PROGRAMS:-}" ] || LIBSOCKADE=$(preload_value) # narrow.sh: children may be of the other width
! sanitized || export SANITIZED=1
# Ping sockets for everybody; in a user namespace for the one group that is mapped there.
for range in '0 2147483647' '0 0'; do
    echo "$range" >/proc/sys/net/ipv4/ping_group_range && break
done 2>/dev/null
add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2 2001:db8::3

as_root() {
    "$@"
}

# relay WHERE: the lines of a cmocka program as ours. It says `not ok N # SKIP NAME` of what skipped itself.
relay() {
    while read -r line; do
        case $line in
        'not ok '*' # SKIP '*) skip 'it says so' "$1: ${line##* }" ;;
        'ok '* | 'not ok '*)
            [ "${line#ok}" != "$line" ]
            ok $? "$1: ${line##* }" || note said "$(cat "$SCRATCH/said")"
            ;;
        esac
    done
}

# run WORLD NAME: one program in a folder of its own, which its policy may name as @FOLDER@
run() {
    mkdir folder
    chmod 777 folder
    sed "s|@FOLDER@|$SCRATCH/folder|g" "$TESTS/hooks/$2.conf" >policy.conf
    (cd folder && as_"$1" timeout 60 "${LAUNCHER:-env}" env CMOCKA_MESSAGE_OUTPUT=TAP LD_PRELOAD="$LIBSOCKADE" \
        SOCKADE_POLICY="$SCRATCH/policy.conf" "$SCRATCH/$2" >"$SCRATCH/said" 2>&1)
    status=$?
    rm -rf folder
    grep -v '^# not ok' said >lines
    relay "$2 as $1" <lines
    is "$status" 0 "$2 as $1: exit status" || note said "$(cat said)"
}

for source in "$TESTS"/hooks/*_refused.c; do
    name=$(basename "$source" .c)
    case " ${ONLY:-$name} " in *" $name "*) ;; *) continue ;; esac
    cp "$programs/$name" . || { ok 1 "$name is built"; continue; }
    [ "$name" = raw_refused ] || run user "$name"
    run root "$name"
done
done_testing
