#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Real, unmodified programs, each run three ways: bare, preloaded under a policy that judges everything and refuses
# nothing, and refused under a policy that matters. Bare and preloaded must say the same; it ends with a table.
#
# usage: table.sh [NAME...]      the cases of these names, else all
#        REAL_QUICK=1            only those marked quick
#        REAL_TABLE=1            shows the table and failures, without a line for each test
#
# Packages are installed by `make table`, `make check-long` and, for the quick ones, `make check`.
#
# How to write a case: a file cases/NAME.sh, which sets and defines for POSIX sh
#
#   program='curl'              the first column
#   needs='curl:curl X:Y'       one line: commands (or files, with * in them) and the Debian packages that bring them
#   quick=yes                   for cases of about a second (both runs): they are in `make check` too
#   version() { ... }           optional: prints the version somewhere; its first number is shown
#   seconds=30                  optional: the time limit of one run, 60 where it is not set
#   addresses='2001:db8::1'     optional: more addresses of the loopback device (it has 127.0.0.0/8 and ::1)
#   setup() { ... }             optional: files, and servers on the other side; always bare, what it says is not compared
#   run() { ... }               the programs under test, preloaded but in the bare world; what it says on stdout and
#                               stderr and its status are the result. A part of it runs bare by `bare COMMAND...`
#   shows='200 OK'              extended regular expression: the line that bare shows, as proof that it did what it is for
#   normal() { sed ...; }       optional: a filter that takes away what differs between two bare runs (ports, times)
#   refusing='deny_to = ...;'   the policy that matters, without its version and log
#   refused_status=7            how `run` ends under it
#   refused_shows='Permission'  the line that the program shows then
#   refused_events=0            only where the refusal is not one of the event log's (default: one or more)
#
# Each run is an ordinary user's, in network, mount, IPC and process namespaces of its own (so ports may be fixed ones,
# and nothing outlives it), in an empty folder that has the same name in every world and is HOME. Ports below 1024 may
# be
# bound; the user is `tester` with a shell; names are asked of 127.0.0.1, and /etc/hosts is the system's. In there:
#
#   serve COMMAND...            starts a server in the background; its output is in server.log
#   ready PORT, ready_udp PORT  waits until somebody listens; if the server ends instead, shows its log and returns its
#                               status: `ready 80 || return`
#   wait_for SECONDS COMMAND    until COMMAND succeeds
#   free_of_times               a filter for `normal`: clock times, durations, dates
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
[ $# -eq 0 ] || export REAL_NAMES="$*"
enter_net
scratch
mkdir tests tests/real worlds here
cp "$TESTS"/*.sh tests/
cp -r "$TESTS"/real/* tests/real/
chmod -R a+rX tests
export LIBSOCKADE

# chosen: the names of the cases
chosen() {
    for name in ${REAL_NAMES:-$(cd "$TESTS/real/cases" && ls)}; do
        name=${name%.sh}
        [ "${REAL_QUICK:-}" != 1 ] || grep -q '^quick=yes' "$TESTS/real/cases/$name.sh" || continue
        echo "$name"
    done
}

# lacks NAME: prints what is not installed
lacks() {
    # shellcheck disable=SC2046 # a list
    set -- $(sed -n "s/^needs='\(.*\)'.*/\1/p" "$TESTS/real/cases/$1.sh")
    for need in "$@"; do
        sh "$TESTS/real/has.sh" "${need%%:*}" || echo "${need%%:*} is not installed (Debian: ${need#*:})"
    done
}

# worlds NAME: runs the case in each world; the results are worlds/NAME.WORLD/*
worlds() {
    for world in bare preloaded refused; do
        folder=$SCRATCH/worlds/$1.$world
        mkdir "$folder"
        chown --reference="$USER_HOME" "$folder"
        unshare -n -m --ipc --pid --fork --kill-child --mount-proc \
            sh "$SCRATCH/tests/real/world.sh" "$1" "$world" "$SCRATCH" >"$folder.harness" 2>&1 ||
            echo "the harness ended with status $?" >>"$folder.harness"
    done
}

