#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade scan`: what programs that run would lose under a policy; servers and clients of others, in a network of its own.
. "${0%/*}/../lib.sh"
. "$TESTS/net.sh"
enter_net
# Among processes of its own, for others of the same user may run: the tests beside this one.
if [ -z "${TEST_ALONE:-}" ]; then
    unshare --pid --fork --mount-proc true 2>/dev/null ||
        { skip 'no process namespace to be had here' "${0##*/}"; done_testing; }
    TEST_ALONE=1 exec unshare --pid --fork --mount-proc --kill-child sh "$0"
fi
scratch
cd "$USER_HOME" || exit 1
add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1
# Programs run as the ordinary user, and so does scan. Inside a user namespace as_user makes one more for each command, out
# of which no other process can be seen; there scan runs as the outer one's root, which is the same user to the kernel.
[ "$TEST_INSIDE" -eq 0 ] || as_user() { HOME=$USER_HOME "$@"; }
scan() { capture as_user "$SOCKADE" scan --policy policy.conf "$@"; }
row() { # row PATTERN NAME: a line of the table, blanks made one
    like "$(printf '%s\n' "$OUT" | tr -s ' ')" "$1" "$2"
}

as_user tee policy.conf >/dev/null <<'END'
version = 1;
rules = (
  { name = "web"; action = "deny"; to = "192.0.2.1"; port = 8080; proto = "tcp"; reason = "not yet"; },
  { name = "guest"; action = "deny"; from = "192.0.2.3"; port = 8080; },
  { name = "listen"; action = "deny"; on = "any"; port = 8081; },
  { name = "names"; action = "deny"; to = "2001:db8::/32"; port = 53; proto = "udp"; },
  { name = "path"; action = "deny"; to = "unix:/*/service"; },
  { name = "seen"; action = "deny"; on = "192.0.2.2"; port = 8082; audit = true; }
);
programs = ( { exe = [ "/*/special" ]; rules = ( { name = "special"; action = "deny"; to = "192.0.2.2"; } ); } );
END

# Nobody is there.
scan
is "$STATUS" 0 'nothing runs: exit 0'
like "$OUT" '^[0-9]+ sockets? of [0-9]+ programs? looked at: none would be refused$' 'and it says so'

# A server and clients of its own: both directions of one connection are told apart by who listens.
http_server 0.0.0.0 8080
server=$SERVER
as_user tee client.py >/dev/null <<'END'
import socket, sys, time
held = []
for place in sys.argv[1:]:
    source, address, port = place.split(",")
    held.append(socket.create_connection((address, int(port)), 5, (source, 0)))
print("held", flush=True)
time.sleep(60)
END
background "$PYTHON" client.py 192.0.2.2,192.0.2.1,8080 192.0.2.2,192.0.2.1,8080 192.0.2.3,192.0.2.2,8080
client=$SERVER
held() { [ "$(grep -cx held "$SCRATCH/servers.log")" -ge "$1" ]; }
wait_for 10 held 1
serves() { scan; printf '%s\n' "$OUT" | grep -q ' from '; }
wait_for 10 serves # until it has accepted
scan
is "$STATUS" 1 'something would be refused: exit 1'
python=$(readlink -f "$PYTHON")
row "^deny ($PYTHON|$python) $client to tcp 192\\.0\\.2\\.1:8080 \\(2\\) web not yet .*/policy\\.conf:3\$" \
    'a client, its peer, how often, the rule, its place and reason'
