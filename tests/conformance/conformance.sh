#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# The same programs on a real raw ICMP socket, as root, and on a translated one, as an ordinary user: what they print
# must be the same. What may differ is not printed: conformance.h has the list, with the reasons. Both worlds run at the
# same time, each in a network of its own. ONLY=NAMES runs some of the programs, KEEP=FOLDER keeps what was printed.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
programs=${LIBSOCKADE%/*}/tests/conformance
mkdir programs bare translated
cp "$programs"/* "$TESTS"/conformance/*.conf programs/
names=
for source in "$TESTS"/conformance/*.c; do
    name=$(basename "$source" .c)
    [ "$name" = router ] || names="$names $name"
done
[ -z "${ONLY:-}" ] || names=$ONLY

# A network of its own for one world. The router hears at the other end of a pair and answers as each address asks
# (lab.h). The flow label is switched off: it is a hash of the kernel's choice, which the error queue does not tell.
cat >world.sh <<'END'
world=$1 names=$2
shift 2
ip link set lo up
ip link add lab0 type veth peer name lab1 || { echo no pair of devices >"$world/skip"; exit; }
ip link set lab1 arp off addrgenmode none up
ip link set lab0 arp off addrgenmode none up
ip address add 198.19.0.1/32 dev lab0
ip address add 2001:db8:19::1/128 dev lab0 nodad
ip route add 198.18.0.0/16 dev lab0 src 198.19.0.1
ip -6 route add 2001:db8:18::/64 dev lab0 src 2001:db8:19::1
echo 0 >/proc/sys/net/ipv6/auto_flowlabels
range=/proc/sys/net/ipv4/ping_group_range
{ echo '0 2147483647' >$range || echo '0 0' >$range; } 2>/dev/null
router=$(programs/router lab1) || exit
trap 'kill $router' EXIT
trap 'exit 143' TERM
for name in $names; do
    # A program with a policy of its own is preloaded in both worlds: root's raw sockets are judged, and stay raw.
    policy=
    [ ! -e "programs/$name.conf" ] || policy="LD_PRELOAD=$object SOCKADE_POLICY=$PWD/programs/$name.conf"
    timeout 120 "$@" $policy "programs/$name" >"$world/$name" 2>&1
    echo "exit status $?" >>"$world/$name"
done
END
export object="$LIBSOCKADE"

# Most programs sleep most of the time: each world has two lanes, with a network and half of the programs each.
lanes=
for half in 0 1; do
    # shellcheck disable=SC2086 # a list of names
    lane=$(printf '%s\n' $names | awk "NR % 2 == $half")
    unshare -n sh world.sh bare "$lane" env &
    lanes="$lanes $!"
    # shellcheck disable=SC2086 # ORDINARY is several words
    HOME=$USER_HOME unshare -n sh world.sh translated "$lane" $ORDINARY env LD_PRELOAD="$LIBSOCKADE" &
    lanes="$lanes $!"
done
# shellcheck disable=SC2064,SC2086 # a list of numbers, as it is now
trap "kill $lanes 2>/dev/null; scratch_end" EXIT
wait
trap scratch_end EXIT
if [ -e bare/skip ]; then
    skip 'no pair of virtual Ethernet devices (veth)' "${0##*/}"
    done_testing
fi
[ -z "${KEEP:-}" ] || cp -r bare translated "$KEEP"

for name in $names; do
    like "$(tail -n 1 "bare/$name")" '^exit status 0$' "$name: runs on a raw socket"
    unlike "$(cat "bare/$name")" '^(ENDED|Bail out)' "$name: each case ends there"
    # A line for each case, and `|` lines with what differs.
    "$PYTHON" "$TESTS/conformance/compare.py" "bare/$name" "translated/$name" >"$name.cases"
    while read -r verdict case; do
        case $verdict in
        same) ok 0 "$name: $case" ;;
        differs) ok 1 "$name: $case" ;;
        *) printf '#   %s\n' "$case" ;;
        esac
    done <"$name.cases"
done
done_testing
