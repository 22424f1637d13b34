# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2094,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# ncat: a listener that keeps, one that executes, a Unix socket, datagrams, and TLS.
program=ncat
needs='ncat:ncat'
version() { ncat --version; }
quick=yes
# Its servers drop what a program still has to say when the client has nothing more to send: so the client's input stays
# open until the answer is there.
say() {
    words=$1
    shift
    : >answer
    {
        echo "$words"
        wait_for 3 test -s answer
    } | ncat "$@" >answer
    cat answer
}
run() {
    answer='read -r line; echo "you said: $line"'
    serve ncat -l -k 127.0.0.1 7000 --sh-exec "$answer"
    ready 7000 || return
    serve ncat -l -k -U socket --sh-exec "$answer"
    serve ncat -l -k --ssl ::1 7001 --sh-exec "$answer"
    ready 7001 || return
    serve ncat -l -k 127.0.0.1 7003 --recv-only -o received
    ready 7003 || return
    serve ncat -l -k 127.0.0.1 7004 --sh-exec 'seq 100000'
    ready 7004 || return
    say 'by ipv4' 127.0.0.1 7000
    wait_for 10 test -S socket
    say 'by path' -U socket
    say 'encrypted' --ssl ::1 7001
    seq 100000 | ncat -s 127.0.0.7 --send-only 127.0.0.1 7003
    wait_for 10 sh -c '[ "$(wc -c <received)" -ge 588895 ]' && md5sum received
    ncat --recv-only 127.0.0.1 7004 | md5sum
    ncat -z 127.0.0.1 7000 && echo open
    ncat -z 127.0.0.1 7009 || echo closed
    ncat -u --send-only 127.0.0.1 7002 </dev/null && echo 'a datagram'
    ncat -v -w 2 127.0.0.1 7009 </dev/null
    ncat --recv-only 127.0.0.1 7004 >/dev/null
}
normal() { free_of_times; }
shows='^you said: by path'
refusing='deny_to = [ "127.0.0.1:7000/tcp", "127.0.0.1:7004/tcp" ];'
refused_status=1
refused_shows='^Ncat: Permission denied'
