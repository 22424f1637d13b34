# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # STATUS, OUT and ERR are for the tests
# What every shell test needs: TAP lines, a folder of its own, an ordinary user, a network of its own.
#
# A test in a folder of tests/ begins with `. "${0%/*}/../lib.sh"` and `scratch`, and ends with `done_testing`.
# $SOCKADE and $LIBSOCKADE name what is tested (build/ beside tests/ where they are not set). POSIX sh, any user.

set -u
case $0 in */*) TESTS=$(cd "${0%/*}" && pwd) ;; *) TESTS=$PWD ;; esac
[ -f "$TESTS/lib.sh" ] || TESTS=${TESTS%/*}
ROOT=${TESTS%/*}
: "${SOCKADE:=$ROOT/build/sockade}" "${LIBSOCKADE:=$ROOT/build/libsockade.so}"
TEST_COUNT=0 TEST_FAILED=0 TEST_ENDED='' SCRATCH=''
TEST_UID=$(id -u)
TEST_MUST_RUN=${SOCKADE_MUST_RUN:-}
unset SOCKADE_POLICY SOCKADE_PINNED SOCKADE_ON_ERROR LD_PRELOAD
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR XDG_STATE_HOME
export LC_ALL=C

# ok COND-EXIT-STATUS NAME
ok() {
    TEST_COUNT=$((TEST_COUNT + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $TEST_COUNT - $2"
        return 0
    fi
    TEST_FAILED=$((TEST_FAILED + 1))
    echo "not ok $TEST_COUNT - $2"
    return 1
}

# Shows a text as TAP comments, each line behind WORD.
note() {
    printf '%s\n' "$2" | sed "s/^/#   $1: /"
}

# is GOT WANT NAME
is() {
    [ "$1" = "$2" ]
    ok $? "$3" || { note ' got' "$1"; note want "$2"; return 1; }
}

# like TEXT PATTERN NAME: some line of TEXT matches the extended regular expression
like() {
    printf '%s\n' "$1" | grep -E -q -e "$2"
    ok $? "$3" || { note ' got' "$1"; note want "/$2/"; return 1; }
}

# unlike TEXT PATTERN NAME: no line does
unlike() {
    ! printf '%s\n' "$1" | grep -E -q -e "$2"
    ok $? "$3" || { note ' got' "$1"; note 'want not' "/$2/"; return 1; }
}

# skip WHY NAME: under SOCKADE_MUST_RUN=1 a failure, unless tests/may-skip has a line `NAME: kernel feature`
skip() {
    if [ "$TEST_MUST_RUN" = 1 ] &&
        ! NAME=$2 awk 'index($0, ENVIRON["NAME"] ": ") == 1 { found = 1 } END { exit !found }' "$TESTS/may-skip"; then
        ok 1 "$2"
        note skipped "$1"
        return 1
    fi
    TEST_COUNT=$((TEST_COUNT + 1))
    echo "ok $TEST_COUNT - $2 # SKIP $1"
}

# capture CMD...: runs it, and sets STATUS, OUT and ERR
capture() {
    STATUS=0
    "$@" >"$SCRATCH/.out" 2>"$SCRATCH/.err" || STATUS=$?
    OUT=$(cat "$SCRATCH/.out")
    ERR=$(cat "$SCRATCH/.err")
}

done_testing() {
    echo "1..$TEST_COUNT"
    [ "$TEST_FAILED" -eq 0 ] || echo "# $TEST_FAILED of $TEST_COUNT failed"
    TEST_ENDED=yes
    [ "$TEST_FAILED" -eq 0 ]
    exit
}

# Makes a folder, goes there and makes it HOME; it is removed when the script ends. As root, $USER_HOME is the ordinary
# user's own inside it, and the binaries are copied there where that user could not reach them.
scratch() {
    umask 022
    SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/sockade-test.XXXXXX") || exit 1
    trap scratch_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    chmod 755 "$SCRATCH"
    cd "$SCRATCH" || exit 1
    mkdir home
    export HOME="$SCRATCH/home"
    USER_HOME=$HOME
    [ "$TEST_UID" -eq 0 ] || return 0
    USER_HOME=$SCRATCH/user
    mkdir user
    chown 65534:65534 user
    if ! as_user test -x "$SOCKADE" || ! as_user test -r "$LIBSOCKADE"; then
        mkdir bin
        cp "$SOCKADE" bin/sockade
        [ ! -e "$LIBSOCKADE" ] || cp "$LIBSOCKADE" bin/libsockade.so
        for lib in lib lib32 lib64; do
            [ ! -d "${SOCKADE%/*}/$lib" ] || cp -RL "${SOCKADE%/*}/$lib" bin/
        done
        SOCKADE=$SCRATCH/bin/sockade LIBSOCKADE=$SCRATCH/bin/libsockade.so
    fi
}

scratch_end() {
    status=$?
    trap - EXIT
    [ -n "$TEST_ENDED" ] || { echo "Bail out! ${0##*/} ended early, status $status"; [ $status -ne 0 ] || status=1; }
    cd /
    [ -z "$SCRATCH" ] || rm -rf "$SCRATCH"
    exit $status
}

# as_user CMD...: as uid 65534 without capabilities when we are root, plainly otherwise
as_user() {
    if [ "$TEST_UID" -eq 0 ]; then
        HOME=$USER_HOME setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$@"
    else
        "$@"
    fi
}

# in_net CMD..., in_net as_user CMD...: in a network namespace that holds only a loopback device, which is up.
# An ordinary user needs a user namespace for it, in which CMD runs as its root; with as_user it has no capability.
in_net() {
    if [ "$TEST_UID" -eq 0 ]; then
        in_net_unshare=-n in_net_drop='--reuid 65534 --regid 65534 --clear-groups --inh-caps=-all'
    else
        in_net_unshare=-Urn
        in_net_drop='--bounding-set=-all --inh-caps=-all --securebits=+noroot,+noroot_locked'
    fi
    in_net_home=$HOME
    if [ "$1" = as_user ]; then
        shift
        # shellcheck disable=SC2086 # the words of the option are meant to be split
        set -- setpriv $in_net_drop -- "$@"
        in_net_home=$USER_HOME
    fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    HOME=$in_net_home unshare $in_net_unshare -- sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

# Whether in_net works here at all.
can_in_net() {
    in_net true >/dev/null 2>&1
}

# What `sockade run` puts into LD_PRELOAD: in a build folder the objects for both widths, by the loader's $LIB.
preload_value() {
    for lib in "${SOCKADE%/*}"/lib*/libsockade.so "${SOCKADE%/*}"/lib*/*/libsockade.so; do
        [ ! -e "$lib" ] || { echo "${SOCKADE%/*}/\$LIB/libsockade.so"; return; }
    done
    echo "$LIBSOCKADE"
}

# Whether the object is one that counts what is reached (make coverage).
counted() {
    [ -e "$LIBSOCKADE.counters" ]
}

# Whether the object is one with a sanitizer, which brings handlers and descriptors of its own and is slow to start.
sanitized() {
    readelf -d "$LIBSOCKADE" 2>/dev/null | grep -qE 'lib(asan|tsan|ubsan)'
}
