# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# One case in one world, as the ordinary user: run_case.sh NAME WORLD. What the case's file says of itself is left
# beside
# its results for table.sh.
# shellcheck disable=SC2154 # the names that a case sets
WORLD=$2
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
PATH=$PATH:/usr/sbin:/sbin
export TZ=UTC USER=tester LOGNAME=tester SHELL=/bin/sh
unset DISPLAY SSH_AUTH_SOCK TEST_INSIDE http_proxy https_proxy no_proxy MAKEFLAGS MAKELEVEL MFLAGS

SERVED=''
serve() {
    "$@" </dev/null >>server.log 2>&1 &
    SERVED=$!
}

# until_listens CHECK PORT
until_listens() {
    until bare "$1" "$2"; do
        if ! kill -0 "$SERVED" 2>/dev/null; then
            cat server.log
            wait "$SERVED" && return 125
            return
        fi
        sleep 0.02
    done
}
ready() { until_listens listens "$1"; }
ready_udp() { until_listens listens_udp "$1"; }

# bare COMMAND...: a command or a function, without the object
bare() {
    (
        unset LD_PRELOAD SOCKADE_POLICY
        "$@"
    )
}

free_of_times() {
    sed -E 's/[0-9]{1,4}[-\/][0-9A-Z][0-9a-z]{1,2}[-\/][0-9]{2,4}/DATE/g; s/\b[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?\b/TIME/g
        s/(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? ([0-9]+ [A-Z][a-z]{2}|[A-Z][a-z]{2} +[0-9]+)( [0-9]{4})?/DATE/g
        s/[0-9.,]+ ?([mun]?s|secs?|seconds|min)\b/DURATION/g'
}

version() { :; }
setup() { :; }
normal() { cat; }
# shellcheck source=/dev/null # one of many
. "${0%/*}/cases/$1.sh"

printf '%s\n' "$program" >.program
printf '%s\n' "$shows" >.shows
printf '%s\n' "$refused_shows" >.refused_shows
printf '%s\n' "$refused_status" >.refused_status
printf '%s\n' "${refused_events:-}" >.refused_events
version 2>&1 | grep -E -o -m 1 '[0-9]+(\.[0-9]+)+[0-9a-z]*' | head -n 1 >.version
setup >.setup 2>&1 </dev/null

case $WORLD in
preloaded) cp "${0%/*}/judging.conf" .policy ;;
refused) printf 'version = 1;\nlog = { to = "file:%s/.events"; what = "denied"; };\n%s\n' "$HOME" "$refusing" >.policy ;;
esac
[ "$WORLD" = bare ] || export LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$HOME/.policy"
(run) </dev/null >.said 2>&1
status=$?
unset LD_PRELOAD SOCKADE_POLICY
normal <.said >.normal
echo $status >.ended
