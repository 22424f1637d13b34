# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# busybox: its web server and wget, nc both ways, telnet to a server of ours, ftpd by tcpsvd, ftpget and ftpput, udpsvd.
program='busybox: httpd, wget, nc, ftp'
needs='busybox:busybox'
quick=yes
version() { busybox; }
setup() {
    mkdir www
    echo served >www/index.html
    seq 30000 >www/large
}
run() {
    serve busybox httpd -f -p 127.0.0.1:8080 -h www
    ready 8080 || return
    busybox wget -q -O - http://127.0.0.1:8080/ || return
    busybox wget -q -O large http://localhost:8080/large && cmp large www/large && echo 'large is whole'
    busybox wget -q -O - http://127.0.0.1:8080/nothing
    serve busybox tcpsvd -E 127.0.0.1 8021 busybox ftpd -w www
    if ready 8021; then
        busybox ftpget -P 8021 127.0.0.1 fetched large && cmp fetched www/large && echo 'fetched'
        busybox ftpput -P 8021 127.0.0.1 sent large && cmp www/sent www/large && echo 'sent'
    fi
    serve busybox nc -l -p 7000 -e busybox tr a-z A-Z
    ready 7000 && echo 'by nc' | busybox nc 127.0.0.1 7000
    serve busybox tcpsvd -E 0 7001 busybox echo greeting
    ready 7001 && busybox telnet 127.0.0.1 7001 </dev/null
    busybox nc -w 2 127.0.0.1 7009 </dev/null
    busybox wget -q -O - http://127.0.0.1:8080/
}
shows='^large is whole'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=1
refused_shows="^wget: can't connect to remote host \(127.0.0.1\): Permission denied"
