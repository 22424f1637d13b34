#!/bin/sh
# SPDX-License-Identifier: MIT
# Where the kernel grants no ping sockets a program sees what a raw socket's refusal looks like, and somebody is told
# why. Where only bind is refused everything works, by identifiers of our own.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
plain_copies
laboratory closed || { ok 1 'the laboratory is made'; done_testing; }
helper no_ping

preloaded() { # preloaded CMD...: without a policy
    as_user timeout 20 env LD_PRELOAD="$LIBSOCKADE" "$@"
}

cat >errors.py <<'END'
import errno, socket
for family, kind, protocol in (
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
        (socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP),
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW), (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP),
        (socket.AF_INET, socket.SOCK_RAW, 0), (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)):
    try:
        socket.socket(family, kind, protocol)
        print("granted")
    except OSError as error:
        print(errno.errorcode[error.errno])
END
# What programs say to a refusal, from the one to the other; stderr too.
say() { # say CMD...
    for program in 'inetutils-ping -c 1 127.0.0.1' 'inetutils-ping6 -c 1 ::1' 'busybox ping -c 1 127.0.0.1' \
        'busybox ping6 -c 1 ::1' 'busybox traceroute -n 127.0.0.1' 'fping 127.0.0.1' 'fping -6 ::1' \
        'oping -c 1 127.0.0.1' 'traceroute -n -I 127.0.0.1' 'iputils-ping -n -c 1 127.0.0.1' \
        'iputils-ping -6 -n -c 1 ::1'; do
        command -v "${program%% *}" >/dev/null || continue
        echo "$program"
        # shellcheck disable=SC2086 # several words
        "$@" $program 2>&1
        echo "exit status $?"
    done
}

# 1. The range closed, which is the kernel's own default.
as_user "$PYTHON" errors.py >bare.txt
preloaded "$PYTHON" errors.py >preloaded.txt
is "$(cat preloaded.txt)" "$(cat bare.txt)" 'range closed: each kind of socket fails as it does bare'
is "$(head -n 2 preloaded.txt | sort -u)" EPERM 'range closed: a raw socket is refused with EPERM'
say as_user timeout 20 >bare.txt
say preloaded >preloaded.txt
is "$(cat preloaded.txt)" "$(cat bare.txt)" 'range closed: programs say what they say bare, on stderr too'

# One line a process says why and what would help.
cat >policy.conf <<END
version = 1;
log = { to = "file:$USER_HOME/events.jsonl"; };
END
cat >hintless.conf <<END
version = 1;
log = { to = "file:$USER_HOME/hintless.jsonl"; };
icmp = { hint = false; };
END
as_user rm -f "$USER_HOME/events.jsonl"
capture shimmed "$SCRATCH/policy.conf" "$PYTHON" errors.py
is "$(grep -c ping_group_range "$USER_HOME/events.jsonl")" 1 'range closed: one line of the log tells the sysctl' ||
    note log "$(cat "$USER_HOME/events.jsonl")"
unlike "$ERR" ping_group_range 'a stderr that is no terminal has none'
if command -v script >/dev/null; then
    capture shimmed "$SCRATCH/policy.conf" script -q -e -c "'$PYTHON' errors.py" /dev/null
    is "$(printf '%s\n' "$OUT" | grep -c ping_group_range)" 1 'a terminal is told once' || note terminal "$OUT"
    capture shimmed "$SCRATCH/hintless.conf" script -q -e -c "'$PYTHON' errors.py" /dev/null
    unlike "$OUT" ping_group_range 'icmp.hint = false: a terminal is not told'
else
    skip 'no script(1)' 'a terminal is told once'
fi

# 2. Ping sockets taken away by a seccomp filter.
grant_ping_sockets
as_user ./no_ping socket "$PYTHON" errors.py >bare.txt
preloaded ./no_ping socket "$PYTHON" errors.py >preloaded.txt
is "$(cat preloaded.txt)" "$(cat bare.txt)" 'ping sockets filtered: each kind of socket fails as it does bare'
is "$(head -n 2 preloaded.txt | sort -u)" EPERM 'ping sockets filtered: a raw socket is refused with EPERM'
say as_user timeout 20 ./no_ping socket >bare.txt
say preloaded ./no_ping socket >preloaded.txt
is "$(cat preloaded.txt)" "$(cat bare.txt)" 'ping sockets filtered: programs say what they say bare'

# 3. bind refused: the program cannot have its identifier on the wire, and finds it in what comes back all the same.
works() { # works PATTERN CMD...
    pattern=$1
    shift
    command -v "$1" >/dev/null || { skip "$1 is not installed" "bind refused: $*"; return; }
    capture preloaded ./no_ping bind "$@"
    like "$OUT$ERR" "$pattern" "bind refused: $*"
}
works '3 packets received, 0%' inetutils-ping -n -c 3 -i 0.2 10.3.0.1
works 'from 10.2.0.2: Time to live exceeded' inetutils-ping -n -c 1 -w 2 --ttl 2 10.3.0.1
works '2 packets received, 0%' inetutils-ping6 -n -c 2 fd00:3::1
works '3 packets received, 0%' busybox ping -c 3 -i 0.2 10.3.0.1
works '3 packets received, 0%' busybox ping6 -c 3 -i 0.2 fd00:3::1
works '10.3.0.3 is alive' fping 10.3.0.1 10.3.0.2 10.3.0.3
works 'fd00:3::1 is alive' fping -6 fd00:3::1
works '2 received' oping -c 2 -i 0.2 10.3.0.1
works '^10.3.0.3 4 0x45 length 84 of 84 ttl 62' "$PYTHON" "$PROGRAMS/threads.py" 10.3.0.1 10.3.0.2 10.3.0.3
works '10.3.0.1 alive' env SOCKADE_POLICY="$PROGRAMS/pretend_root.conf" perl "$PROGRAMS/net_ping.pl" icmp 2 10.3.0.1
# The identifier of the quoted packet is the program's own, not the one on the wire.
capture preloaded ./no_ping bind inetutils-ping -v -n -c 1 -w 2 --ttl 2 10.3.0.1
is "$(printf '%s\n' "$OUT" | grep -o 'id 0x[0-9a-f]*' | sort -u | grep -c .)" 1 \
    'bind refused: a quoted packet has the identifier of the program' || note output "$OUT"
done_testing
