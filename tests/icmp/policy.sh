#!/bin/sh
# SPDX-License-Identifier: MIT
# The policy holds for raw ICMP sockets too: an echo's target is a destination, and a packet's source is judged by the
# rules that name icmp.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
plain_copies
laboratory || { ok 1 'the laboratory is made'; done_testing; }

policy() { # policy NAME RULE...: a file of that name
    name=$1
    shift
    {
        echo "version = 1; log = { to = \"file:$USER_HOME/$name.jsonl\"; };"
        echo "rules = ( $* );"
    } >"$name.conf"
}
# shows NAME POLICY PATTERN CMD...
shows() {
    what=$1 conf=$2 pattern=$3
    shift 3
    command -v "$1" >/dev/null || { skip "$1 is not installed" "$what"; return; }
    capture shimmed "$SCRATCH/$conf.conf" "$@"
    like "$OUT$ERR" "$pattern" "$what"
}

policy outbound '{ name = "no-echo"; action = "deny"; to = [ "10.3.0.2", "fd00:3::2" ]; proto = [ "icmp", "icmp6" ];' \
    'errno = "EHOSTDOWN"; }'
shows 'a denied target: inetutils ping has the errno of the rule' outbound 'sending packet: Host is down' \
    inetutils-ping -n -c 1 10.3.0.2
shows 'and reaches others' outbound '2 packets received' inetutils-ping -n -c 2 -i 0.2 10.3.0.1
shows 'a denied target: inetutils ping6' outbound 'sending packet: Host is down' inetutils-ping6 -n -c 1 fd00:3::2
shows 'a denied target: busybox ping' outbound 'sendto: Host is down' busybox ping -c 1 10.3.0.2
shows 'a denied target: busybox ping6' outbound 'sendto: Host is down' busybox ping6 -c 1 fd00:3::2
shows 'of several targets one is denied' outbound '^10.3.0.2 is unreachable' fping -r 0 10.3.0.1 10.3.0.2 10.3.0.3
like "$OUT" '^10.3.0.3 is alive' 'and the others answer'
shows 'a denied target in a header of the program' outbound '^7 (no-route|invalid-argument|unexpected-error)' \
    sh -c 'echo "7 send-probe ip-4 10.3.0.2 ttl 9" | mtr-packet'
shows 'an allowed one' outbound '^7 reply ip-4 10.3.0.1' sh -c 'echo "7 send-probe ip-4 10.3.0.1 ttl 9" | mtr-packet'
# The ping socket that the kernel would have granted anyway is judged the same.
shows 'a denied target: iputils ping' outbound '1 packets transmitted, 0 received' \
    iputils-ping -n -c 1 -w 1 10.3.0.2
like "$(cat "$USER_HOME/outbound.jsonl")" '"proto":"icmp","verdict":"deny","rule":"no-echo"' 'the log tells the rule'

policy drop '{ action = "drop"; to = "10.3.0.2"; proto = "icmp"; }'
shows 'a dropped echo is sent as far as the program knows' drop '2 packets transmitted, 0 packets received' \
    inetutils-ping -n -c 2 -i 0.2 -W 1 10.3.0.2

policy inbound '{ action = "deny"; from = [ "10.2.0.2", "10.3.0.2" ]; proto = "icmp"; }' \
    ', { action = "deny"; from = "fd00:2::2"; proto = "icmp6"; }'
shows 'a source that is denied: its echo replies do not come' inbound '2 packets transmitted, 0 packets received' \
    inetutils-ping -n -c 2 -i 0.2 -W 1 10.3.0.2
shows 'others do' inbound '2 packets received' inetutils-ping -n -c 2 -i 0.2 10.3.0.1
shows 'a router whose errors are denied is a silent hop' inbound '^ 2  \*$' busybox traceroute -n -q 1 -w 1 -I 10.3.0.1
like "$OUT" '^ 3  10.3.0.1' 'and the trace goes on'
shows 'the same in UDP traces' inbound '^ 2  \*$' busybox traceroute -n -q 1 -w 1 10.3.0.1
shows 'and in IPv6' inbound '^ 2  \*$' busybox traceroute6 -n -q 1 -w 1 fd00:3::1

policy family '{ action = "deny"; to = "any"; proto = "udp"; }'
shows 'rules of another protocol leave icmp alone' family '2 packets received' inetutils-ping -n -c 2 -i 0.2 10.3.0.1

like "$(echo '7 send-probe ip-6 fd00:3::1 ttl 2 protocol udp' | shimmed "$SCRATCH/family.conf" mtr-packet 2>&1)" \
    '^7 (no-route|invalid-argument|permission-denied|unexpected-error)' 'they judge a UDP header of the program'
policy port '{ action = "deny"; to = "fd00:3::1"; proto = "udp"; port = 33500; }'
shows 'a denied port in it' port 'Unexpected mtr-packet error' mtr -n -r -c 1 -G 1 -6 -u -P 33500 fd00:3::1
shows 'and an allowed one' port '^ *2[.].-- fd00:2::2' mtr -n -r -c 1 -G 1 -6 -u -P 33501 fd00:3::1

# icmp.translate
echo 'version = 1; icmp = { translate = "never"; };' >never.conf
shows 'icmp.translate = "never"' never 'permission denied|not permitted' busybox ping -c 1 10.3.0.1
echo 'version = 1; icmp = { translate = "always"; };' >always.conf
shows 'icmp.translate = "always"' always '2 packets received' inetutils-ping -n -c 2 -i 0.2 10.3.0.1
capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/always.conf" inetutils-ping -n -c 2 -i 0.2 10.3.0.1
like "$OUT$ERR" '2 packets received' 'and as root too'
done_testing
