#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests one after the other and counts what they say.
#
# usage: run.sh TEST...
#
# A test is a script that prints TAP, a cmocka program, or a kernel proof (exit 0 proved, 77 skipped). What a test prints
# is shown only where it failed, or with VERBOSE=1. The last line is `N passed, N failed, N skipped`.

here=${0%/*}
: "${BUILD:=build}"
export BUILD DECISIONS
export SOCKADE="${SOCKADE:-$PWD/$BUILD/sockade}" LIBSOCKADE="${LIBSOCKADE:-$PWD/$BUILD/libsockade.so}"
export CMOCKA_MESSAGE_OUTPUT=TAP
passed=0 failed=0 skipped=0
output=$(mktemp)
failures=$(mktemp)
names=$(mktemp)
trap 'rm -f "$output" "$failures" "$names"' EXIT

# Whether a kernel proof may be skipped: only where nobody insists, or where tests/may-skip names it.
may_skip() {
    [ "${SOCKADE_MUST_RUN:-0}" != 1 ] || grep -q "^$1: " "$here/may-skip"
}

run_one() {
    case $1 in
    *.py) timeout 600 python3 "$1" "$SOCKADE" "${DECISIONS:-100000}" ;;
    *.sh) timeout 300 sh "$1" ;;
    *) timeout 300 "$1" ;;
    esac >"$output" 2>&1 </dev/null
}

# Counts TAP lines; a program that ended badly without a `not ok` of its own is one failure.
count() {
    oks=$(grep -c '^ok ' "$output")
    bad=$(grep '^not ok ' "$output" | grep -cv '# SKIP')
    skips=$(grep -ci '^ok .*# skip' "$output")
    # cmocka says `not ok N # SKIP name` of a test that skipped itself.
    sed -n 's/^not ok .*# SKIP *//p' "$output" >"$names"
    while read -r name; do
        if may_skip "$name"; then skips=$((skips + 1)) oks=$((oks + 1)); else bad=$((bad + 1)); fi
    done <"$names"
    if [ "$status" -eq 77 ] && [ "$oks$bad" = 00 ]; then
        if may_skip "${1##*/}"; then skips=1 oks=1; else bad=1; fi
    elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    elif [ "$status" -eq 0 ] && [ "$oks$bad" = 00 ]; then
        case $1 in */kernel/*) oks=1 ;; *) bad=1 ;; esac
    fi
    passed=$((passed + oks - skips))
    failed=$((failed + bad))
    skipped=$((skipped + skips))
}

for test in "$@"; do
    begun=$(date +%s)
    run_one "$test"
    status=$?
    count "$test"
    took=$(($(date +%s) - begun))
    word=ok
    [ "$bad" -eq 0 ] || word=FAILED
    printf '  %-6s %s: %d passed, %d failed, %d skipped (%d s)\n' "$word" "$test" $((oks - skips)) "$bad" "$skips" "$took"
    grep -iE '^(not )?ok .*# skip' "$output" | sed 's/^/         /'
    [ "$status" -ne 77 ] || sed 's/^/         /' "$output"
    if [ "$bad" -ne 0 ]; then
        grep -vE '^(ok |[0-9]+\.\.)' "$output" | sed 's/^/         /' | tail -n 60
        echo "$test (exit $status)" >>"$failures"
    elif [ "${VERBOSE:-0}" = 1 ]; then
        sed 's/^/         /' "$output"
    fi
done

if [ -s "$failures" ]; then
    echo "Failed:"
    sed 's/^/  /' "$failures"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