row "^deny ($PYTHON|$python) $server from tcp 192\\.0\\.2\\.3:8080 guest " 'a server and whom it serves'
unlike "$OUT" 'on tcp' 'what is allowed is left out'
scan --all
row "^allow ($PYTHON|$python) $server on tcp .*0\\.0\\.0\\.0:8080.* no rule names it" 'with --all it is there'
row "^allow ($PYTHON|$python) $client to tcp 192\\.0\\.2\\.2:8080 no rule names it" 'a client that is allowed'
like "$OUT" '3 would be refused$' 'the sum'
scan --json
is "$(printf '%s' "$OUT" | CLIENT=$client "$PYTHON" -c 'import json, os, sys
told = json.load(sys.stdin)
mine = [one for one in told["found"] if one["pid"] == int(os.environ["CLIENT"])]
print(told["v"], told["refused"], len(mine), mine[0]["rule"], mine[0]["errno"], mine[0]["peers"], mine[0]["shimmed"])')" \
    "1 3 1 web EACCES [{'peer': '192.0.2.1:8080', 'sockets': 2}] False" 'JSON has the same'
# What explain says about it, by the same words.
capture as_user "$SOCKADE" explain --policy policy.conf --to 192.0.2.1:8080/tcp
like "$OUT" 'rule "web"' 'explain agrees'

# Listening, datagrams, Unix sockets, families.
background "$PYTHON" -c 'import socket, time
held = [socket.socket(socket.AF_INET6), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
held[0].bind(("::", 8081)); held[0].listen()
held[1].connect(("2001:db8::1", 53))
held[2].bind("'"$PWD"'/service"); held[2].listen(); held[3].connect("'"$PWD"'/service"); held.append(held[2].accept())
held[4].bind(("0.0.0.0", 8081))
held[5].bind(("192.0.2.2", 0))
print("held", flush=True)
time.sleep(60)'
wait_for 10 held 2
scan
row "^deny .* $SERVER on tcp \\[::\\]:8081 listen " 'a listener'
row "^deny .* $SERVER on udp 0\\.0\\.0\\.0:8081 listen " 'a server of datagrams'
row "^deny .* $SERVER to udp \\[2001:db8::1\\]:53 names " 'a connected datagram socket'
row "^deny .* $SERVER to unix:/.*/service path " 'a client of a Unix socket'
is "$(printf '%s\n' "$OUT" | grep -c " $SERVER ")" 4 'and nothing else: a port that the kernel chose is no server'
printf 'version = 1; rules = ( { name = "six"; action = "deny"; family = "inet6"; } );\n' | as_user tee family.conf >/dev/null
capture as_user "$SOCKADE" scan --policy family.conf
row "^deny .* $SERVER family inet6 \\(2\\) six " 'sockets of a family'
printf 'version = 1; default = { outbound = "deny"; };\n' | as_user tee closed.conf >/dev/null
capture as_user "$SOCKADE" scan --policy closed.conf
row "^deny .* $client to tcp 192\\.0\\.2\\.1:8080 \\(2\\), 192\\.0\\.2\\.2:8080 default" 'a closed policy'
printf 'version = 1; mode = "audit"; deny_to = [ "192.0.2.1" ];\n' | as_user tee audit.conf >/dev/null
capture as_user "$SOCKADE" scan --policy audit.conf
row "^would-deny .* $client to tcp 192\\.0\\.2\\.1:8080" 'a policy that only observes tells what it would refuse'
is "$STATUS" 1 'which counts'
stop_servers

# What the kernel says is the same without sock_diag, but for the ends of Unix sockets.
http_server 192.0.2.1 8080
background "$PYTHON" client.py 192.0.2.2,192.0.2.1,8080
wait_for 10 held 3
cat >without_diag.c <<'END'
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <errno.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_SOCK_DIAG, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 99;
    execv(argv[1], argv + 1);
    return 98;
}
END
gcc -o without_diag without_diag.c
scan --all
with=$(printf '%s\n' "$OUT" | grep -E 'tcp|udp')
capture as_user ./without_diag "$SOCKADE" scan --policy policy.conf --all
is "$(printf '%s\n' "$OUT" | grep -E 'tcp|udp')" "$with" 'without sock_diag /proc tells the same'
like "$OUT" 'not seen: whom Unix sockets are connected to' 'but for Unix peers, which is said'

