#!/bin/sh
# SPDX-License-Identifier: MIT
# Files with capabilities, as Debian installs ping, fping, oping and mtr-packet: the loader ignores LD_PRELOAD for them,
# and their exec fails where CAP_NET_RAW is outside the bounding set. `sockade run` starts them all the same, and so do the
# exec hooks for what a program starts by itself.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
if ! { [ "$TEST_UID" -eq 0 ] && command -v setcap >/dev/null && cp /bin/sh capable &&
    setcap cap_net_raw=ep capable; } 2>/dev/null; then
    skip 'setcap is refused here' 'a program with file capabilities'
    done_testing
fi
plain_copies
laboratory || { ok 1 'the laboratory is made'; done_testing; }
echo 'version = 1;' >policy.conf

run() { # run CMD...: by sockade run, with nothing in the bounding set
    as_user timeout 20 "$SOCKADE" run --policy "$SCRATCH/policy.conf" -- "$@"
}
# shown PATTERN CMD...: CMD's file gets the capability, and shows the pattern
shown() {
    pattern=$1 program=$2
    shift 2
    [ -e "$PROGRAMS/$program" ] || { skip "$program is not installed" "$program $*"; return; }
    setcap cap_net_raw=ep "$PROGRAMS/$program"
    as_user "$PROGRAMS/$program" "$@" >/dev/null 2>"$SCRATCH/refusal"
    like "$(cat "$SCRATCH/refusal")" 'Operation not permitted' "$program: exec is refused without us"
    capture run "$PROGRAMS/$program" "$@"
    like "$OUT$ERR" "$pattern" "sockade run $program $*"
}

shown '3 packets received, 0%' inetutils-ping -n -c 3 -i 0.2 10.3.0.1
shown 'from 10.2.0.2: Time to live exceeded' inetutils-ping -n -c 1 -w 3 --ttl 2 10.3.0.1
shown '3 received, 0% packet loss' iputils-ping -n -c 3 -i 0.2 10.3.0.1
shown '^10.3.0.2 is alive' fping 10.3.0.1 10.3.0.2
shown 'fd00:3::1 is alive' fping -6 fd00:3::1
shown '2 received, 0.00% packet loss' oping -c 2 -i 0.2 10.3.0.1
# The same with the capability inside the bounding set, where the program would gain it, and with privileges kept.
plainly() { # plainly CMD...: as the user, who may gain privileges
    HOME=$USER_HOME setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"
}
if [ -e "$PROGRAMS/fping" ]; then
    echo 'version = 1; deny_to = [ "10.3.0.2" ];' >deny.conf
    for option in '' --keep-privileges; do
        # shellcheck disable=SC2086 # one word or none
        capture plainly timeout 20 "$SOCKADE" run $option --policy "$SCRATCH/deny.conf" -- \
            "$PROGRAMS/fping" -r 0 -t 500 10.3.0.1 10.3.0.2
        like "$OUT" '^10.3.0.1 is alive' "a capability that could be gained, run $option: translated"
        like "$OUT" '^10.3.0.2 is unreachable' "a capability that could be gained, run $option: the policy holds"
    done
else
    skip 'fping is not installed' 'a capability that could be gained'
fi

# What a program starts by itself: mtr its mtr-packet, a shell its ping. Both have the capability.
unset MTR_PACKET
bounded() { # bounded CMD...: as the user, who may gain privileges, but none that is left
    HOME=$USER_HOME setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"
}
if [ -e "$PROGRAMS/mtr" ]; then
    [ -z "$(getcap "$PROGRAMS/mtr-packet")" ] && setcap cap_net_raw=ep "$PROGRAMS/mtr-packet"
    hop='2\.\|-- 10\.2\.0\.2 +0\.0%'
    capture run mtr -n -r -c 2 -i 1 -G 1 10.3.0.1
    like "$OUT$ERR" "$hop" 'sockade run mtr: its mtr-packet is translated'
    for world in as_user bounded; do
        capture $world timeout 20 env LD_PRELOAD="$LIBSOCKADE" mtr -n -r -c 2 -i 1 -G 1 10.3.0.1
        like "$OUT$ERR" "$hop" "$world, LD_PRELOAD alone: mtr's mtr-packet is translated"
    done
    capture as_user timeout 20 mtr -n -r -c 2 -i 1 -G 1 10.3.0.1
    unlike "$OUT$ERR" "$hop" 'and nothing of it without us'
else
    skip 'mtr is not installed' 'sockade run mtr: its mtr-packet is translated'
fi
if [ -e "$PROGRAMS/fping" ]; then
    for world in as_user bounded plainly; do
        capture $world timeout 20 env LD_PRELOAD="$LIBSOCKADE" sh -c 'fping -r 0 -t 500 10.3.0.1; exec fping -r 0 10.3.0.2'
        is "$(echo "$OUT" | grep -c 'is alive')" 2 "$world, no policy: a shell's fping"
        capture $world timeout 20 env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/deny.conf" \
            sh -c 'fping -r 0 -t 500 10.3.0.1; exec fping -r 0 -t 500 10.3.0.2'
        is "$(echo "$OUT" | grep -c 'is alive')" 1 "$world, a policy: it holds for a shell's fping"
    done
fi
done_testing
