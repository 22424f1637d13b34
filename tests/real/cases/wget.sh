# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# wget: pages, a mirror of a small site, a range, another family, a page that is not there.
# Without keep-alive, since Python's server ends each connection, which wget may notice too late (bare too, on a busy
# machine).
program=wget
needs='wget:wget /usr/bin/python3:python3'
quick=yes
version() { wget --version; }
setup() {
    mkdir -p www/deeper
    echo '<a href="deeper/two.html">two</a> <a href="gone.html">gone</a>' >www/index.html
    echo '<a href="../index.html">one</a>' >www/deeper/two.html
    dd if=/dev/zero of=www/large bs=1000 count=2000
    serve "$PYTHON" -m http.server --bind :: --directory www 8080
    ready 8080
}
run() {
    status=0
    wget -nv --no-http-keep-alive --tries=1 -O - http://127.0.0.1:8080/ http://[::1]:8080/ || status=$?
    wget -nv --no-http-keep-alive --tries=1 -e robots=off -r -P mirror http://localhost:8080/
    (cd mirror && find . -type f | sort)
    wget -nv --no-http-keep-alive --tries=1 -O large http://127.0.0.1:8080/large && cmp large www/large
    wget -nv --no-http-keep-alive --tries=1 http://127.0.0.1:8089/
    wget -nv --no-http-keep-alive --tries=1 http://nowhere.invalid:8080/
    return $status
}
normal() { free_of_times | sed -E 's/\([0-9.]+ [KMG]?B\/s\)/(SPEED)/'; }
shows='URL:http://127.0.0.1:8080/large \[2000000/2000000\]'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=4
refused_shows='^failed: Permission denied'
