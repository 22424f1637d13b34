# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# A small internet of network namespaces, made without root where user namespaces allow it:
#
#     client --- r1 === r2 --- target          === is two links: the wide one, and a narrow one with an MTU of 1280
#
# Sourced after net.sh, in a network of its own (after enter_net). `laboratory` makes it round the namespace of the
# caller, which becomes the client, and which must have a mount namespace of its own: the other namespaces are files on
# a tmpfs there, so that all is gone with the last process, and nothing is left to clean up.
#
# What is to be seen from the client, IPv4 and IPv6 (fd00 in place of 10):
#   10.3.0.1 .. 10.3.0.9   fd00:3::1 .. 9      the target, three hops away
#   10.3.5.1               fd00:3:5::1         the target through the narrow link
#   10.66.1.1              fd00:66:1::1        r2 says host (address) unreachable
#   10.66.2.1              fd00:66:2::1        r2 says administratively prohibited
#   10.66.3.1              fd00:66:3::1        r2 swallows it
#   10.66.4.1              fd00:66:4::1        r2 has no route to it
#   10.99.0.1              fd00:99::1          the client itself has no route
#   10.1.0.77              fd00:1::77          nobody answers for it on the client's own link
#   10.77.0.1              fd00:77::1          behind label_router, where that runs

LABORATORY=/dev/shm/laboratory

# in_node NODE CMD...: in the namespace of r1, r2 or target
in_node() {
    node=$1
    shift
    nsenter --net="$LABORATORY/$node" -- "$@"
}

# Sets what a node's kernel does not know in silence: the limits on errors became a namespace's own only in Linux 6.10.
# Without them root, too, would miss every error past the first few.
node_settings() {
    for setting in "$@"; do
        file=/proc/sys/net/${setting%%=*}
        [ ! -e "$file" ] || echo "${setting#*=}" >"$file" || echo "# cannot set $setting"
    done
}
UNLIMITED='ipv4/icmp_ratelimit=0 ipv4/icmp_msgs_per_sec=100000 ipv4/icmp_msgs_burst=10000 ipv6/icmp/ratelimit=0'
ROUTER='ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv4/conf/all/send_redirects=0 ipv4/conf/default/send_redirects=0'
# No duplicate address detection, so that addresses are there at once, and no router solicitations.
QUIET='ipv6/conf/default/accept_dad=0 ipv6/conf/default/router_solicitations=0'

# settings NODE WORD...
settings() {
    node=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_node "$node" sh -c '. "$0"; shift 0; node_settings "$@"' "$TESTS/laboratory.sh" "$@" 2>/dev/null
}

# links: commands of `ip -batch` that make the four links, each between two namespaces
links() {
    echo "link add eth0 type veth peer name eth0 netns $LABORATORY/r1"
    echo "link add wide netns $LABORATORY/r1 type veth peer name wide netns $LABORATORY/r2"
    echo "link add narrow netns $LABORATORY/r1 mtu 1280 type veth peer name narrow netns $LABORATORY/r2 mtu 1280"
    echo "link add eth1 netns $LABORATORY/r2 type veth peer name eth0 netns $LABORATORY/target"
}

# both VERB REST4 REST6: an address or route command once for each family
both() {
    echo "$1 $2"
    echo "$1 $3"
}

# address DEVICE NET HOST: 10.NET.0.HOST and fd00:NET::HOST
address() {
    echo "link set $1 up"
    echo "address add 10.$2.0.$3/24 dev $1"
    echo "address add fd00:$2::$3/64 dev $1 nodad"
}

client_commands() {
    address eth0 1 1
    both 'route add' 'default via 10.1.0.254' 'default via fd00:1::254'
    both 'route add unreachable' 10.99.0.0/16 fd00:99::/32
}

r1_commands() {
    address eth0 1 254
    address wide 2 1
    address narrow 5 1
    both 'route add' '10.3.0.0/16 via 10.2.0.2' 'fd00:3::/32 via fd00:2::2'
    both 'route add' '10.3.5.0/24 via 10.5.0.2' 'fd00:3:5::/48 via fd00:5::2'
    both 'route add' '10.66.0.0/16 via 10.2.0.2' 'fd00:66::/32 via fd00:2::2'
}

r2_commands() {
    address wide 2 2
    address narrow 5 2
    address eth1 3 254
    both 'route add' '10.1.0.0/24 via 10.2.0.1' 'fd00:1::/64 via fd00:2::1'
    both 'route add' '10.3.5.0/24 via 10.3.0.1' 'fd00:3:5::/48 via fd00:3::1'
    both 'route add unreachable' 10.66.1.0/24 fd00:66:1::/48
    both 'route add prohibit' 10.66.2.0/24 fd00:66:2::/48
    both 'route add blackhole' 10.66.3.0/24 fd00:66:3::/48
}

