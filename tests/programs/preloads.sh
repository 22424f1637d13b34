#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Other preloaded objects, in front of ours and behind it: programs do what they do with that object alone, what the policy
# refuses is refused, and children have both.
#
# usage: preloads.sh         three that are unlike each other, and a second copy of ours
#        PRELOADS=all ...    all that Debian has, and more programs (tests/long/preloads.sh)
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
sanitized && { skip 'under a sanitizer, whose runtime must come first' preloads.sh; done_testing; }
: "${PRELOADS:=jemalloc faketime socket_wrapper twin}"
[ "$PRELOADS" != all ] || PRELOADS='jemalloc tcmalloc tcmalloc_debug mimalloc faketime frozen eatmydata fakeroot socket_wrapper
    nss_wrapper uid_wrapper torsocks tsocks proxychains keepalive twin' ALL=yes

# object NAME: where that preload is
object() {
    case $1 in
    jemalloc) set -- /usr/lib/*/libjemalloc.so.2 ;;
    tcmalloc) set -- /usr/lib/*/libtcmalloc_minimal.so.4 ;;
    tcmalloc_debug) set -- /usr/lib/*/libtcmalloc_minimal_debug.so.4 ;;
    mimalloc) set -- /usr/lib/*/libmimalloc.so.2 ;;
    faketime) set -- /usr/lib/*/faketime/libfaketime.so.1 ;;
    frozen) set -- /usr/lib/*/faketime/libfaketimeMT.so.1 ;;
    eatmydata) set -- /usr/lib/*/libeatmydata.so.1 ;;
    fakeroot) set -- /usr/lib/*/libfakeroot/libfakeroot-sysv.so ;;
    torsocks) set -- /usr/lib/*/torsocks/libtorsocks.so ;;
    tsocks) set -- /usr/lib/*/libtsocks.so ;;
    proxychains) set -- /usr/lib/*/libproxychains.so.4 ;;
    keepalive) set -- /usr/lib/libkeepalive.so ;;
    twin) set -- "$SCRATCH/twin.so" ;;
    *) set -- /usr/lib/*/lib"$1".so ;;
    esac
    [ ! -e "$1" ] || echo "$1"
}

add_addresses 192.0.2.66
cp "$TESTS/programs/company.conf" policy.conf
cat >proxychains.conf <<'END_OF_FILE'
strict_chain
localnet 127.0.0.0/255.0.0.0
localnet 192.0.2.0/255.255.255.0
[ProxyList]
socks4 127.0.0.1 9050
END_OF_FILE
printf 'TorAddress 127.0.0.1\nTorPort 9050\nOnionAddrRange 127.42.42.0/24\nAllowInbound 1\nAllowOutboundLocalhost 1\n' >torsocks.conf
echo 'nobody:x:65534:65534::/:/bin/sh' >passwd
echo 'nogroup:x:65534:' >group
http_server :: 8080
helper company
cp "$LIBSOCKADE" twin.so # of two copies in one process each judges; beside it the compiler is the first one's
cp "$SOCKADE" .

# with NAME PRELOADS CMD...: what it says, and its status; $OUT
with() {
    rm -rf "$USER_HOME/wrapper"
    as_user mkdir "$USER_HOME/wrapper"
    case $1 in
    frozen) time='2020-01-01 00:00:00' ;;
    *) time=+1d ;;
    esac
    [ "$1" = fakeroot ] && root='fakeroot --' || root=''
    preloads=$2
    shift 2
    # shellcheck disable=SC2086 # two words
    capture as_user timeout 30 $root env LD_PRELOAD="$preloads" SOCKADE_POLICY="$SCRATCH/policy.conf" FAKETIME="$time" \
        SOCKET_WRAPPER_DIR="$USER_HOME/wrapper" SOCKET_WRAPPER_DEFAULT_IFACE=5 UID_WRAPPER=1 \
        NSS_WRAPPER_PASSWD="$SCRATCH/passwd" NSS_WRAPPER_GROUP="$SCRATCH/group" PROXYCHAINS_QUIET_MODE=1 \
        PROXYCHAINS_CONF_FILE="$SCRATCH/proxychains.conf" TORSOCKS_CONF_FILE="$SCRATCH/torsocks.conf" "$@"
    # A SOCKS client tells of its proxy, which is not there, as often as it is asked to go there.
    OUT=$(printf '%s\n%s\nstatus %s\n' "$OUT" "$ERR" "$STATUS" | sed -E '/^$/d; /^[0-9: ]*(PERROR torsocks|libtsocks)/d')
}

# expected NAME FIRST: what is said under the policy, made of what is said without us. An object in front of ours that
# turns connections into others is judged by those: to a proxy on loopback, or to a Unix socket. It says then what it says alone.
expected() {
    case $1-$2 in
    socket_wrapper-other | torsocks-other) here='nothing' ;;
    tsocks-other) here='here: sendto' ;;
    *) here='here: (connect|sendto)' ;;
    esac
    sed -E "s/^($here): .*/\1: No route to host/; s/^(a child without an environment: .*): .*/\1: No route to host/"
}

# Each program with that object alone and with both, in both orders.
try() {
    name=$1 other=$2
    shift 2
    with "$name" "$other" "$@"
    alone=$OUT
    for first in ours other; do
        if [ $first = ours ]; then order="$LIBSOCKADE:$other"; else order="$other:$LIBSOCKADE"; fi
        with "$name" "$order" "$@"
        is "$OUT" "$(printf '%s\n' "$alone" | expected "$name" $first)" "${1##*/} with $name, $first first"
    done
}

for name in $PRELOADS; do
    other=$(object "$name")
    [ -n "$other" ] || { skip "$name is not installed" "preload: $name"; continue; }
    try "$name" "$other" "$SCRATCH/company" 192.0.2.66 8080
    try "$name" "$other" ls -l "$SCRATCH/policy.conf" # libselinux uses the others before any of them was initialised
    [ "${ALL:-}" = yes ] || continue
    try "$name" "$other" /bin/true
    try "$name" "$other" curl -sS http://127.0.0.1:8080/
    try "$name" "$other" bash -c 'ls | cat; env -i /bin/echo x; (exit 3)'
    try "$name" "$other" "$PYTHON" "$TESTS/programs/company.py" 192.0.2.66 8080
done
done_testing
