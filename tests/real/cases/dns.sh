# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# dnsmasq and dig: names over UDP and TCP and both families, a large answer, a name that a second server knows, reverse
# names, and getaddrinfo asking it. Refused: one server, where dig has another.
program='dnsmasq, dig, getent'
needs='dnsmasq:dnsmasq-base dig:bind9-dnsutils getent:libc-bin'
quick=yes
version() { dnsmasq --version; }
addresses='2001:db8::53'
setup() {
    printf '192.0.2.80 www.example.test\n2001:db8::80 www.example.test\n' >hosts
    for i in $(seq 60); do printf '192.0.2.%s many.example.test\n' "$i"; done >>hosts
}
run() {
    serve dnsmasq -k -u tester -p 53 --listen-address=127.0.0.1,::1 --bind-interfaces --no-resolv --no-hosts --addn-hosts=hosts \
        --txt-record=text.example.test,"some text" --mx-host=example.test,www.example.test,10 --server=/second.test/127.0.0.2#5353 \
        --pid-file=dnsmasq.pid --log-facility=-
    ready 53 || return
    serve dnsmasq -k -u tester -p 5353 --listen-address=127.0.0.2 --bind-interfaces --no-resolv --no-hosts \
        --address=/second.test/198.51.100.2 --pid-file=second.pid --log-facility=-
    ready 5353 || return
    for question in 'www.example.test A' 'www.example.test AAAA' 'text.example.test TXT' 'example.test MX' 'a.second.test A' \
        '-x 192.0.2.80' 'nothing.example.test A' '+tcp www.example.test A' '+tcp a.second.test A' '+bufsize=512 many.example.test A'; do
        for server in 127.0.0.1 ::1; do
            # shellcheck disable=SC2086 # options and a name
            dig +tries=1 +timeout=3 @$server $question | grep -vE '^;; (WHEN|Query time)|^; <<>>|->>HEADER<<-|COOKIE' | sort
        done
    done
    getent ahosts www.example.test
    getent hosts a.second.test
    getent hosts nothing.second.invalid
    dig +short +tries=1 +timeout=2 @127.0.0.1 www.example.test A
}
shows='^a.second.test.*198.51.100.2'
refusing='deny_to = [ "127.0.0.1:53" ];'
refused_status=9
refused_shows='(no servers could be reached|permission denied|communications error.*)'
