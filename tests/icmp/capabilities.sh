#!/bin/sh
# SPDX-License-Identifier: MIT
# Files with capabilities, as Debian installs ping, fping, oping and mtr-packet: the loader ignores LD_PRELOAD for them,
# and their exec fails where CAP_NET_RAW is outside the bounding set. `sockade run` starts them all the same.
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
# mtr starts mtr-packet, which has the capability, by itself: it is started through mtr's environment here.
setcap -r "$PROGRAMS/mtr-packet" 2>/dev/null
capture run mtr -n -r -c 2 -i 1 -G 1 10.3.0.1
like "$OUT$ERR" '2\.\|-- 10\.2\.0\.2 +0\.0%' 'sockade run mtr with a plain mtr-packet'
done_testing
