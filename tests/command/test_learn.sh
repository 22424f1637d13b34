#!/bin/sh
# SPDX-License-Identifier: MIT
# sockade learn: what it prints of a run, how it groups, what --append does to a file, and what is wrong is told. All in a
# network of its own, on loopback addresses.
# Mostly waits: runs beside the others.
# shellcheck disable=SC2016,SC2086 # an inner shell or Python expands them; $send and $ORDINARY are several words
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
cd "$USER_HOME" || exit 1
add_addresses 192.0.2.1 2001:db8::1
learn() { capture as_user env TMPDIR="$USER_HOME" timeout 60 "$SOCKADE" learn "$@"; }
run() { capture as_user timeout 60 "$SOCKADE" run "$@"; }
# A program that sends a datagram to each ADDRESS PORT it is given.
cat >send.py <<'END'
import socket, sys
for address, port in zip(sys.argv[1::2], sys.argv[2::2]):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", (address, int(port)))
END
send="$PYTHON $PWD/send.py"

# A whole policy, used at once.
learn -- $send 127.0.0.1 99 192.0.2.1 53 2001:db8::1 97
is "$STATUS" 0 'learn ends with the code of the program'
is "$ERR" '' 'and says nothing else'
printf '%s\n' "$OUT" >policy.conf
like "$OUT" '^# Learnt by sockade on .* from: .*send.py 127.0.0.1 99' 'the head tells of what'
like "$OUT" '^  \{ action = "allow"; to = "127.0.0.1"; proto = "udp"; port = 99; \},$' 'an address is a rule'
is "$(printf '%s\n' "$OUT" | grep -B1 '^);' | grep -c ' }$')" 1 'the last one has no comma'
like "$OUT" '^  # by .*python3[^ ]*, 1 call$' 'with the program and the number of calls'
is "$(find . -name 'sockade-learn*')" '' 'nothing is left behind'
run --policy "$PWD/policy.conf" -- $send 127.0.0.1 99 192.0.2.1 53 2001:db8::1 97
is "$STATUS" 0 'the policy allows the run'
for other in '127.0.0.2 99' '127.0.0.1 98' '192.0.2.1 99' '2001:db8::1 53' '::1 99'; do
    run --policy "$PWD/policy.conf" -- $send $other
    like "$ERR" 'PermissionError' "and refuses $other"
done
capture as_user "$SOCKADE" check policy.conf
is "$STATUS" 0 'check finds no error in it'
for needs in '127.0.0.1 53 192.0.2.1 53 192.0.2.1 52' '127.0.0.1 99' '192.0.2.1 53' '192.0.2.1 99'; do
    learn -- $send $needs
    printf '%s\n' "$OUT" >strict.conf
    capture as_user "$SOCKADE" check --strict strict.conf
    is "$STATUS" 0 "nor anything to warn of ($needs)" || note err "$ERR"
done

# What is a need, and what is not.
cat >serve.py <<'END'
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), source_address=("127.0.0.1", 5555))
server.accept()
named = socket.create_server(("", 7070))
client = socket.create_connection(("127.0.0.1", 7070))
named.accept()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("192.0.2.1", 7071))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"x", ("192.0.2.1", 7071))
udp.sendto(b"y", udp.recvfrom(9)[1])
client.recvfrom(9)
local = socket.socket(socket.AF_UNIX)
try:
    local.connect("/nowhere/at all\x1b[1m")
except OSError:
    pass
try:
    socket.socket().connect(("127.0.0.1", 7072))
