#!/bin/sh
# SPDX-License-Identifier: MIT
# Start: the text is compiled by a child that the program cannot notice; edits hold for the next process; where no
# child is to be had, or the text is bad, the last good image holds, and without one everything is closed.
# shellcheck disable=SC2086 # what stands in front of a command is several words
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
http_server 127.0.0.1 8080
helper no_clone

write_policy() { # write_policy ERRNO: or none, which allows
    echo 'version = 1;' >policy.new
    [ "$1" = none ] ||
        echo "rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 8080; errno = \"$1\"; } );" >>policy.new
    mv policy.new policy.conf
}
preload="env LD_PRELOAD=$LIBSOCKADE SOCKADE_POLICY=$SCRATCH/policy.conf"
found="$PYTHON $TESTS/programs/start.py found"
start() { # start WORDS...: the check, preloaded, behind WORDS
    capture as_user timeout 20 "$@" $preload $found
}
how="$PYTHON $TESTS/programs/start.py"
fresh() { # no image is left of earlier starts
    rm -rf "$USER_HOME/.cache"
}
images() {
    find "$USER_HOME/.cache/sockade" -name '*.image' -printf '%i %T@\n' 2>/dev/null
}

# What a start is without the object, for comparison.
usual=$(as_user $found)
like "$usual" '^no child, no SIGCHLD, .*, connected$' 'the bare program: no child, no signal'
usual=${usual%, connected}

# The child is not noticed.
write_policy EHOSTDOWN
fresh
start env
is "$OUT$ERR" "$usual, EHOSTDOWN" 'the first start compiles, and is noticed by nothing'
is "$(images | wc -l)" 1 'an image is left'
first=$(images)
start env
is "$OUT$ERR $(images)" "$usual, EHOSTDOWN $first" 'the second start uses it'
fresh
start $how blocked
is "$OUT$ERR" "$usual, EHOSTDOWN" 'SIGCHLD blocked: none is pending'
fresh
start $how ignored
is "$OUT$ERR" "$(echo "$usual" | sed 's/SIGCHLD/& ignored/'), EHOSTDOWN" 'SIGCHLD ignored: compiled all the same'

# A process that waits for nothing in particular is not handed ours.
fresh
capture as_user $preload sh -c 'wait; sleep 0.1 & wait $!; echo $?'
is "$OUT$ERR" 0 'a shell waits for its own child alone'

# Edits.
write_policy ENETDOWN
start env
is "$OUT$ERR" "$usual, ENETDOWN" 'an edit holds for the next process'
write_policy none
start env
is "$OUT$ERR" "$usual, connected" 'an edit that allows does too'
write_policy EHOSTDOWN
start env
echo 'version = 1; rules = ( { action = "deny"; to = "127.0.0.1"; port = 8080; errno = "ENETDOWN"; ' >policy.conf
start env
is "$OUT" "$usual, EHOSTDOWN" 'a bad edit: the last good image holds'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'a bad edit: one line on stderr'
like "$ERR" '^sockade: .*policy\.conf' 'a bad edit: the line names the file'
capture as_user "$SOCKADE" run --policy "$SCRATCH/policy.conf" -- touch "$USER_HOME/ran"
[ "$STATUS" -eq 125 ] && [ ! -e "$USER_HOME/ran" ]
ok $? 'a bad edit: sockade run starts nothing all the same'
write_policy ENETRESET
start env
is "$OUT$ERR" "$usual, ENETRESET" 'mended: the new rules hold'

# No child to be had.
for refuse in "$how nproc" "$SCRATCH/no_clone"; do
    name=${refuse##*/}
    if [ "$name" = 'start.py nproc' ] && as_user $refuse sh -c '(:)' 2>/dev/null; then
        skip 'process limits do not bind this user' "$name"
        continue
    fi
    write_policy EHOSTDOWN
    fresh
    start $refuse
    is "$OUT" "$usual, EACCES" "$name: without an image everything is closed"
    is "$(printf '%s\n' "$ERR" | grep -c .)" 1 "$name: one line on stderr"
    start env
    start $refuse
    is "$OUT$ERR" "$usual, EHOSTDOWN" "$name: a fresh image needs no child"
    write_policy ENETDOWN
    start $refuse
    is "$OUT" "$usual, EHOSTDOWN" "$name: a stale image holds"
    is "$(printf '%s\n' "$ERR" | grep -c .)" 1 "$name: one line on stderr says so"
done

# Descriptors 0 to 2 closed: the program's next open must still get the lowest number, and no message lands in its file.
fresh
capture as_user $preload sh -c "exec '$PYTHON' -c 'import os; print(os.open(\"/dev/null\", 0))' 0<&- 2>&-"
is "$OUT" 0 'descriptor 0 is left closed'
done_testing
