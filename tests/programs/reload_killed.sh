#!/bin/sh
# SPDX-License-Identifier: MIT
# A writer killed at each of its system calls: the old policy holds or the new one, nothing is left that hinders the next.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper reload_probe
helper killed_at
mkdir "$USER_HOME/run"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/run"
export XDG_RUNTIME_DIR="$USER_HOME/run"

# Two rules, for 127.0.0.1:9 and the rest of the loopback: of one text both, or of the other.
write() { # write ERRNO
    echo "version = 1; log = { what = \"none\"; }; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; },
        { action = \"deny\"; to = \"127.0.0.0/8\"; errno = \"$1\"; } );" >policy.new && mv policy.new policy.conf
}
write EIO
mkfifo ask answer
as_user timeout 200 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" "$SCRATCH/reload_probe" <ask >answer &
exec 8>ask 9<answer
ask() {
    echo "$*" >&8
    reply=
    read -r reply <&9 || reply=gone
}
ask old
is "$reply" EIO 'a process under the policy'

# Every STEP-th call only, where somebody is in a hurry.
sanitized && STEP=7
step=0 torn='' stuck='' unlike='' ended=''
before=EIO
set -- EHOSTDOWN ENETDOWN ENETRESET
while [ $step -lt 500 ]; do
    write "$1"
    as_user "$SCRATCH/killed_at" $step "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || ended=$?
    [ -z "$ended" ] || break
    ask both
    case $reply in "$before $before" | "$1 $1") ;; *) torn="$torn $step:$reply" ;; esac
    write "$2" # the killed one's text is never published as it was: the next one does not lean on its work
    as_user "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || stuck="$stuck $step:$(cat err)"
    ask both
    [ "$reply" = "$2 $2" ] || unlike="$unlike $step:$reply"
    before=$2
    set -- "$3" "$1" "$2"
    step=$((step + ${STEP:-1}))
done
[ $step -gt 50 ] && [ "$ended" = 3 ]
ok $? "killed at each of its calls after the first lock ($step of them)"
is "$torn" '' 'the old policy holds afterwards, or the new one, with both its rules'
is "$stuck" '' 'the next writer is not held up'
is "$unlike" '' 'and is followed with the next call'
is "$(find "$USER_HOME/run/sockade" -name '*.new' | wc -l)" 0 'nothing is left lying about'

# The same text again: what was published, and told to nobody, is told by the next.
step=0 unlike=''
while [ $step -lt 500 ]; do
    write "$1"
    as_user "$SCRATCH/killed_at" $step "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || break
    as_user "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err
    ask both
    [ "$reply" = "$1 $1" ] || unlike="$unlike $step:$reply"
    set -- "$2" "$3" "$1"
    step=$((step + ${STEP:-3}))
done
is "$unlike" '' 'a text whose writer was killed is published by the next one'
exec 8>&- 9<&-
wait
done_testing
