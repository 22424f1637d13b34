#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests, a few at a time (JOBS, one more than there are processors), and counts what they say.
#
# usage: run.sh TEST...
#
# A script with a line `# Mostly waits: runs beside the others.` is started at the beginning, and one with a line that begins
# with `# Runs alone:` when all others have ended.
#
# A test is a script that prints TAP, a cmocka program, or a kernel proof (exit 0 proved, 77 skipped). What a test prints
# is shown only where it failed, or with VERBOSE=1. The last line is `N passed, N failed, N skipped`.

here=${0%/*}
: "${BUILD:=build}"
export BUILD DECISIONS
export SOCKADE="${SOCKADE:-$PWD/$BUILD/sockade}" LIBSOCKADE="${LIBSOCKADE:-$PWD/$BUILD/libsockade.so}"
export CMOCKA_MESSAGE_OUTPUT=TAP
jobs=${JOBS:-$(($(nproc) + 1))}
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

start() {
    file=$(file_of "$1")
    (
        begun=$(date +%s)
        run_one "$1" "$file.output" 3<&- 4<&-
        echo $? $(($(date +%s) - begun)) >"$file.status"
    ) &
    echo $! >"$file.pid"
}

# Waits for a test that was started; sets $status and $took, and fills $output.
finish() {
    file=$(file_of "$1")
    wait "$(cat "$file.pid")"
    read -r status took <"$file.status"
    cp "$file.output" "$output"
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

# Waits for a test and tells how it went.
tell() {
    finish "$1"
    count "$1"
    word=ok
    [ "$bad" -eq 0 ] || word=FAILED
    printf '  %-6s %s: %d passed, %d failed, %d skipped (%d s)\n' "$word" "$1" $((oks - skips)) "$bad" "$skips" "$took"
    grep -iE '^(not )?ok .*# skip' "$output" | sed 's/^/         /'
    [ "$status" -ne 77 ] || sed 's/^/         /' "$output"
    if [ "$bad" -ne 0 ]; then
        grep -vE '^(ok |[0-9]+\.\.)' "$output" | sed 's/^/         /' | tail -n 60
        echo "$1 (exit $status)" >>"$failures"
    elif [ "${VERBOSE:-0}" = 1 ]; then
        sed 's/^/         /' "$output"
    fi
}

says() { # says TEST PATTERN: whether the script has such a line
    case $1 in
    *.sh) grep -q "^# $2" "$1" ;;
    *) false ;;
    esac
}

: >"$folder/queue"
: >"$folder/alone"
for test in "$@"; do
    if says "$test" 'Mostly waits: runs beside the others\.'; then
        start "$test"
    elif says "$test" 'Runs alone:'; then
        echo "$test" >>"$folder/alone"
    else
        echo "$test" >>"$folder/queue"
    fi
done
# The next ones are started while one is waited for, in order.
ahead=0
exec 3<"$folder/queue"
for test in "$@"; do
    while [ "$ahead" -lt "$jobs" ] && read -r next <&3; do
        start "$next"
        ahead=$((ahead + 1))
    done
    ! grep -qxF "$test" "$folder/alone" || continue
    tell "$test"
    ! grep -qxF "$test" "$folder/queue" || ahead=$((ahead - 1))
done
while read -r test <&4; do
    start "$test"
    tell "$test"
done 4<"$folder/alone"

if [ -s "$failures" ]; then
    echo "Failed:"
    sed 's/^/  /' "$failures"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