# Two cases at a time: most of it is waiting for programs that start.
# shellcheck disable=SC2046 # a list
set -- $(chosen)
for name in "$@"; do
    lacks "$name" >"worlds/$name.lacks"
    [ ! -s "worlds/$name.lacks" ] || continue
    worlds "$name" &
    running="${running:-} $!"
    # shellcheck disable=SC2086 # a list
    set -- $running
    if [ $# -ge 2 ]; then
        wait "$1"
        shift
        running=$*
    fi
done
wait

# field WORLD NAME: what came of a case there, or what its file says of it
field() {
    cat "worlds/$case.$1/.$2" 2>/dev/null
}

# essence WORLD PATTERN: the status, and the line that matches the pattern, for the table
essence() {
    line=$(field "$1" said | grep -a -E -m 1 -e "$2" | tr -d '\r' | tr '\t' ' ' | sed 's/^ *//' | cut -c 1-56)
    printf '%s %s\n' "$(field "$1" ended)" "${line:---}"
}

# outcome WORLD: what two worlds must have in common
outcome() {
    field "$1" normal
    echo "exit status $(field "$1" ended)"
    cat "worlds/$case.$1.harness"
}

# Whether a case is as it should be in all worlds.
settled() {
    outcome bare >want
    outcome preloaded >got
    cmp -s want got && field bare said | grep -a -E -q -e "$(field bare shows)" &&
        field refused said | grep -a -E -q -e "$(field bare refused_shows)" &&
        [ "$(field refused ended)" = "$(field bare refused_status)" ]
}

# What is not must show itself again: the machine is shared, and every program has time limits.
# shellcheck disable=SC2046 # a list
set -- $(chosen)
for case in "$@"; do
    if [ ! -s "worlds/$case.lacks" ] && ! settled; then
        echo "# once more: $case"
        diff -a want got | head -n 5 | sed 's/^/#   /'
        rm -rf worlds/"$case".bare* worlds/"$case".preloaded* worlds/"$case".refused*
        worlds "$case"
    fi
done

# One case: its tests, and a row of the table.
equal=0 unequal=0 left=0
report() {
    case=$1
    if [ -s "worlds/$case.lacks" ]; then
        skip "$(head -n 1 "worlds/$case.lacks")" "real: $case"
        left=$((left + 1))
        return
    fi
    failed=$TEST_FAILED
    like "$(field bare said)" "$(field bare shows)" "$case: bare, it does what it is for"
    outcome bare >want
    outcome preloaded >got
    is "$(diff -a want got | head -n 40)" '' "$case: preloaded, it says the same" && same='the same' || same='DIFFERS'
    like "$(field refused said)" "$(field bare refused_shows)" "$case: refused, it says so"
    is "$(field refused ended)" "$(field bare refused_status)" "$case: refused, it ends with the status for it"
    unlike "$(field refused said)" '^sockade: .*network calls fail' "$case: refused, by a policy without mistakes"
    [ "$(field bare refused_events)" = 0 ] || [ -s "worlds/$case.refused/.events" ]
    ok $? "$case: refused, which is in the log"
    printf '%s\t%s\t%s\t%s\n' "$(field bare program) $(field bare version)" "$(essence bare "$(field bare shows)")" "$same" \
        "$(essence refused "$(field bare refused_shows)")" >>rows
    if [ "$failed" -eq "$TEST_FAILED" ]; then equal=$((equal + 1)); else unequal=$((unequal + 1)); fi
}

# shellcheck disable=SC2046 # a list
set -- $(chosen)
printf 'program\tbare: status, what it shows\tpreloaded\trefused: status, what it shows\n' >rows
for name in "$@"; do
    report "$name"
done >results

if [ "${REAL_TABLE:-}" = 1 ]; then grep -v '^ok [^#]*$' results; else cat results; fi
awk -F '\t' '
    { for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
    END { for (row = 1; row <= NR; row++) {
        line = "#"
        for (i = 1; i <= 4; i++) line = line sprintf(" %-" width[i] "s" (i < 4 ? " |" : ""), cell[row, i])
        print line
    } }' rows
if [ "$unequal" -eq 0 ]; then
    summary="all equal: $equal programs and ways to use them"
else
    summary="NOT all equal: $unequal of $((equal + unequal))"
fi
echo "# $summary$([ "$left" -eq 0 ] || echo ", $left left out")"
done_testing
