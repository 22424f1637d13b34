#!/bin/sh
# SPDX-License-Identifier: MIT
# A policy with mistakes: all of them are told, nothing starts under it, and what is preloaded anyway stays closed.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch

cat >bad.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = "192.0.2.1"; reson = "unknown"; },
  { action = "deny"; to = "192.0.2.1/24"; },

  { action = "deny"; to = "192.0.2.2"; errno = "EACESS"; }
);
END
echo 'version = 1;' >empty.conf
http_server 127.0.0.1 8080

# The command.
capture as_user "$SOCKADE" run --policy "$SCRATCH/bad.conf" -- touch "$USER_HOME/started"
is "$STATUS" 125 'run ends with 125'
is "$OUT" '' 'run says nothing on stdout'
[ ! -e "$USER_HOME/started" ]
ok $? 'run starts nothing'
like "$ERR" 'bad\.conf:3: .*reson.*did you mean.*reason' 'line 3: an unknown key, with what was meant'
like "$ERR" 'bad\.conf:4: .*192\.0\.2\.0/24' 'line 4: host bits, with the corrected text'
like "$ERR" 'bad\.conf:6: .*EACESS.*EACCES' 'line 6: an unknown errno, with what was meant'
is "$(printf '%s\n' "$ERR" | grep -c 'bad\.conf:[0-9]')" 3 'three mistakes are three messages'
capture as_user "$SOCKADE" check "$SCRATCH/bad.conf"
[ "$STATUS" -ne 0 ]
ok $? 'check refuses it'
is "$(printf '%s\n' "$OUT$ERR" | grep -c 'bad\.conf:[346]: ')" 3 'check tells the same three'

# The object alone: a line on stderr, and every network call fails, loopback too; the rest of the program works.
cat >calls.py <<'END'
import errno, os, socket, sys, tempfile

def outcome(call, *args):
    try:
        call(*args)
        return "works"
    except OSError as error:
        return errno.errorcode[error.errno]

tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
six = socket.socket(socket.AF_INET6)
print("connect", outcome(tcp.connect, ("127.0.0.1", 8080)))
print("bind", outcome(socket.socket().bind, ("127.0.0.1", 8090)))
print("listen", outcome(socket.socket().listen))
print("sendto", outcome(udp.sendto, b"x", ("127.0.0.1", 8080)))
print("connect6", outcome(six.connect, ("::1", 8080)))
one, two = socket.socketpair()
one.sendall(b"x")
print("socketpair", two.recv(9) == b"x")
folder = tempfile.mkdtemp()
listener = socket.socket(socket.AF_UNIX)
listener.bind(folder + "/s")
listener.listen()
client = socket.socket(socket.AF_UNIX)
print("unix", outcome(client.connect, folder + "/s"), outcome(listener.accept))
os.unlink(folder + "/s")
print("file", open(__file__).readline() != "")
os.rmdir(folder)
END
closed='connect EACCES
bind EACCES
listen EACCES
sendto EACCES
connect6 EACCES
socketpair True
unix works works
file True'
open=$(echo "$closed" | sed 's/EACCES/works/; s/connect6 works/connect6 ECONNREFUSED/')

capture shimmed "$SCRATCH/bad.conf" "$PYTHON" calls.py
is "$OUT" "$closed" 'closed: network calls fail with EACCES, Unix sockets and files work'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'closed: one line on stderr'
like "$ERR" '^sockade: .*bad\.conf' 'closed: the line names the file'

SOCKADE_ON_ERROR=allow
export SOCKADE_ON_ERROR
capture shimmed "$SCRATCH/bad.conf" "$PYTHON" calls.py
unset SOCKADE_ON_ERROR
is "$OUT" "$open" 'SOCKADE_ON_ERROR=allow: everything works'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'SOCKADE_ON_ERROR=allow: still one line on stderr'

capture shimmed "$SCRATCH/absent.conf" "$PYTHON" calls.py
is "$OUT" "$closed" 'a SOCKADE_POLICY that is not there is an error: somebody asked for it by name'
capture shimmed empty.conf "$PYTHON" calls.py
is "$OUT" "$closed" 'a relative SOCKADE_POLICY is an error, not a look into the current folder'
capture shimmed "$SCRATCH/empty.conf" "$PYTHON" calls.py
is "$OUT$ERR" "$open" 'an empty policy: everything works, in silence'

# Others' files are not trusted.
cp empty.conf "$USER_HOME/loose.conf"
chmod 666 "$USER_HOME/loose.conf"
capture shimmed "$USER_HOME/loose.conf" "$PYTHON" calls.py
is "$OUT" "$closed" 'a policy that everybody may write is not used'
like "$ERR" 'writ' 'and the line says why'
done_testing
