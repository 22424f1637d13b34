#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests one after the other and counts what they say.
#
# usage: run.sh TEST...
#
# A script with a line `# Mostly waits: runs beside the others.` is started at the beginning.
#
# A test is a script that prints TAP, a cmocka program, or a kernel proof (exit 0 proved, 77 skipped). What a test prints
# is shown only where it failed, or with VERBOSE=1. The last line is `N passed, N failed, N skipped`.

here=${0%/*}
: "${BUILD:=build}"
export BUILD DECISIONS
export SOCKADE="${SOCKADE:-$PWD/$BUILD/sockade}" LIBSOCKADE="${LIBSOCKADE:-$PWD/$BUILD/libsockade.so}"
export CMOCKA_MESSAGE_OUTPUT=TAP
passed=0 failed=0 skipped=0
folder=$(mktemp -d)
output=$folder/output
failures=$folder/failures
names=$folder/names
trap 'rm -rf "$folder"' EXIT
: >"$failures"

# Whether a kernel proof may be skipped: only where nobody insists, or where tests/may-skip names it.
may_skip() {
    [ "${SOCKADE_MUST_RUN:-0}" != 1 ] || grep -q "^$1: " "$here/may-skip"
}

# Its output goes to the file $2.
run_one() {
    case $1 in
    *.py) timeout 600 python3 "$1" "$SOCKADE" "${DECISIONS:-100000}" ;;
    *.sh) timeout "${TEST_SECONDS:-600}" sh "$1" ;;
    *) timeout 300 "$1" ;;
    esac >"$2" 2>&1 </dev/null
}

# The name of a test as a file of ours.
file_of() {
    echo "$folder/$(echo "$1" | tr / _)"
}

start_beside() {
    file=$(file_of "$1")
    (
        run_one "$1" "$file.output"
        echo $? >"$file.status"
    ) &
    echo $! >"$file.pid"
}

# Runs a test, or waits for one that was started before; sets $status, and fills $output.
finish() {
    file=$(file_of "$1")
    if [ -e "$file.pid" ]; then
        wait "$(cat "$file.pid")"
        status=$(cat "$file.status")
        cp "$file.output" "$output"
    else
        status=0
        run_one "$1" "$output" || status=$?
    fi
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
    case $test in
    *.sh) ! grep -q '^# Mostly waits: runs beside the others\.' "$test" || start_beside "$test" ;;
    esac
done
for test in "$@"; do
    begun=$(date +%s)
    finish "$test"
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
