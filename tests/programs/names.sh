#!/bin/sh
# SPDX-License-Identifier: MIT
# Names that libc looks up by itself: three name servers on port 53, of which a policy leaves all, some, or none. Every call
# of libc, and real programs. /etc/resolv.conf and its like are the test's own, in a mount namespace.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper lookups
chmod 755 lookups

add_addresses 192.0.2.53 192.0.2.54 2001:db8::53 198.51.100.80
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
cat >resolv.conf <<'END'
nameserver 192.0.2.53
nameserver 192.0.2.54
nameserver 2001:db8::53
options timeout:3
END
echo 'hosts: files dns' >nsswitch.conf
printf '127.0.0.1 localhost\n198.51.100.9 known.test\n' >hosts
for file in resolv.conf nsswitch.conf hosts; do
    mount --bind $file /etc/$file || { skip 'files cannot be mounted over' names.sh; done_testing; }
done
: >asked
chmod 666 asked
serve() { # serve ADDRESS=ANSWER...
    background "$PYTHON" "$TESTS/programs/name_server.py" "$SCRATCH/asked" "$@"
    wait_for 10 listens 53 || echo '# no name server'
    sleep 0.1
}
serve 192.0.2.53=198.51.100.80 192.0.2.54=198.51.100.80 2001:db8::53=198.51.100.80

policy() { # policy NAME TEXT
    echo "version = 1; log = { to = \"file:$USER_HOME/$1.jsonl\"; what = \"denied\"; }; $2" >"$1.conf"
}
policy allowed 'deny_to = [ "203.0.113.0/24" ];'
policy first 'deny_to = [ "192.0.2.53" ];'
policy two 'deny_to = [ "192.0.2.0/24:53/udp" ];'
policy none 'rules = ( { name = "no-dns"; action = "deny"; to = "any"; port = 53; proto = "udp"; } );'
policy dropped 'rules = ( { action = "drop"; to = "any"; port = 53; } );'
policy closed 'default = { outbound = "deny"; };'
policy no_tcp 'deny_to = [ "any:53/tcp" ];'
policy audit 'mode = "audit"; deny_to = [ "any:53" ];'

# Every call, from everywhere: the same as without the object where the servers are allowed, or some are.
for where in here threads fork; do
    bare "$SCRATCH/lookups" name.test 198.51.100.80 $where >without
    like "$(cat without)" '^getaddrinfo name.test: 0 198.51.100.80$' "$where: names are found without the object"
    for policy in allowed first two no_tcp audit; do
        : >asked
        shimmed "$SCRATCH/$policy.conf" "$SCRATCH/lookups" name.test 198.51.100.80 $where >with
        is "$(diff without with)" '' "$where: all calls answer as without the object, policy $policy"
        case $policy in
        first) unlike "$(cat asked)" '192\.0\.2\.53' "$where: the server that is refused is not asked" ;;
        two) is "$(sort -u asked)" 'udp 2001:db8::53' "$where: the one server that is left is asked" ;;
        esac
    done
done

# What was found is told of only where all that happens is: the name, and each address.
echo "version = 1; log = { to = \"file:$USER_HOME/told.jsonl\"; what = \"all\"; limit = 100000; };" \
    'deny_to = [ "203.0.113.0/24" ];' >told.conf
bare "$SCRATCH/lookups" name.test 198.51.100.80 >without
shimmed "$SCRATCH/told.conf" "$SCRATCH/lookups" name.test 198.51.100.80 >with
is "$(diff without with)" '' 'all calls answer as without the object where names are told'
for op in getaddrinfo getaddrinfo_a gethostbyname gethostbyname2 gethostbyname_r gethostbyname2_r; do
    like "$(cat "$USER_HOME/told.jsonl")" \
        "\"op\":\"$op\",\"target\":\"name.test\",\"dst\":\"198.51.100.80\",\"verdict\":\"allow\",\"layer\":\"user\"}" "an event tells what $op found"
done
for op in getnameinfo gethostbyaddr gethostbyaddr_r; do
    like "$(cat "$USER_HOME/told.jsonl")" "\"op\":\"$op\",\"target\":\"back.test\",\"dst\":\"198.51.100.80\"" \
        "an event tells what $op found"
done
like "$(cat "$USER_HOME/told.jsonl")" '"target":"localhost","dst":"127.0.0.1"' 'also in /etc/hosts'
unlike "$(cat "$USER_HOME/told.jsonl")" '"target":"10.1.2.3"' 'a literal is no name'
[ ! -e "$USER_HOME/allowed.jsonl" ]
ok $? 'elsewhere nothing is told'

# None is left: at once, the error that programs know, and what needs no server goes on.
is "$(for policy in none dropped closed; do
    : >asked
    start=$(milliseconds)
    shimmed "$SCRATCH/$policy.conf" "$SCRATCH/lookups" name.test 198.51.100.80 >$policy.out
    [ $(($(milliseconds) - start)) -lt 2000 ] || echo "$policy: took long"
    cat asked