except ConnectionRefusedError:
    pass
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0))
END
learn -- "$PYTHON" serve.py
is "$STATUS:$ERR" '0:' 'a server and its clients run'
printf '%s\n' "$OUT" >serve.conf
range=$(sed 's/\t/-/' /proc/sys/net/ipv4/ip_local_port_range)
like "$OUT" "on = \"127.0.0.1\"; proto = \"tcp\"; port = \"$range\";" 'a port that the kernel chose is the range of them'
like "$OUT" "to = \"127.0.0.1\"; proto = \"tcp\"; port = \"$range\";" 'also where it is reached'
like "$OUT" 'on = "127.0.0.1"; proto = "tcp"; port = 5555;' 'a client that names its own port binds it'
like "$OUT" 'on = "0.0.0.0/0"; proto = "tcp"; port = 7070;' 'a wildcard is listened on'
like "$OUT" 'from = "127.0.0.1"; proto = "tcp"; port = 7070;' 'and reached'
like "$OUT" 'on = "192.0.2.1"; proto = "udp"; port = 7071;' 'a datagram server'
like "$OUT" 'from = "192.0.2.1"; proto = "udp"; port = 7071;' 'and who asked it'
like "$OUT" 'to = "127.0.0.1"; proto = "tcp"; port = \( 7070, 7072 \);|port = \(.*7072' 'what the kernel refused is a need too'
like "$OUT" 'to = "192.0.2.1"; proto = "udp"; port = "1024-65535";' 'whose answers go wherever he asked from'
is "$(printf '%s\n' "$OUT" | grep 'action = "allow"; from' | grep -c 'udp')" 1 'an answer is none'
like "$OUT" '^#   to unix:/nowhere/at all\\x1b\[1m, by ' 'Unix sockets stand as comments, fit for a terminal'
is "$(printf '%s\n' "$OUT" | grep -v '^ *#' | grep -c unix)" 0 'and not as rules'
run --policy "$PWD/serve.conf" -- "$PYTHON" serve.py
is "$STATUS:$ERR" '0:' 'all of it is allowed again'

cat >chance.py <<'END'
import random, socket
for port in random.sample(range(20000, 30000), 5):
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.bind(("", port))
    asking.sendto(b"x", ("127.0.0.1", 53))
END
learn -- "$PYTHON" chance.py
like "$OUT" 'on = "0.0.0.0/0"; proto = "udp"; port = "1024-65535";' 'ports that a program chooses at random'
printf '%s\n' "$OUT" >chance.conf
run --policy "$PWD/chance.conf" -- "$PYTHON" chance.py
is "$STATUS:$ERR" '0:' 'may be others the next time'

# Nets.
learn -- sh -c "$send $(for i in 1 2 3 4 5; do printf '127.0.1.%s 99 127.0.2.%s 99 ' $i ${i}0; done)"
like "$OUT" '^      "127.0.1.0/29",  # 5 addresses$' 'close addresses are a net'
like "$OUT" '^      "127.0.2.10",$' 'far ones stay addresses'
is "$(printf '%s\n' "$OUT" | grep -c 'action = "allow"')" 1 'all in one rule'
learn -- sh -c "$send 127.0.0.1 90 127.0.0.1 91 127.0.0.1 92 127.0.0.1 95"
like "$OUT" 'to = "127.0.0.1"; proto = "udp"; port = \( "90-92", 95 \);' 'ports of one address are one rule'
like "$OUT" 'by .*python3[^ ]*, 4 calls$' 'whose calls are counted together'
learn -- sh -c "$send 127.0.0.1 90; $send 127.0.0.1 90 & cp $PYTHON ./mine; ./mine send.py 127.0.0.1 90; wait"
like "$OUT" 'by .*python3[^ ]*, .*/mine, 3 calls$' 'children are learnt from, and named'

