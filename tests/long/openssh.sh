#!/bin/sh
# SPDX-License-Identifier: MIT
# OpenSSH's server as root, with its separation of privileges: its process before authentication runs under a filter that kills
# for any call outside a short list, and descriptors are passed between its processes. A key logs in, runs a command and moves
# files, and all of it is as without the object; a refused host is turned away before that.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need /usr/sbin/sshd openssh-server
need ssh openssh-client
enter_net
[ "$TEST_INSIDE" -eq 0 ] || { skip 'only root separates its privileges' openssh.sh; done_testing; }
scratch
add_addresses 192.0.2.1 192.0.2.66

# A user who may log in, in this mount namespace alone.
mkdir home/guest
echo 'guest:x:12345:12345::/:/bin/sh' | cat /etc/passwd - >passwd
echo 'guest:x:12345:' | cat /etc/group - >group
echo 'guest:*:19000::::::' | cat /etc/shadow - >shadow
for file in passwd group shadow; do mount --bind $file /etc/$file; done
mount -t tmpfs tmpfs /run
mkdir /run/sshd
chown 12345:12345 home/guest
chmod 755 home

ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f key
cat >sshd_config <<END
ListenAddress 0.0.0.0:2222
HostKey $SCRATCH/host_key
AuthorizedKeysFile $SCRATCH/key.pub
StrictModes no
UsePAM no
PidFile none
LogLevel DEBUG3
Subsystem sftp internal-sftp
END
echo "[192.0.2.1]:2222 $(cut -d' ' -f1,2 host_key.pub)" >known
cat >ssh_config <<END
Host *
    Port 2222
    User guest
    IdentityFile $SCRATCH/key
    UserKnownHostsFile $SCRATCH/known
    BatchMode yes
    LogLevel ERROR
    ConnectTimeout 10
END
echo 'version = 1;' >allow.conf
cat >matters.conf <<'END'
version = 1;
rules = (
  { name = "stranger"; action = "deny"; from = "192.0.2.66"; },
  { action = "deny"; from = "any"; port = 10000; },
  { action = "deny"; to = "203.0.113.0/24"; }
);
default = { loopback = "deny"; };
log = { to = "file:@FOLDER@/events.jsonl"; what = "all"; };
END
sed -i "s|@FOLDER@|$SCRATCH|" matters.conf
head -c 300000 /dev/urandom >file

# with POLICY: the server's words in front
with() {
    [ "$1" = bare ] || echo "env LD_PRELOAD=$LIBSOCKADE SOCKADE_POLICY=$SCRATCH/$1.conf"
}

# session: a command's output, its environment's preload, an exit status, files there and back
session() {
    timeout 30 ssh -F ssh_config 192.0.2.1 'id -un; echo "to stderr" >&2; exit 5' </dev/null
    echo "status $?"
    echo words | timeout 30 ssh -F ssh_config 192.0.2.1 'tr a-z A-Z'
    timeout 30 scp -q -F ssh_config file 192.0.2.1:"$SCRATCH/home/guest/there"
    echo "scp $?"
    echo "get $SCRATCH/home/guest/there $SCRATCH/back" | timeout 30 sftp -q -F ssh_config -b - 192.0.2.1 >/dev/null
    echo "sftp $?"
    cmp file back && echo same
    rm -f back home/guest/there
    timeout 30 ssh -F ssh_config -o 'IdentityFile none' 192.0.2.1 true </dev/null
    echo "without a key: $?"
}

for policy in bare allow matters; do
    # shellcheck disable=SC2046 # several words
    $(with $policy) /usr/sbin/sshd -D -e -f "$SCRATCH/sshd_config" >log-$policy 2>&1 &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ! timeout 5 ssh -F ssh_config 192.0.2.1 true 2>/dev/null || break
        sleep 0.2
    done
    session >said-$policy 2>&1
    if [ $policy = matters ]; then
        capture timeout 20 ssh -F ssh_config -b 192.0.2.66 192.0.2.1 true
        is "$STATUS" 255 'the refused host is turned away'
        capture timeout 20 ssh -F ssh_config 192.0.2.1 'curl -s --max-time 5 telnet://203.0.113.7:1; echo $?'
        is "$OUT" 7 'what a session starts is refused too'
    fi
    kill $server
    wait $server 2>/dev/null
    like "$(cat log-$policy)" 'attaching seccomp filter program' "$policy: there is such a filter"
    unlike "$(cat log-$policy)" 'terminated by signal|Bad system call|fatal: (mm|monitor|privsep)' "$policy: nobody is killed"
done
like "$(cat said-bare)" '^same$' 'the bare server moves files'
is "$(cat said-allow)" "$(cat said-bare)" 'everything allowed: the same session'
is "$(cat said-matters)" "$(cat said-bare)" 'under a policy that matters: the same session'
like "$(cat events.jsonl)" '"op":"accept".*"rule":"stranger"' 'the refusal is in the log'
done_testing
