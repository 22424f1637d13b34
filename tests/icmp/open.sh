#!/bin/sh
# SPDX-License-Identifier: MIT
# What `icmp` settings make of socket(2) and of a program's questions who it is: translate, over several layers too, the
# advice's words, pretend_root.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch

cat >open.py <<'END'
"""Opens each kind of socket and tells what the kernel takes it for, by its list of raw sockets."""
import errno
import fcntl
import os
import socket


def tell(name, family, kind, protocol):
    try:
        with socket.socket(family, kind, protocol) as raw:
            flags = fcntl.fcntl(raw, fcntl.F_GETFD), bool(fcntl.fcntl(raw, fcntl.F_GETFL) & socket.SOCK_NONBLOCK)
            with open("/proc/net/raw6" if family == socket.AF_INET6 else "/proc/net/raw", encoding="ascii") as table:
                inodes = [line.split()[9] for line in table.readlines()[1:]]
            real = str(os.fstat(raw.fileno()).st_ino) in inodes
            print(name, "raw" if real else "translated", *flags if name == "flags" else ())
    except OSError as error:
        print(name, errno.errorcode[error.errno])


for arguments in (
        ("icmp", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        ("icmp6", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
        ("sender", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        ("flags", socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP),
        ("sender6", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
        ("udp6", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP),
        ("tcp", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)):
    tell(*arguments)
# A raw UDP socket is translated only to send for an ICMPv6 one that is open.
try:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6):
        tell("beside", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP)
except OSError as error:
    print("beside", errno.errorcode[error.errno])
END
refused='icmp EPERM
icmp6 EPERM
sender EPERM
flags EPERM
sender6 EPERM
udp6 EPERM
tcp EPERM
beside EPERM'
translated='icmp translated
icmp6 translated
sender translated
flags translated 1 True
sender6 EPERM
udp6 EPERM
tcp EPERM
beside translated'
raw='icmp raw
icmp6 raw
sender raw
flags raw 1 True
sender6 raw
udp6 raw
tcp raw
beside raw'
conf() { # conf NAME ICMP-SETTINGS
    echo "version = 1; log = { to = \"file:$USER_HOME/$1.jsonl\"; }; icmp = { $2 };" >"$1.conf"
}
conf auto ''
conf always 'translate = "always";'
conf never 'translate = "never";'
conf pretend 'pretend_root = true;'
opened() { # opened POLICY WANT NAME: as an ordinary user
    capture shimmed "$SCRATCH/$1.conf" "$PYTHON" open.py
    is "$OUT$ERR" "$2" "$3"
}

# A new namespace's range is closed (and in a user namespace cannot be closed again, since group 1 is not mapped there): raw and
# ping sockets are refused, and what is missing is told once.
group=65534
[ "$TEST_INSIDE" -eq 0 ] || group=1000
closed='1 0'
[ "$TEST_INSIDE" -eq 0 ] || closed="groups that this user namespace does not map"
rm -f "$USER_HOME"/*.jsonl
opened auto "$refused" 'range closed: refused as bare'
event=$(cat "$USER_HOME/auto.jsonl" 2>/dev/null)
is "$(printf '%s\n' "$event" | grep -c .)" 1 'one event a process'
like "$event" '"op":"socket","proto":"icmp","verdict":"error",' 'the event: what was refused'
like "$event" "\"reason\":\"no group of the process \($group\) is in net.ipv4.ping_group_range \($closed\)\"" 'the event: why'
like "$event" '"hint":"as root: sysctl -w net.ipv4.ping_group_range=' 'the event: what mends it'
printf '%s\n' "$event" | "$PYTHON" -c 'import json, sys; json.loads(sys.stdin.read())'
ok $? 'the event is JSON'

grant_ping_sockets
capture bare "$PYTHON" open.py
is "$OUT" "$refused" 'bare: the ordinary user is refused all'
capture as_user env LD_PRELOAD="$LIBSOCKADE" "$PYTHON" open.py
is "$OUT$ERR" "$translated" 'without a policy they are translated'
opened auto "$translated" 'auto: translated where raw is refused'
opened always "$translated" 'always: translated'
opened never "$refused" 'never: refused as bare'

# Who may have a raw socket keeps it, unless the policy says otherwise.
capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/auto.conf" "$PYTHON" open.py
is "$OUT$ERR" "$raw" 'auto: root has real raw sockets'
capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/always.conf" "$PYTHON" open.py
is "$(printf '%s\n' "$OUT" | sed -n 1,3p)" "$(printf '%s\n' "$translated" | sed -n 1,3p)" 'always: root is translated too'

# Of two layers the stricter holds, whichever comes first.
layers() { # layers OUTER INNER WANT NAME
    capture shimmed "$SCRATCH/$1.conf" env SOCKADE_POLICY="$SCRATCH/$2.conf" "$PYTHON" open.py
    is "$OUT$ERR" "$3" "$4"
}
layers auto never "$refused" 'never in an inner layer holds'
layers never always "$refused" 'and in an outer one, against always'

# pretend_root
cat >who.py <<'END'
"""What the process is told of itself, and what becomes of its attempts to be somebody else."""
import errno
import os
import sys
uid, group = int(sys.argv[1]), os.getegid()
print("I am", os.getuid(), os.geteuid())
for name, value in (("setuid", 0), ("setuid", uid), ("setuid", 1), ("seteuid", 0), ("seteuid", uid), ("seteuid", 1),
                    ("setgroups", []), ("setgroups", [group]), ("setgroups", [group, 1])):
    try:
        getattr(os, name)(value)
        print(name, "own" if value in (uid, [group]) else value)
    except OSError as error:
        print(name, value if name != "setgroups" else "others", errno.errorcode[error.errno])
with open("/proc/self/status", encoding="ascii") as status:
    print("the kernel says", *next(line for line in status if line.startswith("Uid:")).split()[1:])
END
who() { # who POLICY: as the ordinary user
    user=$(as_user id -u)
    capture shimmed "$SCRATCH/$1.conf" "$PYTHON" who.py "$user"
}
who auto
like "$OUT" "^I am $user $user\$" 'without pretend_root a program is told who it is'
like "$OUT" '^setuid 0 E(PERM|INVAL)$' 'and is refused root'
who pretend
is "$(printf '%s\n' "$OUT$ERR" | grep -v 'setuid 1\|seteuid 1\|setgroups others')" "I am 0 0
setuid 0
setuid own
seteuid 0
seteuid own
setgroups []
setgroups own
the kernel says $user $user $user $user" 'pretend_root: it is told that it is root, and is not'
unlike "$OUT" '^(setuid|seteuid) 1$|^setgroups \[.*1\]$' 'pretend_root: other ids are the kernel'\''s to answer'

# A process that is root has something to give up, and gives it up.
if [ "$TEST_INSIDE" -eq 0 ]; then
    # shellcheck disable=SC2016 # read by Python
    capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/pretend.conf" "$PYTHON" -c '
import os
os.setgroups([])
os.setuid(65534)
print(os.getuid(), os.geteuid(), os.getgroups())'
    is "$OUT" '65534 65534 []' 'pretend_root: root that drops its privilege has dropped it, and is told so'
fi
# The command asks the kernel and not the object that may be preloaded into it.
capture shimmed "$SCRATCH/pretend.conf" "$SOCKADE" check "$SCRATCH/auto.conf"
is "$STATUS" 0 'pretend_root: the command still trusts as the user that it is' || note err "$ERR"
done_testing
