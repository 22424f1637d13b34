# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# OpenSSH, client and server: a key's login, a command, its status, a large copy, sftp, and ports that are forwarded.
program='OpenSSH: ssh, sshd, scp, sftp'
needs='ssh:openssh-client sshd:openssh-server sftp:openssh-client /usr/lib/openssh/sftp-server:openssh-sftp-server'
quick=yes
version() { ssh -V; }
setup() {
    mkdir -m 700 .ssh
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519
    cp .ssh/id_ed25519.pub authorized_keys
    cat >sshd_config <<END_OF_FILE
ListenAddress 127.0.0.1:2222
ListenAddress [::1]:2222
HostKey $HOME/host_key
PidFile none
AuthorizedKeysFile $HOME/authorized_keys
StrictModes no
UsePAM no
Subsystem sftp /usr/lib/openssh/sftp-server
END_OF_FILE
    cat >.ssh/config <<END_OF_FILE
Host *
    Port 2222
    BatchMode yes
    IdentityFile $HOME/.ssh/id_ed25519
    StrictHostKeyChecking no
    UserKnownHostsFile $HOME/known_hosts
    LogLevel ERROR
END_OF_FILE
    seq 300000 >large
    mkdir www
    echo served >www/index.html
    "$PYTHON" -m http.server --bind 127.0.0.1 --directory www 8080 >/dev/null 2>&1 &
    wait_for 10 listens 8080
}
run() {
    serve /usr/sbin/sshd -D -e -f "$HOME/sshd_config"
    ready 2222 || return
    config="-F $HOME/.ssh/config"
    # shellcheck disable=SC2086 # two words
    {
        ssh $config 127.0.0.1 'echo "logged in as $(id -un)"; echo to stderr >&2; exit 7'
        echo "the command's status: $?"
        ssh $config ::1 sort -rn <large | head -n 2
        scp $config -q large 127.0.0.1:copied && cmp large copied && echo copied
        scp $config -q '127.0.0.1:copied' back && cmp large back && echo back
        printf 'ls -1 copied\nrename copied renamed\nget renamed fetched\nput large sent\nls -1 sent\nrm sent\n' |
            sftp $config -q -b - 127.0.0.1
        cmp large fetched && echo fetched
        ssh $config -f -o ExitOnForwardFailure=yes -L 8081:127.0.0.1:8080 -R 8082:127.0.0.1:8080 -D 8083 127.0.0.1 sleep 2
        for port in 8081 8082; do
            bare curl -sS "http://127.0.0.1:$port/"
        done
        bare curl -sS --socks5 127.0.0.1:8083 http://127.0.0.1:8080/
        ssh $config -tt 127.0.0.1 'test -t 0 && echo a terminal' </dev/null
        ssh $config 127.0.0.1 true
    }
}
normal() { tr -d '\r'; }
shows='^logged in as tester'
refusing='deny_to = [ "127.0.0.1:2222/tcp" ];'
refused_status=255
refused_shows='^ssh: connect to host 127.0.0.1 port 2222: Permission denied'
