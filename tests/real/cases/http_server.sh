# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Python's http.server with a thread a client, and urllib and http.client asking it. Refused: where it listens.
program="Python's http.server"
needs='/usr/bin/python3:python3'
quick=yes
version() { "$PYTHON" --version; }
setup() {
    mkdir www
    echo served >www/index.html
    cat >ask.py <<'END_OF_FILE'
import concurrent.futures, http.client, urllib.error, urllib.request
for host in "127.0.0.1", "[::1]", "localhost":
    with urllib.request.urlopen(f"http://{host}:8000/") as answer:
        print(host, answer.status, answer.read(), answer.headers["Content-Length"])
kept = http.client.HTTPConnection("127.0.0.1", 8000, source_address=("127.0.0.5", 0))
for method, path in ("GET", "/"), ("HEAD", "/index.html"), ("POST", "/"):
    kept.request(method, path)
    answer = kept.getresponse()
    print(method, path, answer.status, answer.reason, len(answer.read()) > 0)
try:
    urllib.request.urlopen("http://127.0.0.1:8000/nothing")
except urllib.error.HTTPError as error:
    print(error)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    ask = lambda n: urllib.request.urlopen("http://127.0.0.1:8000/").read()
    print(set(pool.map(ask, range(40))))
END_OF_FILE
}
run() {
    serve "$PYTHON" -m http.server --bind :: --directory www 8000
    ready 8000 || return
    "$PYTHON" ask.py
    status=$?
    kill "$SERVED"
    wait "$SERVED"
    echo "the server ends with $?"
    sed -E 's/\[.*\]/DATE/' server.log | sort | uniq -c
    return $status
}
shows="^localhost 200 b'served"
refusing='deny_on = [ "any:8000/tcp" ];'
refused_status=1
refused_shows='^PermissionError: \[Errno 13\] Permission denied'
