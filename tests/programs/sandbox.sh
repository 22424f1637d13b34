#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that have put themselves under a seccomp filter which kills for any system call that they do not make by
# themselves: none is killed, whatever the policy; where it allows everything nothing differs.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
! sanitized || { skip 'a sanitizer makes system calls of its own' sandbox.sh; done_testing; }
enter_net
scratch
cp "${LIBSOCKADE%/*}/tests/programs/sandboxed" .
mkdir "$USER_HOME/logs"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/logs"

echo 'version = 1;' >allow.conf
cat >matters.conf <<END
version = 1;
rules = (
  { name = "stranger"; action = "deny"; from = "127.0.0.2"; log = true; },
  { action = "drop"; to = "203.0.113.7"; },
  { action = "deny"; to = "unix:/run/docker.sock"; },
  { action = "deny"; from = "192.0.2.9"; port = 22; },
  { action = "deny"; family = "packet"; }
);
default = { loopback = "deny"; };
log = { to = "file:$USER_HOME/logs/events.jsonl"; what = "all"; limit = 100000; };
icmp = { pretend_root = true; };
unprotected = "allow";
END
sed 's/^rules = (/&{ action = "deny"; on = "192.0.2.7"; port = 99; },/; s/"allow"/"deny"/' matters.conf >strict.conf

as_root() {
    "$@"
}

# play FILE POLICY HOW: what it said, as the ordinary user and as root of this network
play() {
    for world in user root; do
        as_$world timeout 60 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/$2.conf" \
            ./sandboxed "$3" 2>&1
    done >"$1"
}

for world in user root; do
    as_$world timeout 60 ./sandboxed prctl 2>&1
done >bare
unlike "$(cat bare)" 'KILLED|prepared' 'the filters let the bare program live'
is "$(grep -c ': lived$' bare)" 42 'so often, as two users'

for how in prctl seccomp number; do
    play said allow $how
    is "$(diff bare said | head -n 20)" '' "everything allowed, filter by $how: nothing differs"
done

# What is refused, and what may not be asked.
play said matters seccomp
unlike "$(cat said)" 'KILLED|prepared' 'under a policy that matters: none is killed'
is "$(grep -c 'recvfrom(receiver.*length): 1 0$' said)" 6 'friends are heard, strangers are not'
is "$(grep -c 'accept4\{0,1\}(listener.*: 0 0$' said)" 4 'friends are accepted, strangers are not'
like "$(cat said)" '  listen\(listener, 4\): 0 0' 'what listened before may go on'
like "$(cat said)" '  read\(receiver, bytes, sizeof\(bytes\)\): -1 EACCES' 'a read that would hide its source is refused'
is "$(grep -c 'read(fd, bytes, 1): 1 0$' said)" "$(grep -c 'read(fd, bytes, 1): 1 0$' bare)" 'pipes that were passed or duplicated are read'
is "$(grep -c 'nonexistent.*-1 ENOENT' said)" 12 'exec fails as it would' || note said "$(grep nonexistent said)"

play said strict prctl
unlike "$(cat said)" 'KILLED|prepared' 'a specific local address and unprotected = "deny": none is killed'
is "$(grep -c 'nonexistent.*-1 EACCES' said)" 12 'a program that may not be looked at is not started'

# A newer policy comes between the last question and the first call.
cp matters.conf "$USER_HOME/newer.conf"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/newer.conf"
newer="$USER_HOME/newer.conf"
for scene in by_recvmsg accepts sockets sends; do
    as_user timeout 60 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$newer" \
        MEANWHILE="echo '# $scene' >>$newer; sleep 1.1; exec '$SOCKADE' reload --policy $newer >/dev/null" \
        ./sandboxed prctl "$scene" >said 2>&1
    like "$(cat said)" "^$scene: lived" "$scene: a newer policy meanwhile"
done
done_testing
