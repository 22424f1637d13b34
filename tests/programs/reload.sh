#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# A running process follows its policy: published, edited in place, swapped by rename or symlink, appearing, broken.
# shellcheck disable=SC2086,SC2034 # ORDINARY is several words; policy is for start
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../reloading.sh"
reloading_begin

# By the word.
folders
write policy.conf EHOSTDOWN
start $ORDINARY
expect old EHOSTDOWN 'the policy from the start'
write policy.conf ENETDOWN
reload
is "$STATUS$ERR" 0 'sockade reload'
# In another user namespace the maps of the probe may not be read.
like "$OUT" "^$SCRATCH/policy.conf: published; $([ "$TEST_INSIDE" -eq 0 ] && echo 1 process || echo '[01] process(es)?') follows? with the next call\$" \
    'it tells how many follow'
expect old ENETDOWN 'the next connect, by a socket that was there before, is judged by the new policy'
expect receive fine 'datagrams come in'
echo 'version = 1; rules = ( { action = "deny"; from = "127.0.0.1"; proto = "udp"; port = "1-65535"; },
    { action = "deny"; to = "127.0.0.1"; port = 9; errno = "ENETRESET"; } );' >policy.conf
reload
expect receive EAGAIN 'a policy that is the first to judge datagrams: none comes from the next receive on'
write policy.conf ENETDOWN
reload
expect receive fine 'and they come again'
echo 'version = 1; mode = "off"; rules = ( { action = "deny"; to = "any"; } );' >policy.conf
reload
expect old fine 'mode off'
write policy.conf EHOSTDOWN
reload
expect old EHOSTDOWN 'and on again'
expect uid 'nobody in particular' 'no user is root'
echo "$(text ENETDOWN) icmp = { pretend_root = true; };" >policy.conf
reload
expect old ENETDOWN 'a policy that makes one look like it'
expect uid root 'is followed'
write policy.conf EHOSTDOWN
reload
expect old EHOSTDOWN 'and one that does not'
expect uid 'nobody in particular' 'too'
echo 'version = 1; rules = ( {' >policy.conf
reload
is "$STATUS" 1 'sockade reload of a bad text says so'
expect old EHOSTDOWN 'a bad text: the old policy stays'

# By the look at the sources.
write policy.conf ENETDOWN
settle new ENETDOWN 'a text that is renamed over the old one'
text ENETRESET >policy.conf
settle new ENETRESET 'a text that is edited in place'
echo 'version = 1; rules = ( {' >policy.conf
sleep 1.2
expect new ENETRESET 'a bad text keeps the old policy'
sleep 1.2
expect new ENETRESET 'still'
sleep 1.2
say new
is "$(errors)" 1 'and leaves one event'
rm policy.conf
sleep 1.2
expect new ENETRESET 'a text that is taken away keeps it too'
write policy.conf EHOSTDOWN
settle new EHOSTDOWN 'and is followed when it comes back'

stop

# A folder of symlinks, as Kubernetes mounts them.
folders
mkdir one two
text EHOSTDOWN >one/policy.conf
text ENETDOWN >two/policy.conf
ln -s one data
rm policy.conf
ln -s data/policy.conf policy.conf
start $ORDINARY
expect new EHOSTDOWN 'a text behind two links'
ln -s two data.new && mv -T data.new data
settle new ENETDOWN 'the folder is swapped'
ln -s one data.new && mv -T data.new data
reload
expect old EHOSTDOWN 'swapped back and published'
stop
rm policy.conf

# An image that was named outright.
folders
text EHOSTDOWN >other.conf
as_user "$SOCKADE" compile --quiet --output "$USER_HOME/policy.image" other.conf
policy=SOCKADE_POLICY=$USER_HOME/policy.image
start $ORDINARY
expect new EHOSTDOWN 'an image that was named'
text ENETDOWN >other.conf
as_user "$SOCKADE" compile --quiet --output "$USER_HOME/policy.image" other.conf
settle new ENETDOWN 'another one in its place is taken'
stop

# What `sockade run` combined of a text and options of its own is combined anew with the text.
folders
write policy.conf EHOSTDOWN
combined() { # combined OPTION...: the probe under both
    HOME=$USER_HOME $ORDINARY timeout 60 "$SOCKADE" run --policy policy.conf "$@" -- "$SCRATCH/reload_probe" \
        <ask >answer 2>probe.err &
    probe=$!
    exec 8>ask 9<answer
}
combined --deny-to 127.0.0.2:9 --allow-to '[::1]:9'
expect both 'EHOSTDOWN EACCES' 'rules of the command line and of a text'
write policy.conf ENETDOWN
reload
is "$STATUS$ERR" 0 'sockade reload'
[ "$TEST_INSIDE" -ne 0 ] || like "$OUT" ' 1 process follows with the next call$' 'it knows of the combined one'
[ "$TEST_INSIDE" -ne 0 ] || expect both 'ENETDOWN EACCES' 'the text is followed with the next call'
write policy.conf ENETRESET
settle new ENETRESET 'an edit within a second'
expect both 'ENETRESET EACCES' 'the rules of the command line stay'
echo 'version = 1; rules = ( {' >policy.conf
sleep 1.2
expect new ENETRESET 'a bad text keeps it all'
expect both 'ENETRESET EACCES' 'also what the command line said'
write policy.conf EHOSTDOWN
settle new EHOSTDOWN 'and is followed when it is mended'
stop
rm "$USER_HOME/.local/state/sockade/events.jsonl"

# No policy at first.
folders
policy=
mkdir -p "$USER_HOME/.config/sockade"
start $ORDINARY
expect new fine 'no policy'
text EHOSTDOWN >"$USER_HOME/.config/sockade/policy.conf"
settle new EHOSTDOWN 'one that appears is followed'
expect receive fine 'datagrams still come'
text ENETDOWN >"$USER_HOME/.config/sockade/policy.conf"
capture as_user "$SOCKADE" reload
expect old ENETDOWN 'by its word too'
stop
rm -rf "$USER_HOME/.config"

# One that is broken at first.
folders
unset policy
echo 'version = 1; rules = ( {' >policy.conf
start $ORDINARY
expect new EACCES 'fail-closed at the start'
write policy.conf EHOSTDOWN
settle new EHOSTDOWN 'mended, it is followed'
stop

if ! sanitized; then
# Little address space: small images are followed all the same.
folders
write policy.conf EHOSTDOWN
start $ORDINARY prlimit --as=500000000
expect new EHOSTDOWN 'a limit on address space'
write policy.conf ENETDOWN
reload
expect old ENETDOWN 'a reload under it'
awk 'BEGIN { printf "version = 1; sets = { many = [ \"10.0.0.0\""
    for (i = 1; i < 40000; i++) printf ", \"10.%d.%d.%d\"", i / 32768, i / 128 % 256, i * 2 % 256
    print " ]; }; rules = ( { action = \"deny\"; to = \"@many\"; } );" }' >policy.conf
reload
expect old ENETDOWN 'an image that does not fit leaves the old one in force'
is "$(errors)" 1 'and one event'
stop
fi
done_testing
