#!/bin/sh
# SPDX-License-Identifier: MIT
# Unix sockets by their path: a refused one is refused however it is called, and defaults never touch the others.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
need nc netcat-openbsd
scratch

mkdir run run/other
chmod 777 run run/other
cat >server.py <<'END'
import http.server, socket, sys

class Server(http.server.HTTPServer):
    address_family = socket.AF_UNIX
    def server_bind(self):
        self.socket.bind(self.server_address.replace("@", "\0"))

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")
    def address_string(self):
        return "unix"

Server(sys.argv[1], Hello).serve_forever()
END
name=@sockade-test-$$
for path in "$SCRATCH/run/engine.sock" "$SCRATCH/run/other/a.sock" "$SCRATCH/run/plain.sock" "$name"; do
    background "$PYTHON" server.py "$path"
done
for path in engine other/a plain; do
    wait_for 10 test -S "run/$path.sock"
done
ln -s engine.sock run/link.sock
ln -s run elsewhere
ln run/engine.sock run/hard.sock 2>/dev/null

cat >policy.conf <<END
version = 1;
default = { outbound = "deny"; inbound = "deny"; listen = "deny"; };
rules = ( { name = "engine"; action = "deny"; errno = "EPERM";
            to = [ "unix:$SCRATCH/run/engine.sock", "unix:$SCRATCH/run/other/*", "unix:$name*" ]; },
          { name = "no-bind"; action = "deny"; errno = "EADDRINUSE"; on = "unix:$SCRATCH/run/taken*"; } );
END

refused() { # refused PATH NAME
    capture shimmed "$SCRATCH/policy.conf" curl -sS -v --unix-socket "$1" http://localhost/
    like "$ERR" 'Operation not permitted' "$2"
    is "$OUT" '' "$2: nothing was fetched"
}
allowed() {
    capture shimmed "$SCRATCH/policy.conf" curl -sS --unix-socket "$1" http://localhost/
    is "$OUT$ERR" served "$2"
}
refused "$SCRATCH/run/engine.sock" 'by its path'
refused run/engine.sock 'by a relative path'
refused "$SCRATCH//run/./other/../engine.sock" 'by a roundabout path'
refused "$SCRATCH/run/link.sock" 'by a symbolic link'
refused elsewhere/engine.sock 'through a linked folder'
[ ! -e run/hard.sock ] || refused "$SCRATCH/run/hard.sock" 'by a hard link'
refused "$SCRATCH/run/other/a.sock" 'by a pattern'
allowed "$SCRATCH/run/plain.sock" 'a neighbour is allowed, although the defaults are closed'
capture shimmed "$SCRATCH/policy.conf" curl -sS -v --abstract-unix-socket "${name#@}" http://localhost/
like "$ERR" 'Operation not permitted' 'an abstract name'
capture bare curl -sS --abstract-unix-socket "${name#@}" http://localhost/
is "$OUT" served 'without the object the abstract one can be reached'

capture shimmed "$SCRATCH/policy.conf" nc -N -U "$SCRATCH/run/engine.sock"
is "$STATUS" 1 'netcat is refused'
capture shimmed "$SCRATCH/policy.conf" nc -l -U "$SCRATCH/run/taken.sock"
is "$STATUS" 1 'netcat may not listen at a refused path'
like "$ERR" 'Address already in use' 'and is told the errno'

like "$(cat "$USER_HOME/.local/state/sockade/events.jsonl")" '"dst":"[^"]*/engine.sock".*"rule":"engine"' \
    'the event has the path'
done_testing
