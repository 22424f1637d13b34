# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# socat: relays between families and kinds of sockets, a child for each client, datagrams, options on sockets.
program=socat
needs='socat:socat rev:util-linux'
version() { socat -V; }
quick=yes
run() {
    serve socat TCP-LISTEN:7000,fork,reuseaddr,bind=127.0.0.1 EXEC:'tr a-z A-Z'
    ready 7000 || return
    serve socat TCP6-LISTEN:7001,fork,ipv6only=1 TCP4:127.0.0.1:7000,sourceport=7999,reuseaddr
    ready 7001 || return
    serve socat UNIX-LISTEN:socket,fork UNIX-CONNECT:other
    serve socat UNIX-LISTEN:other,fork TCP:127.0.0.1:7000
    wait_for 5 test -S socket && wait_for 5 test -S other
    serve socat UDP4-RECVFROM:7002,fork EXEC:rev
    ready_udp 7002 || return
    serve socat -u TCP-LISTEN:7003,range=127.0.0.8/32,fork OPEN:written,creat,append
    ready 7003 || return
    echo 'by ipv4' | socat -t 5 - TCP4:127.0.0.1:7000 || return
    echo 'by ipv6, relayed' | socat -t 5 - 'TCP6:[::1]:7001'
    echo 'by path, twice' | socat -t 5 - UNIX-CONNECT:socket
    echo 'datagram' | socat -t 9 - UDP4:127.0.0.1:7002,readbytes=9
    echo 'in range' | socat -u - TCP4:127.0.0.1:7003,bind=127.0.0.8
    echo 'out of range' | socat -u - TCP4:127.0.0.1:7003,bind=127.0.0.9
    wait_for 5 grep -q -s 'in range' written
    seq 200000 | socat -t 5 - TCP4:127.0.0.1:7000,nodelay,keepalive,rcvbuf=60000 | md5sum
    socat - TCP4:127.0.0.1:7009 </dev/null
    socat - TCP4:127.0.0.1:7000,connect-timeout=2 </dev/null
}
normal() { sed -E 's/^[0-9\/]+ [0-9:]+ socat\[[0-9]+\]/socat/'; }
shows='^BY PATH, TWICE'
refusing='deny_to = [ "127.0.0.1:7000/tcp" ];'
refused_status=1
refused_shows='connect\(.*127.0.0.1:7000.*: Permission denied'