target_commands() {
    for host in 1 2 3 4 5 6 7 8 9; do address eth0 3 $host; done
    echo 'address add 10.3.5.1/32 dev eth0'
    echo 'address add fd00:3:5::1/128 dev eth0 nodad'
    both 'route add' 'default via 10.3.0.254' 'default via fd00:3::254'
}

# Whether every link carries packets: the kernel says so from a work queue, and drops what is sent before.
links_are_up() {
    ! for node in r1 r2 target; do in_node "$node" ip -brief link; done | grep -q -E ' (DOWN|LOWERLAYERDOWN) '
}

# Makes the laboratory round the caller's network namespace. With the word `closed` nobody may open ping sockets there.
laboratory() {
    mount -t tmpfs tmpfs /dev/shm && mkdir "$LABORATORY" || return 1
    for node in r1 r2 target; do
        : >"$LABORATORY/$node"
        unshare --net="$LABORATORY/$node" true || return 1
    done
    # shellcheck disable=SC2086 # lists of words
    {
        node_settings $QUIET
        settings r1 $QUIET $UNLIMITED $ROUTER
        settings r2 $QUIET $UNLIMITED $ROUTER
        settings target $QUIET $UNLIMITED
    }
    links | ip -batch - || return 1
    { echo 'link set lo up' && client_commands; } | ip -batch - || return 1
    for node in r1 r2 target; do
        { echo 'link set lo up' && "${node}_commands"; } | in_node "$node" ip -batch - || return 1
    done
    wait_for 10 links_are_up || return 1
    [ "${1:-}" = closed ] || grant_ping_sockets
}

# Grants ping sockets in the client's namespace. A new namespace grants them to nobody (`1 0`), and one that belongs to
# a user namespace cannot be closed again, since a group of that number is not mapped there: the one that is, is 0.
grant_ping_sockets() {
    range='0 2147483647'
    [ "$TEST_UID" -eq 0 ] || range='0 0'
    echo "$range" >/proc/sys/net/ipv4/ping_group_range
}

# Starts the router that labels packets and the host behind it, by way of r1. It ends with the shell that calls this.
label_router() {
    {
        # Without ARP a frame goes to the device's own address, and so past the stack at the other end.
        echo 'link add labels type veth peer name labels1'
        echo 'link set labels1 arp off up'
        echo 'link set labels arp off up'
        both 'route add' '10.77.0.0/24 dev labels' 'fd00:77::/48 dev labels'
    } | in_node r1 ip -batch - && wait_for 10 links_are_up || return 1
    nsenter --net="$LABORATORY/r1" -- setpriv --pdeathsig KILL -- \
        "$PYTHON" "$TESTS/icmp/label_router.py" labels1 </dev/null >/dev/null &
    wait_for 10 in_node r1 grep -q ' 0003 ' /proc/net/packet
}

# Where tests/dependencies.sh unpacks what cannot be installed beside the other: root's place, and the user's own.
TEST_CACHES="/var/cache/sockade-tests ${HOME:-/nonexistent}/.cache/sockade-tests"

# plain_copies: makes the folder $PROGRAMS, first in PATH, with copies of real programs that have no capabilities (which
# would make the loader ignore LD_PRELOAD), and with what the tests feed to interpreters. What is not installed is not
# there.
plain_copies() {
    PROGRAMS=$SCRATCH/programs
    mkdir "$PROGRAMS"
    for program in busybox fping oping noping mtr mtr-packet traceroute; do
        file=$(command -v "$program") && cp "$file" "$PROGRAMS/$program"
    done
    copy_pings
    cp "$TESTS"/icmp/*.pl "$TESTS"/icmp/*.py "$PROGRAMS"
    echo 'version = 1; icmp = { pretend_root = true; };' >"$PROGRAMS/pretend_root.conf"
    ! command -v javac >/dev/null || javac -d "$PROGRAMS" "$TESTS/icmp/Reach.java"
    export PATH="$PROGRAMS:$PATH" MTR_PACKET="$PROGRAMS/mtr-packet"
}

# Debian's two pings have one name, so each that is there is asked of which kind it is.
copy_pings() {
    folders=/bin
    for cache in $TEST_CACHES; do folders="$folders $cache/inetutils-ping/bin $cache/iputils-ping/bin"; done
    for folder in $folders; do
        [ -x "$folder/ping" ] || continue
        case $("$folder/ping" -V 2>&1) in
        *inetutils*)
            cp "$folder/ping" "$PROGRAMS/inetutils-ping"
            cp "$folder/ping6" "$PROGRAMS/inetutils-ping6"
            ;;
        *iputils*) cp "$folder/ping" "$PROGRAMS/iputils-ping" ;;
        esac
    done
}
