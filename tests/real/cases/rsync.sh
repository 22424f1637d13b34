# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# rsync: a daemon of its own, and over ssh: a tree there and back, with deletions, a block that changed, links and
# modes.
program='rsync: daemon, over ssh'
needs='rsync:rsync ssh:openssh-client sshd:openssh-server'
version() { rsync --version; }
setup() {
    mkdir -p tree/deep/deeper module .ssh
    seq 200000 >tree/large
    for i in 1 2 3 4 5 6 7 8 9; do echo $i >tree/deep/$i; done
    ln -s large tree/link
    chmod 600 tree/deep/3
    touch -h -d 2020-01-01 tree/link tree/large tree/deep/* tree/deep tree
    printf 'port = 8730\nuse chroot = no\nlog file = %s/rsyncd.log\n[module]\n path = %s/module\n munge symlinks = no\n read only = no\n' \
        "$HOME" "$HOME" >rsyncd.conf
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f key
    cp key.pub authorized_keys
    printf 'ListenAddress 127.0.0.1:2222\nHostKey %s/host_key\nPidFile none\nAuthorizedKeysFile %s/authorized_keys\nStrictModes no\nUsePAM no\n' \
        "$HOME" "$HOME" >sshd_config
}
run() {
    serve rsync --daemon --no-detach --config=rsyncd.conf
    ready 8730 || return
    rsync -a --itemize-changes tree/ rsync://127.0.0.1:8730/module/ || return
    rsync --list-only -r rsync://127.0.0.1:8730/module/
    sed -i 's/^777$/changed/' tree/large
    rm tree/deep/5
    touch -d 2020-01-03 tree/large tree/deep
    rsync -a --delete --itemize-changes --stats tree/ rsync://127.0.0.1:8730/module/ | grep -E '^[<>*.]|^Number|^Total file'
    serve /usr/sbin/sshd -D -e -f "$HOME/sshd_config"
    ready 2222 || return
    remote="ssh -F /dev/null -p 2222 -i $HOME/key -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    remote="$remote -o UserKnownHostsFile=$HOME/known_hosts"
    rsync -az --itemize-changes -e "$remote" 127.0.0.1:module/ back/ || return
    diff -r tree back && echo 'the same tree'
    rsync -a rsync://127.0.0.1:8739/module/ nowhere/
    rsync -a rsync://127.0.0.1:8730/nothing/ nowhere/
    true
}
normal() { sed -E 's/\([0-9]+\)/(PID)/g'; }
shows='^the same tree'
refusing='deny_to = [ "127.0.0.1:8730/tcp" ];'
refused_status=10
refused_shows='^rsync.* failed to connect to 127.0.0.1 .*: Permission denied'