# A program's own rules: by the name that it was started under, also a script's. Names of any kind.
as_user ln -s "$PYTHON" special
background "$PWD/special" client.py 192.0.2.3,192.0.2.1,8080 192.0.2.2,192.0.2.2,22
wait "$SERVER" # nobody listens on port 22
printf '#!%s\n' "$PYTHON" | cat - client.py | as_user tee script >/dev/null
as_user mkdir -p bin && as_user cp script bin/special && as_user chmod 755 bin/special
http_server 192.0.2.2 8090
background bin/special 192.0.2.3,192.0.2.2,8090
wait_for 10 held 4
scan
row "^deny $PWD/bin/special $SERVER to tcp 192\\.0\\.2\\.2:8090 special " "a script's own rules"
name=$(printf 'evil\n\033[31m')
as_user cp script "$name" && as_user chmod 755 "$name"
background "./$name" 192.0.2.3,192.0.2.1,8080
wait_for 10 held 5
scan
row "^deny /.*/evil\\\\n\\\\x1b\\[31m $SERVER to tcp 192\\.0\\.2\\.1:8080 web " 'a name with control signs'
scan --json
is "$(printf '%s' "$OUT" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["v"])')" 1 'is no harm to JSON'

# One that was started through its loader is known by its own name.
loader=$(readelf -l "$python" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
background "$loader" --argv0 x "$python" client.py 192.0.2.2,192.0.2.1,8080
wait_for 10 held 6
scan
row "^deny $python $SERVER to tcp 192\\.0\\.2\\.1:8080 web " 'a program behind its loader'

# What is under Sockade is marked.
printf 'version = 1;\n' | as_user tee open.conf >/dev/null
background "$SOCKADE" run --policy open.conf -- "$PYTHON" client.py 192.0.2.3,192.0.2.1,8080
wait_for 10 held 7
scan
sanitized || row "^deny .* \\[sockade\\] $SERVER to tcp 192\\.0\\.2\\.1:8080 web " 'a program under Sockade'

# Repeated: only what changes, until it is interrupted.
touch watch.log && chmod 666 watch.log
ordinary=$ORDINARY
[ "$TEST_INSIDE" -eq 0 ] || ORDINARY='env'
# shellcheck disable=SC2016 # the inner shell's own
background sh -c 'exec "$1" scan --policy policy.conf --watch=0.2 >watch.log' sh "$SOCKADE"
watch=$SERVER
ORDINARY=$ordinary
wait_for 10 grep -q 'would be refused' watch.log
background "$PYTHON" client.py 192.0.2.2,192.0.2.1,8080
wait_for 10 grep -q "^+ deny .* $SERVER to tcp 192.0.2.1:8080 by web at .*policy.conf:3\$" watch.log
ok $? 'what is new is told'
kill "$SERVER"
wait_for 10 grep -q "^- deny .* $SERVER to tcp 192.0.2.1:8080 by web" watch.log
ok $? 'and what has gone'
kill -TERM $watch
wait $watch
is "$?" 1 'interrupted it ends with the last verdict'
stop_servers

# On a terminal it is drawn anew, with colours.
as_user timeout 10 script -q -c "TERM=xterm timeout 1 '$SOCKADE' scan --all --policy policy.conf --watch=0.2" /dev/null >terminal.log
is "$(grep -c "$(printf '\033\\[H\033\\[2J')" terminal.log | sed 's/^[2-9]$/several/')" several 'a terminal is drawn anew'

# Real servers: nginx with its workers, nc.
if command -v nginx >/dev/null; then
    mkdir web && chown "$(stat -c %u "$USER_HOME")" web
    printf 'pid %s/web/pid; error_log %s/web/log; daemon off; worker_processes 2; events { }
http { access_log off; client_body_temp_path %s/web; proxy_temp_path %s/web; fastcgi_temp_path %s/web; uwsgi_temp_path %s/web;
scgi_temp_path %s/web; server { listen 192.0.2.1:8081; listen [2001:db8::1]:8080; } }\n' \
        "$PWD" "$PWD" "$PWD" "$PWD" "$PWD" "$PWD" "$PWD" | as_user tee nginx.conf >/dev/null
    background nginx -c "$PWD/nginx.conf"
    wait_for 10 listens 8081
    scan
    is "$(printf '%s\n' "$OUT" | tr -s ' ' | grep -cE '^deny .*/nginx [0-9]+ on tcp 192.0.2.1:8081 listen ')" 3 \
        'nginx: its master and two workers'
else
    skip 'nginx is not installed (Debian: nginx-light)' 'nginx'
fi
if command -v nc >/dev/null; then
    background nc -l 192.0.2.1 8080
    wait_for 10 grep -q '010200C0:1F90 00000000:0000 0A' /proc/net/tcp # nginx listens on this port of another address
    background sh -c 'sleep 60 | nc 192.0.2.1 8080'
    connected() { grep -q '010200C0:[0-9A-F]* 010200C0:1F90 01' /proc/net/tcp; }
    wait_for 10 connected
    scan
    row '^deny /.*nc.* [0-9]+ to tcp 192\.0\.2\.1:8080 web' 'nc'
fi
stop_servers

# Many sockets.
background "$PYTHON" -c 'import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held = []
try:
    for i in range(4000):
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].connect(("192.0.2.1", 1 + i))
except OSError:
    pass
