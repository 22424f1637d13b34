# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# One case in one world: world.sh NAME WORLD SCRATCH. Root of the namespaces that table.sh made sets them up,
# and goes on as an ordinary user.
name=$1 world=$2 SCRATCH=$3
# shellcheck source=/dev/null # one of many
. "$SCRATCH/tests/real/cases/$name.sh"
TEST_UID=$(id -u)
. "$SCRATCH/tests/net.sh"

ip link set lo up
# shellcheck disable=SC2154 # a case may have set it
# shellcheck disable=SC2086 # a list
add_addresses ${addresses:-}
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
here=$SCRATCH/here
mount --bind "$SCRATCH/worlds/$name.$world" "$here"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm

# A user who has a name, a home and a shell, as sshd and PostgreSQL want it.
number=1000
[ "$TEST_INSIDE" -ne 0 ] || number=65534
{
    echo "root:x:0:0:root:/root:/bin/sh"
    echo "tester:x:$number:$number:tester:$here:/bin/sh"
} >"$here/.passwd"
echo "nameserver 127.0.0.1" >"$here/.resolv.conf"
mount --bind "$here/.passwd" /etc/passwd
mount --bind "$here/.resolv.conf" /etc/resolv.conf
cd "$here" || exit 125
export HOME="$here"
# shellcheck disable=SC2086 # ORDINARY is several words
exec $ORDINARY timeout -k 5 "${seconds:-60}" sh "$SCRATCH/tests/real/run_case.sh" "$name" "$world"
