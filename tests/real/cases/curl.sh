# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# curl: HTTP over both families, a Unix socket, several transfers at once, a body sent, a proxy in between, and a name.
program=curl
needs='curl:curl /usr/bin/python3:python3'
quick=yes
version() { curl --version; }
setup() {
    mkdir www
    echo served >www/index.html
    dd if=/dev/zero of=www/large bs=1000 count=2000
    serve "$PYTHON" -m http.server --bind :: --directory www 8080
    ready 8080
}
run() {
    curl -sS http://127.0.0.1:8080/ http://[::1]:8080/ http://localhost:8080/
    curl -sS -o large -w '%{http_code} %{size_download} %{remote_ip}\n' http://127.0.0.1:8080/large
    curl -sS --parallel --no-progress-meter -o 1 -o 2 -o 3 http://127.0.0.1:8080/large http://[::1]:8080/large http://127.0.0.1:8080/
    cmp 1 2 && cmp 1 large && cat 3
    curl -sS -d body http://127.0.0.1:8080/ | grep -o 'Error code: [0-9]*'
    curl -sS --interface 127.0.0.9 -w '%{local_ip}\n' http://127.0.0.1:8080/
    curl -sS http://127.0.0.1:8089/
    curl -sS http://nowhere.invalid:8080/
    curl -sS http://127.0.0.1:8080/
}
shows='^200 2000000 127.0.0.1'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=7
refused_shows='^curl: \(7\) Failed to connect to 127.0.0.1 port 8080'
normal() { sed -E 's/after [0-9]+ ms/after T ms/'; }
