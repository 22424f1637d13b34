#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration behind `make demo`: whom a program talks to, that as its policy, what is refused then and why; and a
# ping without root (demo_ping.sh). Loopback only; any user; ends with 0 where everything came out as it should.
set -u
umask 022
root=$(cd "${0%/*}/.." && pwd)
: "${BUILD:=build}"
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
: "${SOCKADE:=$BUILD/sockade}"
python=/usr/bin/python3
[ -x $python ] || python=python3

# A folder that stays, so that the policy can be read and changed afterwards; the log and the image are kept there too.
demo=$BUILD/demo
mkdir -p "$demo" 2>/dev/null
[ -w "$demo" ] || demo=$(mktemp -d "${TMPDIR:-/tmp}/sockade-demo.XXXXXX") || exit 1
rm -rf "$demo/port" "$demo/state" "$demo/policy.conf" "$demo/commands"
export XDG_CACHE_HOME="$demo/cache" XDG_CONFIG_HOME="$demo/config" XDG_STATE_HOME="$demo/state"
unset XDG_RUNTIME_DIR SOCKADE_POLICY SOCKADE_PINNED SOCKADE_ON_ERROR LD_PRELOAD
# What stands behind a "$" is what runs.
mkdir "$demo/commands" && ln -s "$SOCKADE" "$demo/commands/sockade" && cd "$demo" || exit 1
PATH=$demo/commands:$PATH
. "$root/tests/demo_show.sh"

# A web server at two addresses of this machine, on a port that is free.
"$python" -c 'import http.server, os, sys, threading
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello from %s\n" % self.server.server_address[0].encode())
    def log_message(self, *_):
        pass
one = http.server.HTTPServer(("127.0.0.1", 0), Hello)
two = http.server.HTTPServer(("127.0.0.2", one.server_port), Hello)
threading.Thread(target=one.serve_forever, daemon=True).start()
with open(sys.argv[1] + ".new", "w") as file:
    print(one.server_port, file=file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
two.serve_forever()' "$demo/port" &
server=$!
trap 'kill $server 2>/dev/null' EXIT
tries=100
until [ -s "$demo/port" ]; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ] || ! kill -0 $server 2>/dev/null; then
        fail 'no web server could be started on 127.0.0.1'
    fi
    sleep 0.05
done
port=$(cat "$demo/port")

# What is demonstrated: curl, or something in Python where there is none.
program='curl -sS'
if ! command -v curl >/dev/null; then
    cat >fetch.py <<'END'
import sys
import urllib.request

try:
    print(urllib.request.urlopen(sys.argv[1]).read().decode(), end="")
except OSError as error:
    sys.exit("fetch.py: %s" % error)
END
    program="$python fetch.py"
fi

heading 1 'Whom does a program talk to? Run it once, and have that written down as a policy'
shown "sockade learn --output policy.conf -- $program http://127.0.0.1:$port/"
grep -q '^Hello from 127.0.0.1' output || fail 'the program that is learnt from did not run'
shown "sed -n '/^default/,\$p' policy.conf"
grep -q "\"127.0.0.1\".*$port" policy.conf || fail 'the policy does not allow what was done'

heading 2 'Under that policy it runs as before, and reaches nobody else: the same server listens on 127.0.0.2'
shown "sockade run --policy policy.conf -- $program http://127.0.0.1:$port/"
if [ "$status" -ne 0 ] || ! grep -q '^Hello from 127.0.0.1' output; then
    fail 'the allowed call failed'
fi
shown "sockade run --policy policy.conf -- $program http://127.0.0.2:$port/"
if [ "$status" -eq 0 ] || grep -q '^Hello' output; then
    fail 'the call was not refused'
fi

heading 3 'Why was it refused, and what would allow it?'
shown 'sockade log'
grep -q '"dst":"127.0.0.2"' state/sockade/events.jsonl || fail 'the log has no such event'
shown 'sockade explain --last --policy policy.conf'
grep -q '^denied' output || fail 'the refusal is not explained'

SOCKADE=$SOCKADE sh "$root/tests/demo_ping.sh" || fail 'the ping did not work'

heading '' 'That was it'
user=$(id -un 2>/dev/null || id -u)
cat <<END
As user $user, without a daemon, a change to this machine or to a program. No packet left it.
The policy stands in $demo. Your own belongs into ~/.config/sockade/policy.conf:
'sockade init' writes one to start from, README.md has recipes, and $root/examples more policies.
END
