#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Real programs on raw ICMP sockets: bare as root against translated as an ordinary user, as a table. The cases are in
# the file `cases`; ONLY=WORD takes those whose program or command contains it.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"

# One case in a laboratory of its own: table.sh WORLD COMMAND
if [ $# -eq 2 ]; then
    laboratory || exit 125
    case $2 in *10.77.* | *fd00:77:*) label_router || exit 125 ;; esac
    case $1 in
    bare) exec timeout 25 sh -c "$2" ;;
    *) as_user timeout 25 env LD_PRELOAD="$LIBSOCKADE" sh -c "$2" ;;
    esac
    exit
fi

enter_net
scratch
plain_copies

# The ordinary user's situation, without which nothing would be shown: no raw socket, and ping sockets.
opens() { # opens TYPE
    as_user "$PYTHON" -c "import socket; socket.socket(socket.AF_INET, socket.$1, socket.IPPROTO_ICMP)" 2>/dev/null
}
grant_ping_sockets
! opens SOCK_RAW
ok $? 'the ordinary user is refused a raw socket'
opens SOCK_DGRAM
ok $? 'the ordinary user is granted a ping socket'

export PROGRAMS LIBSOCKADE USER_HOME
"$PYTHON" "$TESTS/icmp/table.py" "$TESTS/icmp/cases" unshare -n -m -- sh "$TESTS/icmp/table.sh" >results ||
    ok 1 'the table is made'
while IFS= read -r line; do
    case $line in
    'ok '*) ok 0 "${line#ok }" ;;
    'not ok '*) ok 1 "${line#not ok }" ;;
    'skip '*) skip "${line##*	}" "$(printf '%s\n' "${line#skip }" | cut -f 1)" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <results
done_testing
