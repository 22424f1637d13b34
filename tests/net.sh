# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests with real programs need beside lib.sh: a whole script in a network of its own, interfaces that lead
# nowhere, servers in the background, the helper programs in C.
#
# Sourced after lib.sh. Everything that is tested runs through as_user, background or shimmed, so as an ordinary user.

PYTHON=/usr/bin/python3 # a distribution's own: a version manager's wrapper would be a shell script in between
SERVERS=''
export PYTHONDONTWRITEBYTECODE=1 # the tests leave nothing beside themselves

# The words in front of a command that make it an ordinary user's. Inside a user namespace, where the script is root, a
# second one maps the same user to another number and gives no capability over the first one's network.
ORDINARY='env'
if [ "${TEST_INSIDE:-0}" -ne 0 ]; then
    TEST_UID=$TEST_INSIDE
    ORDINARY='unshare --user --map-user=1000 --map-group=1000 -- setpriv --no-new-privs --'
elif [ "$TEST_UID" -eq 0 ]; then
    ORDINARY='setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs --'
fi

# shellcheck disable=SC2086 # ORDINARY is several words
as_user() {
    HOME=$USER_HOME $ORDINARY "$@"
}

# Starts the script again in a network namespace of its own, and a mount namespace too; what follows runs inside.
enter_net() {
    if [ -n "${TEST_INSIDE:-}" ]; then
        mount -t tmpfs tmpfs /dev/shm # images that find no other place stay in here
        # Above the ports that tests bind by number, which a client's connection might have had a minute before.
        echo 46000 60999 >/proc/sys/net/ipv4/ip_local_port_range
        return 0
    fi
    can_in_net || { skip 'no network namespace to be had here' "${0##*/}"; done_testing; }
    TEST_INSIDE=$TEST_UID
    export TEST_INSIDE
    in_net unshare -m sh "$0"
    exit
}

# Gives the loopback device addresses.
add_addresses() {
    for address in "$@"; do
        case $address in
        # Without the flag it is tentative until a kernel thread has seen it, and no route may have it as its source.
        *:*) ip address add "$address/128" dev lo nodad ;;
        *) ip address add "$address/32" dev lo ;;
        esac
    done
}

# A dead route: everything that is not local leaves by the device `dead0`, which counts it and leads nowhere. A pair of
# virtual Ethernet devices does it where the kernel has no dummy ones. No address of its own and no ARP: it is quiet.
dead_route() {
    if ip link add dead0 type veth peer name dead1; then
        ip link set dead1 arp off addrgenmode none up
    else
        ip link add dead0 type dummy || return 1
    fi 2>/dev/null
    ip link set dead0 arp off addrgenmode none up
    add_addresses 192.0.2.251 2001:db8:251::1
    ip route add default dev dead0 src 192.0.2.251
    ip -6 route add default dev dead0 src 2001:db8:251::1
}

# How many packets the device `dead0` has sent.
packets_sent() {
    awk '$1 == "dead0:" { print $11 }' /proc/net/dev
}

# shimmed POLICY CMD...: CMD preloaded under a policy, as an ordinary user, for ten seconds at most
shimmed() {
    shimmed_policy=$1
    shift
    as_user timeout 10 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$shimmed_policy" "$@"
}

# bare CMD...: the same without the object
bare() {
    as_user timeout 10 "$@"
}

# background CMD...: runs on as an ordinary user until stop_servers or the end of the script; its pid is $SERVER
# shellcheck disable=SC2086
background() {
    HOME=$USER_HOME $ORDINARY "$@" </dev/null >>"$SCRATCH/servers.log" 2>&1 &
    SERVER=$!
    SERVERS="$SERVERS $SERVER"
    trap 'servers_end' EXIT
}

# shellcheck disable=SC2086
stop_servers() {
    [ -z "$SERVERS" ] || kill $SERVERS 2>/dev/null
    [ -z "$SERVERS" ] || wait $SERVERS 2>/dev/null
    SERVERS=''
}

servers_end() {
    servers_status=$?
    stop_servers
    (exit $servers_status)
    scratch_end
}

# wait_for SECONDS CMD...: until CMD succeeds
wait_for() {
    wait_left=$(($1 * 20))
    shift
    until "$@"; do
        [ $((wait_left -= 1)) -gt 0 ] || return 1
        sleep 0.05
    done
}

# Whether somebody listens on a TCP port (state 0A), or has bound a UDP one (07).
listens() {
    grep -q -i ":$(printf %04X "$1") [0-9A-F]*:0000 0A" /proc/net/tcp /proc/net/tcp6
}
listens_udp() {
    grep -q -i ":$(printf %04X "$1") [0-9A-F]*:0000 07" /proc/net/udp /proc/net/udp6
}

# http_server ADDRESS PORT: serves the file /index.html, which says "served"
http_server() {
    mkdir -p "$SCRATCH/www"
    echo served >"$SCRATCH/www/index.html"
    background "$PYTHON" -m http.server --bind "$1" --directory "$SCRATCH/www" "$2"
    wait_for 10 listens "$2" || echo "# no server on port $2"
}

# is_reset SOURCE ADDRESS PORT NAME: a client at SOURCE is taken by the server there, and reset
is_reset() {
    capture bare "$PYTHON" -c 'import socket, sys
source, address, port = sys.argv[1:]
socket.create_connection((address, int(port)), 5, (source, 0)).recv(9)' "$1" "$2" "$3"
    like "$ERR" ConnectionResetError "$4"
}

# need PROGRAM PACKAGE: ends the test with a skip where a program is missing
need() {
    command -v "$1" >/dev/null || { skip "$1 is not installed (Debian: $2)" "${0##*/}"; done_testing; }
}

# helper NAME: the program of tests/programs/NAME.c in the scratch folder, from the build or compiled here
helper() {
    cp "${LIBSOCKADE%/*}/tests/programs/$1" "$SCRATCH/$1" 2>/dev/null && return
    ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -o "$SCRATCH/$1" "$TESTS/programs/$1.c" ||
        { ok 1 "$1.c compiles"; done_testing; }
}

milliseconds() {
    read -r uptime _ </proc/uptime
    echo "${uptime%.*}${uptime#*.}0"
}
