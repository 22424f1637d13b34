# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# OpenSSH's server where a rule says who may come: the others are reset before they are greeted.
program='OpenSSH: sshd, for whom'
needs='ssh:openssh-client sshd:openssh-server'
quick=yes
version() { ssh -V; }
addresses='192.0.2.66'
setup() {
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f key
    cp key.pub authorized_keys
    printf 'ListenAddress 0.0.0.0:22\nHostKey %s/host_key\nPidFile none\nAuthorizedKeysFile %s/authorized_keys\nStrictModes no\nUsePAM no\n' \
        "$HOME" "$HOME" >sshd_config
}
run() {
    serve /usr/sbin/sshd -D -e -f "$HOME/sshd_config"
    ready 22 || return
    status=0
    for source in 127.0.0.1 192.0.2.66; do
        bare ssh -F /dev/null -b $source -i key -o BatchMode=yes -o StrictHostKeyChecking=no \
            -o UserKnownHostsFile=known_hosts 192.0.2.66 'echo "from ${SSH_CONNECTION%% *}"' || status=$?
    done
    return $status
}
shows='^from 192.0.2.66'
refusing='rules = ( { action = "allow"; from = "loopback"; port = 22; }, { action = "deny"; from = "any"; port = 22; } );'
refused_status=255
refused_shows='^(Connection reset by|kex_exchange_identification: .*reset|ssh: connect to host 192.0.2.66 port 22: Connection reset)'
