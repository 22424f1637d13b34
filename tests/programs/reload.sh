#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# A running process follows its policy: published, edited in place, swapped by rename or symlink, appearing, broken;
# with the image folder gone, full, or full of rubbish; after chroot and setuid; the system's policy too.
# shellcheck disable=SC2086 # ORDINARY is several words
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper reload_probe
folders() { # the places of images, made anew
    rm -rf "$USER_HOME/run" "$USER_HOME/.cache" "$USER_HOME/.local" /dev/shm/sockade-*
    as_user mkdir "$USER_HOME/run"
}
export XDG_RUNTIME_DIR="$USER_HOME/run"
images=$USER_HOME/run/sockade

text() { # text ERRNO: the policy as text
    echo "version = 1; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; } );"
}
write() { # write FILE ERRNO: by rename
    text "$2" >"$1.new" && mv "$1.new" "$1"
}
mkfifo ask answer
start() { # start USER-WORDS...: the probe under policy.conf, or under $policy
    HOME=$USER_HOME "$@" timeout 60 env LD_PRELOAD="$LIBSOCKADE" ${policy-SOCKADE_POLICY=$SCRATCH/policy.conf} \
        "$SCRATCH/reload_probe" <ask >answer 2>probe.err &
    probe=$!
    exec 8>ask 9<answer
}
say() { # say WORDS: one question, its answer in $answer
    echo "$*" >&8
    answer=
    read -r answer <&9 || answer=gone
}
stop() {
    exec 8>&- 9<&-
    wait $probe
}
expect() { # expect QUESTION ANSWER NAME
    say "$1"
    is "$answer" "$2" "$3"
}
# settle QUESTION ANSWER NAME: within three seconds (one, and what a loaded machine adds)
settle() {
    settle_left=30
    while say "$1" && [ "$answer" != "$2" ] && [ $((settle_left -= 1)) -gt 0 ]; do sleep 0.1; done
    is "$answer" "$2" "$3"
}
reload() {
    capture as_user "$SOCKADE" reload --policy "$SCRATCH/policy.conf"
}
errors() {
    grep -sc '"op":"reload","verdict":"error"' "$USER_HOME/.local/state/sockade/events.jsonl" || :
}

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

# Rubbish in the folder, the folder gone, the folder full.
for file in "$images"/*; do echo rubbish >"$file.new" && mv "$file.new" "$file"; done
write policy.conf ENETDOWN
settle new ENETDOWN 'rubbish in place of images and control file'
write policy.conf ENETRESET
reload
settle new ENETRESET 'which the next writer mends'
expect old ENETRESET 'also for the word'
rm -rf "$images"
write policy.conf EHOSTDOWN
settle new EHOSTDOWN 'the folder is gone'
write policy.conf ENETDOWN
reload
expect old ENETDOWN 'the word of the folder that was made in its place moves'
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
stop
rm policy.conf

# A full disk for the images: they go elsewhere.
folders
mount -t tmpfs -o size=24k,mode=1777 tmpfs "$USER_HOME/run"
write policy.conf EHOSTDOWN
start $ORDINARY
expect new EHOSTDOWN 'a small disk for images'
as_user dd if=/dev/zero of="$USER_HOME/run/filled" bs=1k 2>/dev/null
write policy.conf ENETDOWN
settle new ENETDOWN 'the disk is full: the image comes from another folder'
write policy.conf ENETRESET
reload
settle new ENETRESET 'and again'
stop
umount "$USER_HOME/run"

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

# Root's own: another uid, another root. In a user namespace nobody can become anyone.
if [ "$TEST_INSIDE" -eq 0 ]; then
    folders
    rm -rf "$HOME/.cache" run
    XDG_RUNTIME_DIR=$SCRATCH/run
    mkdir run
    write policy.conf EHOSTDOWN
    USER_HOME=$HOME start env
    expect new EHOSTDOWN 'a process of root'
    expect 'setuid 65534' fine 'gives its rights away'
    write policy.conf ENETDOWN
    "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf"
    expect new EHOSTDOWN 'what it may no longer read is not followed'
    sleep 1.2
    expect new EHOSTDOWN 'nor a second later'
    stop
    mkdir -p jail"$SCRATCH"
    text ENETRESET >"jail$SCRATCH/policy.conf"
    USER_HOME=$HOME start env
    expect new ENETDOWN 'another one'
    expect "chroot $SCRATCH/jail" fine 'changes its root'
    sleep 1.2
    expect new ENETDOWN 'a text at the same path in there is none of its own'
    write policy.conf EHOSTDOWN
    "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf"
    expect new ENETDOWN 'and its word leads nowhere'
    stop

    # The system's policy.
    mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/sockade
    mkdir -p /etc/sockade 2>/dev/null
    if mount -t tmpfs tmpfs /etc/sockade; then
        folders
        chmod 755 /etc/sockade /var/lib /var/lib/sockade
        XDG_RUNTIME_DIR=$USER_HOME/run
        text EHOSTDOWN >/etc/sockade/policy.conf
        "$SOCKADE" compile --system --quiet
        policy=
        start $ORDINARY
        expect old EHOSTDOWN 'the system policy'
        text ENETDOWN >/etc/sockade/policy.conf
        capture "$SOCKADE" reload --system
        like "$OUT" '1 process follows' 'published by root'
        expect old ENETDOWN "reaches another user's process with its next call"
        stop
        umount /etc/sockade
    else
        skip 'no folder /etc/sockade can be mounted on' 'the system policy'
    fi
    # An overlay: what is mapped from below never moves once the file was copied up.
    unset policy
    mkdir lower upper work merged
    chmod 777 upper lower merged
    folders
    XDG_RUNTIME_DIR=$SCRATCH/merged
    write policy.conf EHOSTDOWN
    chown 65534:65534 lower
    as_user env XDG_RUNTIME_DIR="$SCRATCH/lower" "$SOCKADE" compile --quiet "$SCRATCH/policy.conf"
    mount -t tmpfs tmpfs upper && mkdir upper/u upper/w && chown 65534:65534 upper/u
    if mount -t overlay overlay -o lowerdir=lower,upperdir=upper/u,workdir=upper/w merged 2>/dev/null; then
        start $ORDINARY
        expect new EHOSTDOWN 'images on an overlay'
        write policy.conf ENETDOWN
        reload
        settle new ENETDOWN 'what the word cannot tell is seen within a second'
        stop
        umount merged
    else
        skip 'no overlay can be mounted here' 'images on an overlay'
    fi
    umount upper
fi
done_testing
