#!/bin/sh
# SPDX-License-Identifier: MIT
# git and ssh over local ports: clients that start helpers of their own, and a server that forks for each client.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need git git
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 2001:db8::1 2001:db8:66::1
cat >policy.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = [ "192.0.2.66", "2001:db8:66::/48" ]; errno = "EHOSTUNREACH"; },
  { action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; }
);
END
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_GLOBAL=/dev/null
cd "$USER_HOME" || exit 1
as_user git init -q repository.git
as_user git -C repository.git -c user.name=Test -c user.email=test@example.org commit -q --allow-empty -m first

# The client.
background git daemon --listen=:: --listen=0.0.0.0 --port=9418 --base-path="$USER_HOME" --export-all "$USER_HOME"
wait_for 10 listens 9418
for address in 192.0.2.66 '[2001:db8:66::1]'; do
    capture shimmed "$SCRATCH/policy.conf" git clone -q "git://$address/repository.git" refused
    is "$STATUS" 128 "git clone from $address is refused"
    like "$ERR" 'No route to host' "git clone from $address tells the errno"
    [ ! -e refused ]
    ok $? "git clone from $address leaves nothing"
done
for address in 192.0.2.1 '[2001:db8::1]'; do
    rm -rf allowed
    capture shimmed "$SCRATCH/policy.conf" git clone -q "git://$address/repository.git" allowed
    is "$STATUS" 0 "git clone from $address is allowed"
    is "$(as_user git -C allowed log --format=%s)" first "git clone from $address is whole"
done
stop_servers

# The server: one process accepts by poll, and another serves.
background env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
    git daemon --listen=127.0.0.1 --port=9419 --base-path="$USER_HOME" --export-all "$USER_HOME"
wait_for 10 listens 9419
is_reset 192.0.2.66 127.0.0.1 9419 'git daemon resets a refused peer'
capture bare git ls-remote git://127.0.0.1:9419/repository.git
is "$STATUS" 0 'git daemon serves an allowed peer'
stop_servers

# ssh against a server that takes its greeting and leaves: how far it comes is what counts.
if command -v ssh >/dev/null; then
    background "$PYTHON" -c 'import socket
s = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    print("greeting:", c.recv(99), flush=True)
    c.close()'
    wait_for 10 listens 2222
    for address in 192.0.2.66 2001:db8:66::1; do
        capture shimmed "$SCRATCH/policy.conf" ssh -F /dev/null -o BatchMode=yes -p 2222 "$address" true
        like "$ERR" "connect to host $address port 2222: No route to host" "ssh to $address is refused"
    done
    unlike "$(cat "$SCRATCH/servers.log")" '^greeting' 'ssh reached nobody so far'
    capture shimmed "$SCRATCH/policy.conf" ssh -F /dev/null -o BatchMode=yes -p 2222 192.0.2.1 true
    is "$STATUS" 255 'ssh to 192.0.2.1 fails for another reason: there is no ssh server'
    like "$(cat "$SCRATCH/servers.log")" '^greeting: .*SSH-2.0' 'ssh to 192.0.2.1 is allowed'
else
    skip 'ssh is not installed (Debian: openssh-client)' 'ssh'
fi
done_testing