print("held", flush=True)
time.sleep(60)'
wait_for 20 held 9
printf 'version = 1; deny_to = [ "192.0.2.1" ];\n' | as_user tee all.conf >/dev/null
capture as_user "$SOCKADE" scan --policy all.conf
row "^deny .* $SERVER to udp 192\\.0\\.2\\.1:1, 192\\.0\\.2\\.1:10, 192\\.0\\.2\\.1:100, and [0-9]+ more " 'thousands of peers stand in one line'
stop_servers

# Another network namespace, a /proc that hides others' processes, and processes that come and go meanwhile.
ORDINARY="unshare --net -- $ordinary"
background "$PYTHON" -c 'import socket, time
held = socket.create_server(("0.0.0.0", 8081))
time.sleep(60)'
ORDINARY=$ordinary
elsewhere() { scan; printf '%s\n' "$OUT" | grep -q " $SERVER "; }
wait_for 10 elsewhere
row "^deny .* $SERVER on tcp 0\\.0\\.0\\.0:8081 listen " 'a program in another network'
if mount -t proc -o hidepid=invisible proc /proc 2>/dev/null; then
    scan
    row "^deny .* $SERVER on tcp 0\\.0\\.0\\.0:8081 listen " "with others' processes hidden"
    umount /proc
else
    skip 'no /proc of another kind to be had here' "with others' processes hidden"
fi
# shellcheck disable=SC2016 # the inner shell's own
background sh -c 'for i in $(seq 500); do true & true | true; done'
for _ in 1 2 3 4 5 6; do scan --all; done
is "$STATUS" 1 'processes that end while they are looked at do no harm'
stop_servers

# Nothing to look at.
capture as_user "$SOCKADE" scan
is "$STATUS" 0 'no policy: exit 0'
like "$OUT" 'there is no policy here, so nothing would be refused' 'and why'
capture as_user "$SOCKADE" scan --watch=x
is "$STATUS" 2 'a time that is none'
capture as_user "$SOCKADE" scan policy.conf
is "$STATUS" 2 'an operand'
capture as_user "$SOCKADE" scan --policy nowhere.conf
is "$STATUS" 125 'a policy that is not there: exit 125'
like "$ERR" 'nowhere.conf: does not exist' 'which is said'
printf 'rubbish' | as_user tee broken.conf >/dev/null
capture as_user "$SOCKADE" scan --policy broken.conf
is "$STATUS" 125 'a policy with mistakes: exit 125'
like "$ERR" 'broken.conf:[12]: ' 'and these'
mount -t tmpfs tmpfs /proc
capture as_user "$SOCKADE" scan --policy policy.conf
umount /proc
# A sanitizer ends by itself without it.
sanitized || is "$STATUS" 125 'no /proc: exit 125'
sanitized || like "$ERR" '/proc cannot be read' 'which is said'
done_testing
