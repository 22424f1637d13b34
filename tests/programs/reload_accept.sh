#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# A server that waits in accept while its policy is changed judges whom it takes by the new one; and every call that
# looks at the sources does.
# shellcheck disable=SC2086,SC2154 # ORDINARY is several words; answer is set by say
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../reloading.sh"
reloading_begin
folders
need "$PYTHON" python3

rules() { # rules RULE...: the text
    echo "version = 1; log = { what = \"none\"; }; rules = ( $* );" >policy.new && mv policy.new policy.conf
}
publish() {
    reload
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
        rules "{ action = \"deny\"; $before = \"192.0.2.1\"; proto = \"tcp\"; }"
        start $ORDINARY
        say port
        port=$answer
        say accept
        sleep 0.2
        rules '{ action = "deny"; from = "127.0.0.2"; proto = "tcp"; },
            { action = "deny"; to = "127.0.0.1"; port = 9; errno = "ENETDOWN"; }'
        publish
        if [ "$who" = 'another thread' ]; then
            expect old ENETDOWN 'the other thread decides by the new policy'
        fi
        is "$(connect 127.0.0.2)" reset "$what: whom the new policy refuses is reset"
        is "$(connect 127.0.0.1)" closed "$what: whom it allows is taken"
        expect accepted 127.0.0.1 "$what: and accept tells that one"

        say accept
        sleep 0.2
        rules '{ action = "deny"; on = "127.0.0.1"; errno = "EADDRNOTAVAIL"; }'
        publish
        is "$(connect 127.0.0.1)" reset "$what: a listener that the new policy refuses takes nobody"
        expect accepted EADDRNOTAVAIL "$what: accept fails"
        stop
    done
done

# The calls that look at the sources once a second.
rules '{ action = "deny"; to = "127.0.0.1"; port = 9; errno = "EHOSTDOWN"; }'
start $ORDINARY
set -- ENETDOWN ENETRESET EHOSTUNREACH EHOSTDOWN
for call in new bind listen take; do
    rules "{ action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; }"
    settle $call "$1" "an edit is seen within a second of the next call: $call"
    shift
done
stop
done_testing
