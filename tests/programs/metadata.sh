#!/bin/sh
# SPDX-License-Identifier: MIT
# The cloud's metadata address, with a route that leads nowhere: refused at once, logged, and no packet left.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
enter_net
scratch
dead_route || { skip 'no device for a dead route' metadata.sh; done_testing; }
policy=$ROOT/examples/metadata.conf
line=$(grep -n 'no-metadata' "$policy" | cut -d: -f1)

# The route is dead but it is one: without a policy a packet leaves, and curl waits for an answer.
capture as_user curl -sS -m 1 http://169.254.169.254/
is "$STATUS" 28 'without a policy curl waits in vain'
before=$(packets_sent)
[ "$before" -gt 0 ]
ok $? 'and its packets left'

for url in http://169.254.169.254/ 'http://[::ffff:169.254.169.254]/' 'http://[fd00:ec2::254]/'; do
    rm -rf "$USER_HOME/.local"
    start=$(milliseconds)
    capture as_user "$SOCKADE" run --policy "$policy" -- curl -sS "$url"
    [ $(($(milliseconds) - start)) -lt 2000 ]
    ok $? "$url fails at once"
    is "$STATUS" 7 "$url: the exit code is curl's own"
    like "$ERR" '^curl: \(7\) Failed to connect' "$url: the message is curl's own"
    is "$(printf '%s\n' "$ERR" | wc -l)" 1 "$url: nothing else is on stderr"

    event=$(cat "$USER_HOME/.local/state/sockade/events.jsonl")
    like "$event" '"rule":"no-metadata"' "$url: the event has the rule"
    like "$event" "\"at\":\"$policy:($line|$((line - 1)))\"" "$url: the event has file:line"
    like "$event" '"reason":"cloud credentials are not for this program"' "$url: the event has the reason"
    like "$event" '"op":"connect","dst":"(169.254.169.254|fd00:ec2::254)","port":80,"proto":"tcp","verdict":"deny"' \
        "$url: the event has the peer"
    like "$event" '"exe":"[^"]*/curl"' "$url: the event has the program"
    echo "$event" | "$PYTHON" -c 'import json, sys; [json.loads(line) for line in sys.stdin]'
    ok $? "$url: the event is JSON"

    # -v makes curl tell the errno's text.
    capture as_user "$SOCKADE" run --policy "$policy" -- curl -sS -v "$url"
    like "$ERR" 'connect fail for [^ ]*: No route to host' "$url: curl shows the chosen errno's text"
done

# Datagrams, and a program of another kind.
capture as_user "$SOCKADE" run --policy "$policy" -- "$PYTHON" -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("169.254.169.254", 80))'
like "$ERR" 'Errno 113. No route to host' 'a datagram is refused with the errno'
is "$(packets_sent)" "$before" 'no packet left'

# The counter is no broken one: what the policy allows moves it.
as_user "$SOCKADE" run --policy "$policy" -- "$PYTHON" -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 80))'
is "$(packets_sent)" $((before + 1)) 'an allowed packet leaves'
done_testing
