#!/bin/sh
# SPDX-License-Identifier: MIT
# A writer killed at each of its system calls: the old policy holds or the new one, and nothing hinders the next.
# shellcheck disable=SC2086,SC2154 # ORDINARY is several words; answer is set by say
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../reloading.sh"
reloading_begin
helper killed_at
folders

# Two rules, for 127.0.0.1:9 and the rest of the loopback: of one text both, or of the other.
both() { # both ERRNO
    echo "version = 1; log = { what = \"none\"; }; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; },
        { action = \"deny\"; to = \"127.0.0.0/8\"; errno = \"$1\"; } );" >policy.new && mv policy.new policy.conf
}
both EIO
start $ORDINARY
expect old EIO 'a process under the policy'

# Every STEP-th call only, where somebody is in a hurry.
sanitized && STEP=7
step=0 torn='' stuck='' unlike='' ended=''
before=EIO
set -- EHOSTDOWN ENETDOWN ENETRESET
while [ $step -lt 500 ]; do
    both "$1"
    as_user "$SCRATCH/killed_at" $step "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || ended=$?
    [ -z "$ended" ] || break
    say both
    case $answer in "$before $before" | "$1 $1") ;; *) torn="$torn $step:$answer" ;; esac
    both "$2" # the killed one's text is never published as it was: the next one does not lean on its work
    as_user "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || stuck="$stuck $step:$(cat err)"
    say both
    [ "$answer" = "$2 $2" ] || unlike="$unlike $step:$answer"
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
    both "$1"
    as_user "$SCRATCH/killed_at" $step "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err || break
    as_user "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf" 2>err
    say both
    [ "$answer" = "$1 $1" ] || unlike="$unlike $step:$answer"
    set -- "$2" "$3" "$1"
    step=$((step + ${STEP:-3}))
done
is "$unlike" '' 'a text whose writer was killed is published by the next one'
stop
done_testing