# --append.
cat >old.conf <<'END'
version = 1;   // mine
default = { outbound = "deny"; loopback = "deny"; };
/* rules = ( */
rules = (
  { action = "allow"; to = "127.0.0.1"; port = 99; },
  { name = "three"; action = "deny"; to = "127.0.1.3"; }   # stays refused
);
programs = ( { exe = "/usr/bin/true"; rules = ( { action = "allow"; to = "any"; } ); } );
END
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 old.conf 2>/dev/null || chmod 666 old.conf
chmod 640 old.conf
ln -s old.conf link.conf
cp old.conf before.conf
as_user test -r old.conf || chmod 644 old.conf
mode=$(stat -c %a:%u:%i old.conf)
learn --append link.conf -- $send 127.0.0.1 99
is "$STATUS:$ERR" '0:link.conf: nothing to add' '--append of what is allowed changes nothing'
is "$(stat -c %a:%u:%i old.conf)" "$mode" 'the file is the same one'
learn --policy old.conf -- $send 127.0.0.1 99 127.0.0.1 98 127.0.1.3 99
is "$(printf '%s\n' "$OUT" | grep -c '^  { action')" 1 '--policy prints only what is not allowed yet'
like "$OUT" '^  # \{ action = "allow"; to = "127.0.1.3"' 'and as a comment what a rule refuses'
is "$(cat old.conf)" "$(cat before.conf)" 'and writes nothing'
learn --append link.conf -- $send 127.0.0.1 99 127.0.0.1 98 127.0.1.1 7 127.0.1.2 7 127.0.1.3 7 127.0.1.4 7 127.0.1.5 7
is "$STATUS" 0 '--append ends with the code of the program'
like "$ERR" '^link.conf: 5 needs of this run added$' 'it tells what was added'
like "$ERR" 'left out: to 127.0.1.3:7/udp, which rule "three" at .*/old.conf:6 refuses' 'and what was not'
is "$(diff before.conf old.conf | grep '^<')" '<   { name = "three"; action = "deny"; to = "127.0.1.3"; }   # stays refused' 'one line of the old text got'
like "$(cat old.conf)" 'to = "127.0.1.3"; },   # stays refused' 'a comma'
like "$(cat old.conf)" '^  # \{ action = "allow"; to = "127.0.1.3"; proto = "udp"; port = 7; \}$' 'what is refused stands as a comment'
unlike "$(cat old.conf)" '127.0.1.0/29' 'a net never takes in what is refused'
[ -h link.conf ]
ok $? 'the link is one still'
is "$(stat -c %a:%u old.conf)" "${mode%:*}" 'mode and owner are as they were'
is "$(find . -name 'old.conf.*')" '' 'nothing lies beside it'
run --policy "$PWD/old.conf" -- $send 127.0.0.1 98 127.0.1.1 7 127.0.1.5 7
is "$STATUS:$ERR" '0:' 'what was added is allowed'
run --policy "$PWD/old.conf" -- $send 127.0.1.3 7
like "$ERR" PermissionError 'what a rule refuses is not'
cp old.conf after.conf
learn --append old.conf -- $send 127.0.0.1 98 127.0.1.1 7 127.0.1.3 7
is "$(cat old.conf)" "$(cat after.conf)" 'once more adds nothing, no comment either'
printf 'version = 1;\ndefault = { outbound = "deny"; loopback = "deny"; };' >bare.conf
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 bare.conf 2>/dev/null || chmod 666 bare.conf
learn --append bare.conf -- $send 127.0.0.1 98
like "$(cat bare.conf)" '^rules = \($' 'a text without rules gets a list'
run --policy "$PWD/bare.conf" -- $send 127.0.0.1 98
is "$STATUS:$ERR" '0:' 'that holds'
for i in 1 2 3; do
    as_user env TMPDIR="$USER_HOME" "$SOCKADE" learn --append bare.conf -- $send 127.0.0.1 $((200 + i)) 2>>errors &
done
wait
is "$(grep -c -E 'to = "127.0.0.1".*20[123]' bare.conf)" 3 'three at once lose nothing'

# What is wrong.
learn
is "$STATUS" 125 'no program is an error'
learn -- ./nowhere
is "$STATUS:$OUT" '127:' 'a program that is not there is 127, and no policy'
printf 'version = 1; rules = ( { action = "alow"; to = "any"; } );' >wrong.conf
learn --append wrong.conf -- touch started
is "$STATUS" 125 'a policy with mistakes is refused'
like "$ERR" "wrong.conf:1: .*alow" 'and they are told'
[ ! -e started ]
ok $? 'before anything is started'
learn --output policy.conf -- touch started
like "$ERR" "'policy.conf' exists; name a new file, or merge into it with --append" '--output overwrites nothing'
learn --output nowhere/policy.conf -- touch started
is "$STATUS" 125 '--output into no folder is an error'
learn --append policy.conf --output x -- touch started
is "$STATUS" 125 '--append and --output are one too many'
[ ! -e started ]
ok $? 'and nothing was started'
learn --output new.conf -- $send 127.0.0.1 98
is "$OUT" '' '--output leaves standard output alone'
like "$(cat new.conf)" 'port = 98' 'and has the policy'
learn --append missing.conf -- touch started
is "$STATUS" 125 '--append wants a file'
echo 'rules = ( { action = "allow"; to = "127.0.0.1"; } );' >included
printf 'version = 1;\ndefault = { outbound = "deny"; loopback = "deny"; };\n@include "included"\n' >including.conf
cp including.conf as_was
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 including.conf included 2>/dev/null || chmod 666 including.conf
learn --append including.conf -- $send 127.0.1.9 98
is "$STATUS" 125 'rules in an @include cannot be added to'
is "$(cat including.conf)" "$(cat as_was)" 'the file is as it was'
like "$OUT" 'to = "127.0.1.9"' 'and what was learnt is not lost'

