#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs alone: it counts what happens once a second, and what waits ask.
# No system call on a hot path: a program's socket calls under strace, on sockets that it opened, inherited over fork and
# exec, duplicated onto other numbers and was passed, under rules that cannot be decided without protocol and port. In its
# loops the preloaded program makes the calls that it makes bare, and no other but a look at the sources once a second.
# shellcheck disable=SC2086 # variables of several words
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need "$PYTHON" python3
need strace strace
enter_net
scratch
sanitized && { skip 'a sanitizer makes calls of its own' syscalls.sh; done_testing; }
as_user strace -o /dev/null true 2>/dev/null || { skip 'strace may not trace here' syscalls.sh; done_testing; }
helper syscalls
mkdir "$USER_HOME/sockets"
[ "$TEST_INSIDE" -ne 0 ] || chown 65534:65534 "$USER_HOME/sockets"

# The ports are those of syscalls.c. Each rule names the other protocol, so that all of them are looked at in vain.
outbound='
  { name = "smtp"; action = "deny"; to = "any"; proto = "tcp"; port = ( 25, 465, "2525-2526" ); },
  { name = "no-udp"; action = "deny"; to = "any"; proto = "udp"; port = 4001; },
  { name = "no-tcp"; action = "deny"; to = "any"; proto = "tcp"; port = "4002-4003"; },
  { name = "others"; action = "deny"; to = "any"; except = "loopback"; errno = "EHOSTUNREACH"; }'
inbound='
  { name = "from-udp"; action = "deny"; from = "any"; proto = "udp"; port = 4001; },
  { name = "from-tcp"; action = "deny"; from = "any"; proto = "tcp"; port = "4002-4003"; }'
sources='
  { name = "no-such"; action = "deny"; from = "any"; except = "loopback"; proto = ( "tcp", "udp" ); },
  { name = "icmp"; action = "deny"; from = "any"; proto = "icmp"; }'
listening='
  { name = "on-port"; action = "deny"; on = "any"; proto = "tcp"; port = 10000; },
  { name = "on-udp"; action = "deny"; on = "any"; proto = "udp"; port = 4001; },
  { name = "on-address"; action = "deny"; on = "192.0.2.1"; port = 4001; }'
echo "version = 1; rules = ( $outbound );" >outbound.conf
echo "version = 1; rules = ( $inbound );" >inbound.conf
echo "version = 1; rules = ( $outbound, $inbound, $listening );" >all.conf
awk 'BEGIN {
    srand(1)
    for (i = 0; i < 100000; i++)
        printf "%d.%d.%d.%d\n", 11 + rand() * 100, rand() * 256, rand() * 256, rand() * 256
    for (i = 0; i < 20000; i++)
        printf "2001:%x:%x:%x::/64\n", rand() * 65536, rand() * 65536, rand() * 65536
}' >list.txt
echo "version = 1;
sets = { many = { file = \"list.txt\"; }; };
rules = ( { action = \"deny\"; to = \"@many\"; proto = \"tcp\"; port = ( 4001, 443 ); },
  { action = \"deny\"; to = \"@many\"; proto = \"udp\"; }, { action = \"deny\"; from = \"@many\"; }, $outbound, $sources );" >large.conf

traced() { # traced NAME ASSIGNMENT...
    name=$1
    shift
    words=''
    for word in "$@"; do words="$words -E $word"; done
    capture as_user timeout 60 strace -f -ttt -s 96 $words -o "$USER_HOME/$name.trace" \
        "$SCRATCH/syscalls" 10 10000 "$USER_HOME/sockets"
    is "$STATUS$OUT$ERR" 0 "$name: the program runs to its end"
}
compared() { # compared NAME ONE_MORE SOURCES
    capture "$PYTHON" "$TESTS/programs/syscalls.py" "$USER_HOME/bare.trace" "$USER_HOME/$1.trace" "$2" "$3"
    is "$STATUS" 0 "$1: no system call more than bare: $(printf '%s\n' "$OUT" | tail -n 1)" || note more "$OUT"
}

traced bare SOCKADE_NOTHING=1
traced none LD_PRELOAD="$LIBSOCKADE"
compared none 0 4
for policy in outbound inbound all large; do
    as_user "$SOCKADE" compile --quiet "$SCRATCH/$policy.conf" || ok 1 "$policy.conf compiles"
    traced $policy LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/$policy.conf"
    case $policy in
    inbound | all) one_more=1 ;; # a rule names a local port or address
    *) one_more=0 ;;
    esac
    compared $policy $one_more 5
done

# A count is worth what it notices: the program that asks about its socket before each call.
sed '/end many udp4 sendto/ { h; s/write(.*/getsockopt(8, SOL_SOCKET, SO_TYPE, [2], [4]) = 0/p; x; }' \
    "$USER_HOME/outbound.trace" >"$USER_HOME/worse.trace"
capture "$PYTHON" "$TESTS/programs/syscalls.py" "$USER_HOME/bare.trace" "$USER_HOME/worse.trace" 0 5
like "$STATUS $OUT" "^1 udp4 sendto .many.: .'getsockopt': 1. more than 10000" 'one call more in ten thousand is noticed'
done_testing
