#!/bin/sh
# SPDX-License-Identifier: MIT
# Without the system calls that younger kernels have: policies are compiled, hold, are followed and passed on all the same,
# and raw ICMP sockets are translated, for programs of both widths.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
[ "$(uname -m)" = x86_64 ] || { skip 'numbers of x86-64' 'an older kernel'; done_testing; }
! sanitized || { skip 'its options are in an environment that is emptied' older_kernel.sh; done_testing; }
enter_net
built=${LIBSOCKADE%/*}
scratch
helper older_kernel
helper connects
programs=./connects
if [ -x "$built/32/tests/hooks/local" ]; then
    cp "$built/32/tests/connects" connects32
    programs="$programs ./connects32"
fi
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range 2>/dev/null || echo '0 0' >/proc/sys/net/ipv4/ping_group_range

older() {
    as_user timeout 60 ./older_kernel "$@"
}
older "$PYTHON" -c 'import os; os.memfd_create("x")' 2>said
like "$(cat said)" 'Errno 38\]' 'a younger call fails with ENOSYS'

policy=$SCRATCH/policy.conf
preload=$(preload_value)
for program in $programs; do
    printf 'version = 1; deny_to = [ "127.0.0.2" ]; # %s\n' "$program" >policy.conf
    capture older env LD_PRELOAD="$preload" SOCKADE_POLICY="$policy" "$program" 127.0.0.2
    is "$OUT$ERR" 'connect: Permission denied' "$program: compiles the policy at its start, and is refused"
    capture older env LD_PRELOAD="$preload" SOCKADE_POLICY="$policy" "$program" 127.0.0.1
    is "$OUT$ERR" 'connect: Connection refused' "$program: what is allowed is left to the kernel"
    capture older "$SOCKADE" run --deny-to 127.0.0.3 -- sh -c "env -i $program 127.0.0.3"
    is "$OUT$ERR" 'connect: Permission denied' "$program: as a child without an environment"
done

# A running process follows.
cat >follows.py <<'END'
import errno, socket, subprocess, sys
def tell():
    with socket.socket() as s:
        print(errno.errorcode[s.connect_ex(("127.0.0.2", 9))])
policy, command = sys.argv[1:]
tell()
with open(policy, "w") as text:
    text.write('version = 1; rules = ( { action = "deny"; to = "127.0.0.2"; errno = "EHOSTUNREACH"; } );')
print(subprocess.run([command, "reload"], capture_output=True).returncode)
tell()
END
[ "$TEST_UID" -ne 0 ] || chown 65534 policy.conf
capture older env LD_PRELOAD="$preload" SOCKADE_POLICY="$policy" "$PYTHON" follows.py "$policy" "$SOCKADE"
is "$OUT$ERR" 'EACCES
0
EHOSTUNREACH' 'a reload is followed'

# A ping: with SO_COOKIE, which came with Linux 4.12, it is translated; without it stays refused as it was.
cat >ping.py <<'END'
import socket, struct
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
except OSError as error:
    print(error.strerror)
    raise SystemExit
s.settimeout(5)
s.sendto(struct.pack("!BBHHH", 8, 0, 0xf7ff - 0x1234 - 1, 0x1234, 1), ("127.0.0.1", 0))
while True:
    packet = s.recv(100)
    if packet[20] == 0:
        print(packet[0] >> 4, packet[24:28].hex())
        break
END
capture older env LD_PRELOAD="$preload" "$PYTHON" ping.py
is "$OUT$ERR" '4 12340001' 'a raw ICMP socket is translated'
capture older -c env LD_PRELOAD="$preload" "$PYTHON" ping.py
is "$OUT$ERR" 'Operation not permitted' 'or refused as without the object, where sockets cannot be told apart'

# Everything that refuses, but for what the programs themselves make of younger calls.
for width in '' 32/; do
    [ -d "$built/${width}tests/hooks" ] || continue
    said=$(PROGRAMS=$built/${width}tests/hooks LAUNCHER=$SCRATCH/older_kernel \
        ONLY='accept_refused local_refused outbound_refused raw_refused sources_refused' sh "$TESTS/hooks/refused.sh" 2>&1)
    printf '%s\n' "$said" | grep -E '^(not ok|Bail|#)' | sed 's/^/#   /'
    ! printf '%s\n' "$said" | grep -qE '^(not ok|Bail)' && printf '%s\n' "$said" | grep -q '^ok'
    ok $? "refused.sh: $(printf '%s\n' "$said" | grep -c '^ok') checks${width:+ of 32-bit programs}"
done
done_testing
