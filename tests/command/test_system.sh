#!/bin/sh
# SPDX-License-Identifier: MIT
# The system layer, as run, check, explain and compile see it: in a mount namespace with an /etc and a /var/lib of its
# own. An ordinary user is the namespace's root there, so what root and another user see apart needs a real root.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
if [ -z "${TEST_MOUNTS:-}" ]; then
    mounts=-m
    [ "$TEST_UID" -eq 0 ] || mounts=-Urm
    unshare $mounts true 2>/dev/null || { skip 'no mount namespace to be had here' 'the system layer'; done_testing; }
    TEST_MOUNTS=$TEST_UID
    export TEST_MOUNTS
    exec unshare $mounts sh "$0"
fi
TEST_UID=$TEST_MOUNTS
scratch
mkdir etc
cp -RL /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives etc 2>/dev/null
mount -t tmpfs -o mode=755 tmpfs /etc && mount -t tmpfs -o mode=755 tmpfs /var/lib || exit 1
cp -R etc/. /etc
cd "$USER_HOME" || exit 1
sockade() { capture as_user "$SOCKADE" "$@"; }

printf 'version = 1;\nrules = ( { name = "mine"; action = "allow"; to = "192.0.2.1"; } );\ndeny_to = [ "192.0.2.3" ];\n' >"$SCRATCH/user.conf"
explain() { sockade explain --policy "$SCRATCH/user.conf" --to "$1"; }
# layers WHEN: what holds while the system denies 192.0.2.1 and 192.0.2.2
layers() {
    explain 192.0.2.1
    is "$STATUS" 1 "$1: what the system denies and the user allows is denied"
    like "$OUT" 'system /etc/sockade: denies with EPERM, by rule "house" at /etc/sockade/policy.conf:2' "$1: by the system's rule"
    like "$OUT" 'user .*/user.conf: allows, by rule "mine"' "$1: though the user allows it"
    like "$OUT" '^denied by the system layer: EPERM' "$1: the layer is named"
    explain 192.0.2.2
    like "$OUT" 'at /etc/sockade/policy.d/10-more.conf:2' "$1: a text of policy.d"
    explain 192.0.2.3
    like "$OUT" '^denied by the user layer' "$1: a user may deny more"
    explain 192.0.2.4
    like "$OUT" '^allowed' "$1: what neither denies"
}

sockade check
like "$OUT" '^/etc/sockade: no policy there' 'no system policy'
mkdir -p /etc/sockade/policy.d
sockade run true
is "$STATUS" 0 'an empty policy.d is a policy without rules'
explain 192.0.2.1
like "$OUT" 'system /etc/sockade: allows' 'which allows'
cat >/etc/sockade/policy.conf <<'END'
version = 1;
rules = ( { name = "house"; action = "deny"; to = "192.0.2.1"; errno = "EPERM"; } );
END
cat >/etc/sockade/policy.d/10-more.conf <<'END'
version = 1;
deny_to = [ "192.0.2.2" ];
END
layers 'without an image'
sockade run --allow-to 192.0.2.1 -- "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^denied by the system layer' 'no rule of the command line loosens it'
sockade run --audit -- "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^denied by the system layer' 'nor does --audit'
if [ "$TEST_UID" -eq 0 ]; then
    like "$(find "$USER_HOME/.cache/sockade" -name '*.image')" image "without root's image run compiles the user's own"
    rm -rf "$USER_HOME/.cache"
fi
capture "$SOCKADE" compile --system
is "$STATUS" 0 'root compiles it'
like "$OUT" '^/etc/sockade: 2 rules, image of [0-9]+ bytes: /var/lib/sockade/[0-9a-f]*-[0-9]+.image$' 'to the state folder'
is "$(stat -c %a /var/lib/sockade /var/lib/sockade/*.image | tr '\n' ' ')" '755 644 ' 'for everybody to read'
layers 'with an image'
sockade check
is "$STATUS" 0 'check: exit 0'
like "$OUT" '^/etc/sockade: 2 rules, 2 address ranges, image of [0-9]+ bytes: ok' 'check judges it'
sockade run "$SOCKADE" explain --to 192.0.2.2
like "$OUT" '^denied by the system layer' 'run'
if [ "$TEST_UID" -eq 0 ]; then
    is "$(find "$USER_HOME" -name '*.image')" '' "with root's image the user needs none"
    sleep 0.01
    touch /etc/sockade/policy.conf
    sockade compile --system --fresh
    like "$OUT" "^/etc/sockade: 2 rules.* $USER_HOME/.cache/sockade/" 'a user compiles a stale one for himself'
    capture "$SOCKADE" compile --system --quiet
    sockade compile --system --fresh
    is "$STATUS $OUT" '0 ' 'and does nothing where it is fresh'
fi

# A mistake.
echo 'version = 1; mode = "of";' >/etc/sockade/policy.d/20-wrong.conf
echo 'version = 1; rules = ( { } );' >/etc/sockade/policy.d/30-wrong.conf
sockade run echo started
is "$STATUS $OUT" '125 ' 'run starts nothing under a broken system policy'
like "$ERR" '^/etc/sockade/policy.d/20-wrong.conf:1: ' 'the first mistake'
like "$ERR" '^/etc/sockade/policy.d/30-wrong.conf:1: ' 'the second'
sockade check
is "$STATUS" 1 'check: exit 1'
explain 192.0.2.1
like "$OUT" 'rule "house".*last good image' 'the last good image stands'
rm -rf /var/lib/sockade "$USER_HOME/.cache"
explain 192.0.2.4
like "$OUT" '^denied by the system layer: EACCES' 'without one all is refused'
rm /etc/sockade/policy.d/*wrong.conf
chmod 666 /etc/sockade/policy.conf
sockade run echo started
is "$STATUS $OUT" '125 ' 'a system text that others may write'
done_testing