# Ends.
learn -- sh -c 'exit 7'
is "$STATUS" 7 'the code of the program'
learn -- sh -c 'kill -TERM $$'
is "$STATUS" 143 'or of its signal'
learn -- sh -c 'cat; echo said; echo complained >&2' </dev/null
like "$OUT" '^said$' 'its output stays its own'
is "$ERR" complained 'and its errors'
# No function, so that the process is this one.
$ORDINARY env HOME="$USER_HOME" TMPDIR="$USER_HOME" "$SOCKADE" learn -- sh -c "$send 127.0.0.1 98; trap 'exit 9' TERM; sleep 4 & touch '$USER_HOME/trapped'; wait" >out 2>err &
learning=$!
wait_for 10 sh -c 'grep -q "port\":98" sockade-learn-*/events.jsonl 2>/dev/null'
wait_for 10 test -e "$USER_HOME/trapped"
kill -TERM $learning
wait $learning
is "$?" 9 'a signal reaches the program'
like "$(cat out)" 'port = 98' 'and what it did until then is learnt'
like "$(cat err)" 'processes of the program go on' 'what goes on without it is told of'

is "$(find . -path './sockade-learn-*' -type f | sed 's:.*/::')" policy.image 'and keeps its policy, which refuses nothing'
rm -rf sockade-learn-*

# What is not seen whole is told.
if printf 'int main(void) { return 0; }\n' | ${CC:-cc} -static -x c -o static - 2>/dev/null; then
    learn -- sh -c "./static; $send 127.0.0.1 99"
    like "$ERR" "'./static' was started out of the policy's reach" 'a static child is told of'
    like "$OUT" '^unprotected = "warn"; # ' 'and allowed to start'
    like "$OUT" '^#   ./static: it is statically linked' 'with the reason'
    printf '%s\n' "$OUT" >static.conf
    run --policy "$PWD/static.conf" -- sh -c ./static
    is "$STATUS" 0 'it starts under what was learnt'
else
    skip 'no static program can be linked here (Debian: libc6-dev)' 'a static child'
fi
mkdir full etc
cp -RL /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives etc 2>/dev/null
if mount -t tmpfs -o size=128k tmpfs full && mount -t tmpfs -o mode=755 tmpfs /etc; then
    chmod 1777 full
    capture as_user env TMPDIR="$PWD/full" "$SOCKADE" learn -- sh -c "dd if=/dev/zero of=full/x bs=1k 2>/dev/null; $send 127.0.0.1 99"
    like "$ERR" '^sockade: INCOMPLETE: there is no room left for the log' 'a full file system is told of'
    like "$OUT" '^# INCOMPLETE' 'in the policy too'
    umount full
    cp -R etc/. /etc
    mkdir /etc/sockade
    printf 'version = 1;\nrules = ( { name = "no-99"; action = "deny"; to = "any"; port = 99; } );\n' >/etc/sockade/policy.conf
    learn -- $send 127.0.0.1 98 127.0.0.1 99
    like "$ERR" PermissionError 'the policy of the system holds meanwhile'
    like "$OUT" "^  # refused by the system policy '/etc/sockade', rule \"no-99\" at /etc/sockade/policy.conf:2" 'which is told'
    rm /etc/sockade/policy.conf
else
    skip 'no mount namespace to be had here' 'a system policy'
fi

# On a terminal.
tty() { as_user env TERM=xterm TMPDIR="$USER_HOME" "$PYTHON" "$TESTS/command/terminal.py" "$@"; }
tty "$SOCKADE" learn -o tty.conf -- sh -c "$send 127.0.0.1 98; sleep 2.5" >seen
like "$(cat seen)" '^drew sockade learn: 1 call, 1 peer, [0-9]+ seconds' 'a terminal shows a live count'
is "$(grep -c '^line' seen)" 0 'which is taken away'
tty "$SOCKADE" learn -q -o quiet.conf -- sh -c "$send 127.0.0.1 98; sleep 1.5" >seen
is "$(grep -c '^drew' seen)" 0 '--quiet shows none'
tty INTERRUPT='1 call' "$SOCKADE" learn -o interrupted.conf -- sh -c "$send 127.0.0.1 98; exec sleep 20" >seen
like "$(cat seen)" '^status 130$' 'Ctrl-C ends the program'
like "$(cat interrupted.conf)" 'port = 98' 'and what was learnt is written'
done_testing
