#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# A server that waits in accept while its policy is changed judges whom it takes by the new one; and every call that looks
# at the sources does.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
need "$PYTHON" python3
helper reload_probe
mkdir "$USER_HOME/run"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/run"
export XDG_RUNTIME_DIR="$USER_HOME/run"
mkfifo ask answer

start() {
    as_user timeout 60 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" "$SCRATCH/reload_probe" \
        <ask >answer 2>probe.err &
    probe=$!
    exec 8>ask 9<answer
}
say() {
    echo "$*" >&8
    reply=
    read -r reply <&9 || reply=gone
}
policy() { # policy RULE...: the text
    echo "version = 1; log = { what = \"none\"; }; rules = ( $* );" >policy.new && mv policy.new policy.conf
}
reload() {
    capture as_user "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf"
    is "$STATUS$ERR" 0 'sockade reload'
}
# connect SOURCE: `reset` or `closed` is printed, by what became of the connection
connect() {
    bare "$PYTHON" -c 'import socket, sys
try:
    answer = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 5, (sys.argv[1], 0)).recv(9)
    print("closed" if answer == b"" else answer)
except ConnectionResetError:
    print("reset")' "$1" "$port"
}
# Meanwhile another thread may be the one that takes the new image, or nobody has before accept is back.
for before in to from; do
    for who in 'the same thread' 'another thread'; do
        what="a rule with '$before' before, $who follows"
        policy "{ action = \"deny\"; $before = \"192.0.2.1\"; proto = \"tcp\"; }"
        start
        say port
        port=$reply
        say accept
        sleep 0.2
        policy '{ action = "deny"; from = "127.0.0.2"; proto = "tcp"; },
            { action = "deny"; to = "127.0.0.1"; port = 9; errno = "ENETDOWN"; }'
        reload
        if [ "$who" = 'another thread' ]; then
            say old
            is "$reply" ENETDOWN 'the other thread decides by the new policy'
        fi
        is "$(connect 127.0.0.2)" reset "$what: whom the new policy refuses is reset"
        is "$(connect 127.0.0.1)" closed "$what: whom it allows is taken"
        say accepted
        is "$reply" 127.0.0.1 "$what: and accept tells that one"

        say accept
        sleep 0.2
        policy '{ action = "deny"; on = "127.0.0.1"; errno = "EADDRNOTAVAIL"; }'
        reload
        is "$(connect 127.0.0.1)" reset "$what: a listener that the new policy refuses takes nobody"
        say accepted
        is "$reply" EADDRNOTAVAIL "$what: accept fails"
        exec 8>&- 9<&-
        wait $probe
    done
done

# The calls that look at the sources once a second.
policy '{ action = "deny"; to = "127.0.0.1"; port = 9; errno = "EHOSTDOWN"; }'
start
set -- ENETDOWN ENETRESET EHOSTUNREACH EHOSTDOWN
for call in new bind listen take; do
    policy "{ action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; }"
    left=30
    while say $call && [ "$reply" != "$1" ] && [ $((left -= 1)) -gt 0 ]; do sleep 0.1; done
    is "$reply" "$1" "an edit is seen within a second of the next call: $call"
    shift
done
exec 8>&- 9<&-
wait
done_testing