done)" '' 'without a server nothing is sent, and nothing waits'
is "$(cat none.out)" "$(cat dropped.out)" 'what is dropped fails as what is denied'
is "$(cat none.out)" "$(cat closed.out)" 'and as by a closed default'
like "$(cat none.out)" '^getaddrinfo name.test: -3 $' 'getaddrinfo says EAI_AGAIN'
like "$(cat none.out)" '^getaddrinfo_a name.test: -3 $' 'getaddrinfo_a, whose threads are libc'\''s own, too'
like "$(cat none.out)" '^told by signal name.test: -3 $' 'and tells by a signal'
like "$(cat none.out)" '^told by thread name.test: -3 $' 'or by a thread'
like "$(cat none.out)" '^gethostbyname: -  2$' 'gethostbyname says TRY_AGAIN'
like "$(cat none.out)" '^getnameinfo: -3 $' 'getnameinfo says EAI_AGAIN'
unlike "$(cat none.out)" '^res_.*answered' 'no question is answered'
like "$(cat none.out)" '^getaddrinfo localhost: 0 127.0.0.1$' 'localhost is found'
like "$(cat none.out)" '^getaddrinfo known.test: 0 198.51.100.9$' 'and /etc/hosts'
like "$(cat none.out)" '^getaddrinfo 10.1.2.3: 0 10.1.2.3$' 'and literals'
like "$(cat none.out)" '^servers of the own state: 3$' 'the state is as it was'
is "$(grep '^servers' none.out)" "$(grep '^servers' without)" 'also its options'
for op in getaddrinfo getaddrinfo_a gethostbyname gethostbyname_r gethostbyname2_r gethostbyaddr_r getnameinfo res_query \
    res_search res_querydomain res_send res_nquery res_nsearch res_nquerydomain res_nsend; do
    like "$(cat "$USER_HOME/none.jsonl")" \
        "\"op\":\"$op\",\"dst\":\"192.0.2.53\",\"port\":53,\"proto\":\"udp\",\"verdict\":\"deny\",\"rule\":\"no-dns\"" "an event tells of $op"
done
rm "$USER_HOME/none.jsonl"
shimmed "$SCRATCH/none.conf" getent ahosts known.test >/dev/null
[ ! -e "$USER_HOME/none.jsonl" ]
ok $? 'where no server would have been asked there is no event'
like "$(cat "$USER_HOME/audit.jsonl")" '"op":"getaddrinfo".*"verdict":"would-deny"' 'audit tells what it would do'

# A truncated answer is asked for again by TCP, but not where that is refused.
for pair in 'allowed tcp' 'no_tcp udp'; do
    : >asked
    shimmed "$SCRATCH/${pair% *}.conf" getent ahostsv4 long.test >/dev/null
    is "$(tail -n 1 asked)" "${pair#* } 192.0.2.53" "a truncated answer under ${pair% *}: the last question is by ${pair#* }"
done

# Another resolv.conf, and a policy that changes, are noticed by a program that runs.
cat >changes.py <<'END'
import os, socket, subprocess, sys, time
def look():
    try:
        return socket.gethostbyname('name.test')
    except OSError as error:
        return error.args[0]
print(look(), flush=True)
sys.stdin.readline()
print(look(), flush=True)
sys.stdin.readline()
print(look(), flush=True)
END
cp none.conf changing.conf
cp resolv.conf old.conf
chown 65534 changing.conf 2>/dev/null
(
    sleep 1
    sed 's/no-dns"; action = "deny"/no-dns"; action = "allow"/' none.conf >changing.new
    cat changing.new >changing.conf
    shimmed_policy=$SCRATCH/changing.conf
    as_user env SOCKADE_POLICY="$shimmed_policy" "$SOCKADE" reload --policy "$shimmed_policy" >reloaded 2>&1
    echo
    sleep 1
    echo 'nameserver 192.0.2.77' >resolv.conf
    echo 'options timeout:1 attempts:1' >>resolv.conf
    echo
) | shimmed "$SCRATCH/changing.conf" "$PYTHON" changes.py >changes
is "$(cat changes)" "$(printf '%s\n' -3 198.51.100.80 -3)" 'a newer policy, and a newer resolv.conf, hold with the next call' ||
    note reload "$(cat reloaded)"
cat old.conf >resolv.conf

# No socket is opened for what has no server to ask.
need strace strace
if ! sanitized; then
    shimmed "$SCRATCH/none.conf" strace -f -qq -e trace=socket,connect,sendto,sendmmsg getent ahostsv4 name.test 2>calls
    unlike "$(cat calls)" 'AF_INET' 'without a server no IP socket is opened'
else
    skip 'the leak check of a sanitizer does not run under strace' 'without a server no IP socket is opened'
fi

# Real programs.
http_server 198.51.100.80 8080
capture shimmed "$SCRATCH/first.conf" curl -sS --max-time 5 http://name.test:8080/
is "$STATUS $OUT" '0 served' 'curl finds its way by the second server'
capture shimmed "$SCRATCH/closed.conf" curl -sS --max-time 5 http://name.test:8080/
is "$STATUS $ERR" '6 curl: (6) Could not resolve host: name.test' 'curl without a server'
capture shimmed "$SCRATCH/none.conf" "$PYTHON" -c 'import socket; socket.getaddrinfo("name.test", 80)'
like "$ERR" 'gaierror: \[Errno -3\] Temporary failure in name resolution' 'Python without a server'
capture shimmed "$SCRATCH/none.conf" getent ahosts name.test
is "$STATUS" 2 'getent without a server'

# A signal handler that jumps out of a look-up: the next one finds the servers again.
stop_servers
: >asked
serve 192.0.2.53=silence 192.0.2.54=silence 2001:db8::53=silence
jumped=$(bare "$SCRATCH/lookups" name.test 198.51.100.80 jump)
like "$jumped" '^servers: 3' 'jumping out of a look-up without the object'
for policy in allowed first none; do
    is "$(shimmed "$SCRATCH/$policy.conf" "$SCRATCH/lookups" name.test 198.51.100.80 jump | grep -v nothing)" "$jumped" \
        "jumping out of a look-up, policy $policy"
done
done_testing
