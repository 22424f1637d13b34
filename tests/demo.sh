#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration behind `make demo`: one program, one policy, one call that is allowed and one that is refused; and a
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
rm -f "$demo/port" "$demo/events.jsonl" "$demo/policy.conf"
export XDG_CACHE_HOME="$demo/cache"
unset XDG_RUNTIME_DIR SOCKADE_POLICY SOCKADE_PINNED SOCKADE_ON_ERROR LD_PRELOAD

fail() {
    echo "demo: $*" >&2
    exit 1
}
heading() {
    printf '\n%s\n' "$*"
}

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

cat >"$demo/policy.conf" <<END
version = 1;

rules = (
  { name = "demo"; action = "deny"; to = "127.0.0.2"; errno = "EHOSTUNREACH"; reason = "to show what a refusal is"; }
);

log = { to = "file:$demo/events.jsonl"; };
END

if command -v curl >/dev/null; then
    program='curl -sS -v'
else
    program="$python -c \"import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())\""
fi
visit() { # visit ADDRESS: the unmodified program, under the policy; what it says is kept, whole and in short
    shown="${program%% *} http://$1:$port/"
    echo "   \$ sockade run --policy $demo/policy.conf -- $shown"
    eval "\"\$SOCKADE\" run --policy \"\$demo/policy.conf\" -- $program http://$1:$port/" >"$demo/output" 2>&1
    status=$?
    grep -E '^Hello|No route to host|^curl:|Error' "$demo/output" | sed 's/^/   /' | tail -n 2
}

heading "The policy, $demo/policy.conf:"
sed 's/^/   /' "$demo/policy.conf"

heading "Allowed: no rule names 127.0.0.1, and what no rule names is allowed."
visit 127.0.0.1
if [ $status -ne 0 ] || ! grep -q '^Hello from 127.0.0.1' "$demo/output"; then
    fail "the allowed call failed: $(cat "$demo/output")"
fi

heading "Refused: the rule \"demo\" names 127.0.0.2. The same server listens there; the call never reaches it."
visit 127.0.0.2
if [ $status -eq 0 ] || ! grep -q 'No route to host' "$demo/output"; then
    fail "the call was not refused: $(cat "$demo/output")"
fi

heading "Why: $("$SOCKADE" explain --policy "$demo/policy.conf" --to "127.0.0.2:$port/tcp" | tail -n 1)"
"$SOCKADE" explain --policy "$demo/policy.conf" --to "127.0.0.2:$port/tcp" | sed -n 's/^  user /   /p'

heading "The log, $demo/events.jsonl, has one line for it:"
sed 's/^/   /' "$demo/events.jsonl" || fail 'there is no log'
[ "$(grep -c '"rule":"demo"' "$demo/events.jsonl")" -eq 1 ] || fail 'the log has not exactly one event'

line=$(grep -n '"demo"' "$demo/policy.conf" | cut -d: -f1)
user=$(id -un 2>/dev/null || id -u)
heading "What happened: ${program%% *} ran twice, unchanged, as user $user, with libsockade.so preloaded.
Each time it asked for a connection. Sockade looked the address up in the policy, let the first call pass, and failed
the second at once with the errno that line $line of the policy names. No packet was sent, and nothing needed root.
The policy and the log stand in $demo; a policy of your own belongs into
~/.config/sockade/policy.conf, and $root/examples holds more of them."

SOCKADE=$SOCKADE sh "$root/tests/demo_ping.sh" || fail 'the ping did not work'
