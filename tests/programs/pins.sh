#!/bin/sh
# SPDX-License-Identifier: MIT
# A pin that nobody can read, or that leads nowhere, refuses everything but Unix sockets, in children too; one of another user's
# is let go.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
cat >calls.py <<'END'
import errno, os, socket, subprocess, sys
def said(call):
    try:
        call()
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
def accepted():
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(5)
print(said(lambda: socket.create_connection(("127.0.0.1", 9), 5)),
      said(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", 9))),
      said(accepted), said(lambda: socket.socketpair()),
      said(lambda: socket.socket(socket.AF_UNIX).connect("/no/such")))
if len(sys.argv) > 1:
    subprocess.run(sys.argv[1:], env={})
END
uid=$(as_user id -u)
calls() { # calls PIN CMD...
    pin=$1
    shift
    capture as_user env LD_PRELOAD="$LIBSOCKADE" SOCKADE_PINNED="$pin" "$PYTHON" "$SCRATCH/calls.py" "$@"
}
closed='EACCES EACCES EACCES ok ENOENT'
open='ECONNREFUSED ok ok ok ENOENT'
many=1:$uid
for i in 1 2 3 4 5 6 7 8 9; do many=$many:/no/such/$i; done
for pin in rubbish 1: "1:$uid" "1:$uid:" "1:$uid:relative" "1:$uid:/a:" "1:$uid:/a%" "1:$uid:/a%4" "1:$uid:/a%00" "2:$uid:/a" \
    1:4294967296:/a 1:-1:/a "$many"; do
    calls "$pin"
    is "$OUT" "$closed" "SOCKADE_PINNED=$pin: everything is refused"
    is "$ERR" 'sockade: SOCKADE_PINNED cannot be read; network calls fail with EACCES.' "SOCKADE_PINNED=$pin: and said"
done
if sanitized; then
    skip 'a sanitizer has its options in the environment' 'a child without any environment is refused as well'
else
    calls rubbish "$PYTHON" "$SCRATCH/calls.py"
    is "$OUT" "$closed
$closed" 'a child without any environment is refused as well'
fi
calls "1:$uid:/no/such"
is "$OUT" "$closed" 'a policy that is not there refuses'
like "$ERR" '^sockade: /no/such: the policy is not there; network calls fail with EACCES' 'and says so'
capture as_user env LD_PRELOAD="$LIBSOCKADE" SOCKADE_PINNED="1:$uid:/no/such" SOCKADE_ON_ERROR=allow "$PYTHON" "$SCRATCH/calls.py"
is "$OUT" "$open" 'unless it shall not'
calls 1:4242:/no/such
is "$OUT$ERR" "$open" "another user's is let go"

# A home that belongs to somebody else and cannot be entered holds no policy of ours; our own that cannot be is an error.
mkdir -m 700 closed
foreign=$SCRATCH/closed
[ "$TEST_UID" -eq 0 ] || foreign=/root
as_user mkdir "$USER_HOME/shut" && as_user mkdir -p "$USER_HOME/shut/.config/sockade"
as_user chmod 000 "$USER_HOME/shut/.config"
at_home() {
    capture as_user env HOME="$1" LD_PRELOAD="$LIBSOCKADE" "$PYTHON" "$SCRATCH/calls.py"
}
if [ "$(as_user cat "$foreign/x" 2>&1 | grep -c 'Permission denied')" -eq 1 ]; then
    at_home "$foreign"
    is "$OUT$ERR" "$open" "somebody else's home is no error"
else
    skip 'the user may enter any folder' "somebody else's home is no error"
fi
at_home "$USER_HOME/shut"
is "$OUT" "$closed" 'our own home that cannot be entered refuses'
like "$ERR" 'the policy cannot be reached; network calls fail with EACCES' 'and says so'
done_testing
