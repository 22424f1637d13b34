# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# The small world in which what README.md shows is true: sourced after lib.sh and net.sh, inside enter_net and scratch.
#
# A network of its own with the machines of servers.py on loopback and a resolver that knows their names; ping sockets
# open to everybody; an ordinary user with an empty home, for whom `sockade` stands in PATH.

world_addresses='192.0.2.10 192.0.2.20 192.0.2.53 198.51.100.7 203.0.113.66 169.254.169.254 2001:db8::10'

# make_world: sets everything up, or ends the test
make_world() {
    # shellcheck disable=SC2086 # a list
    add_addresses $world_addresses
    # Inside a user namespace one group alone is mapped.
    echo '0 2147483647' 2>/dev/null >/proc/sys/net/ipv4/ping_group_range ||
        echo '0 0' >/proc/sys/net/ipv4/ping_group_range
    echo 'nameserver 192.0.2.53' >resolv.conf
    echo '127.0.0.1 localhost' >hosts
    echo 'hosts: files dns' >nsswitch.conf
    for file in resolv.conf hosts nsswitch.conf; do
        world_target=$(readlink -f "/etc/$file")
        { [ -e "$world_target" ] && mount --bind "$file" "$world_target"; } ||
            { ok 1 "/etc/$file is replaced"; done_testing; }
    done
    [ ! -d /etc/sockade ] || mount -t tmpfs -o mode=755 tmpfs /etc/sockade
    mkdir -p www commands
    echo 'Hello.' >www/index.html
    mkdir -p www/latest
    printf 'role-of-this-machine' >www/latest/credentials
    make_repository
    : >servers.ready
    "$PYTHON" "$TESTS/newcomer/servers.py" "$SCRATCH/www" >servers.ready 2>servers.log </dev/null &
    SERVERS="$SERVERS $!"
    trap 'servers_end' EXIT
    wait_for 10 grep -q ready servers.ready || { note 'a server' "$(cat servers.log)"; ok 1 'the servers start'; }
    ln -sf "$SOCKADE" commands/sockade
    export PATH="$SCRATCH/commands:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
}

# A repository to clone over plain http: http://git.example.com/tools.git
make_repository() {
    command -v git >/dev/null || return 0
    (
        export GIT_CONFIG_GLOBAL=/dev/null
        git init -q -b main tools && cd tools || exit 1
        echo 'Tools.' >README
        git add README
        git -c user.name=You -c user.email=you@example.com commit -q -m 'The first tool'
        git clone -q --bare . ../www/tools.git
        git -C ../www/tools.git update-server-info
    ) || { ok 1 'a repository is made'; done_testing; }
}
