#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# A running process follows its policy with the folder of images gone, full, or full of rubbish, on an overlay, under a
# limit on the size of files; after chroot and setuid; the system's policy too.
# shellcheck disable=SC2086,SC2034 # ORDINARY is several words; policy is for start
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../reloading.sh"
reloading_begin

folders
write policy.conf EHOSTDOWN
start $ORDINARY
expect new EHOSTDOWN 'the policy from the start'

# Rubbish in the folder, the folder gone, the folder full.
for file in "$USER_HOME"/run/sockade/*; do echo rubbish >"$file.new" && mv "$file.new" "$file"; done
write policy.conf ENETDOWN
settle new ENETDOWN 'rubbish in place of images and control file'
write policy.conf ENETRESET
reload
settle new ENETRESET 'which the next writer mends'
expect old ENETRESET 'also for the word'
rm -rf "$USER_HOME/run/sockade"
write policy.conf EHOSTDOWN
settle new EHOSTDOWN 'the folder is gone'
write policy.conf ENETDOWN
reload
expect old ENETDOWN 'the word of the folder that was made in its place moves'
stop

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

# A disk that holds two large images and not three: those before are let go for the one that is to be.
folders
many() { # many ERRNO: a text of 40,000 addresses
    awk 'BEGIN { printf "version = 1; sets = { many = [ \"10.0.0.0\""
        for (i = 1; i < 40000; i++) printf ", \"10.%d.%d.%d\"", i / 32768, i / 128 % 256, i * 2 % 256
        printf " ]; }; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"'"$1"'\"; },"
        print "{ action = \"deny\"; to = \"@many\"; } );" }' >policy.conf
}
many EIO
as_user "$SOCKADE" compile --quiet --output "$USER_HOME/large" policy.conf
mount -t tmpfs -o size=$(($(stat -c %s "$USER_HOME/large") * 5 / 2048))k,mode=1777 tmpfs "$USER_HOME/run"
for error in ENETDOWN ENETRESET EHOSTUNREACH EHOSTDOWN; do
    many $error
    reload
    is "$STATUS$ERR$(find "$USER_HOME"/run/sockade -name '*.image' | wc -l)" 01 "a large image on a small disk: $error"
done
start $ORDINARY
expect new EHOSTDOWN 'it holds'
stop
umount "$USER_HOME/run"

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

    # The system's policy, for each user that there is; one of them has a policy of their own beside it.
    mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/sockade
    mkdir -p /etc/sockade 2>/dev/null
    if mount -t tmpfs tmpfs /etc/sockade; then
        folders
        chmod 755 /etc/sockade /var/lib /var/lib/sockade
        export XDG_RUNTIME_DIR="$USER_HOME/run"
        text EHOSTDOWN >/etc/sockade/policy.conf
        "$SOCKADE" compile --system --quiet
        policy=
        for who in "$ORDINARY" "${ORDINARY%%65534*}1234 --clear-groups --"; do
            start $who
            expect old EHOSTDOWN 'the system policy'
            text ENETDOWN >/etc/sockade/policy.conf
            capture "$SOCKADE" reload --system
            like "$OUT" '[1-9][0-9]* process(es)? follows?' 'published by root'
            expect old ENETDOWN "reaches another user's process with its next call"
            text EHOSTDOWN >/etc/sockade/policy.conf
            settle new EHOSTDOWN 'as an edit does within a second'
            mkdir /etc/sockade/policy.d
            text ENETRESET >/etc/sockade/policy.d/more.conf
            rm /etc/sockade/policy.conf
            capture "$SOCKADE" reload --system
            expect old ENETRESET 'and a file among others'
            rm -r /etc/sockade/policy.d
            text EHOSTDOWN >/etc/sockade/policy.conf
            "$SOCKADE" reload --system --quiet
            stop
        done
        unset policy
        echo 'version = 1; rules = ( { action = "deny"; to = "127.0.0.2"; port = 9; errno = "EIO"; } );' >policy.conf
        start $ORDINARY
        expect both 'EHOSTDOWN EIO' 'two layers'
        text ENETDOWN >/etc/sockade/policy.conf
        "$SOCKADE" reload --system --quiet
        expect both 'ENETDOWN EIO' "one of them root's"
        echo 'version = 1; rules = ( { action = "deny"; to = "127.0.0.2"; port = 9; errno = "ENODEV"; } );' >policy.conf
        reload
        expect both 'ENETDOWN ENODEV' "the other the user's"
        stop
        umount /etc/sockade
    else
        skip 'no folder /etc/sockade can be mounted on' 'the system policy'
    fi
fi

# An overlay: what is mapped from below never moves once the file was copied up.
unset policy
mkdir lower upper merged
folders
XDG_RUNTIME_DIR=$SCRATCH/merged
write policy.conf EHOSTDOWN
mount -t tmpfs tmpfs upper && mkdir upper/u upper/w
if mount -t overlay overlay -o lowerdir=lower,upperdir=upper/u,workdir=upper/w merged 2>/dev/null; then
    umount merged
    [ "$TEST_INSIDE" -ne 0 ] || chown 65534:65534 lower upper/u
    as_user env XDG_RUNTIME_DIR="$SCRATCH/lower" "$SOCKADE" compile --quiet "$SCRATCH/policy.conf"
    mount -t overlay overlay -o lowerdir=lower,upperdir=upper/u,workdir=upper/w merged
    start $ORDINARY
    expect new EHOSTDOWN 'images on an overlay'
    write policy.conf ENETDOWN
    reload
    settle new ENETDOWN 'what the word cannot tell is seen within a second'
    write policy.conf ENETRESET
    reload
    expect old ENETRESET 'from then on the word is the one above'
    stop
    umount merged
else
    skip 'no overlay can be mounted here' 'images on an overlay'
fi
umount upper

# A limit on the size of files is an error like any other.
export XDG_RUNTIME_DIR="$USER_HOME/run"
folders
write policy.conf EHOSTDOWN
reload
start $ORDINARY prlimit --fsize=100
write policy.conf ENETDOWN
limited() { # limited SIZE COMMAND...: what it says, and its status; into a pipe, which has no size
    limited_size=$1
    shift
    { as_user prlimit --fsize="$limited_size" "$@" 2>&1; echo "status $?"; } | cat
}
OUT=$(limited 100 "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf")
like "$OUT" '^status 125$' 'a limit on the size of files: no image can be written'
like "$OUT" 'The image was not written: .* File too large' 'which is told'
expect old EHOSTDOWN 'the old policy stays'
sleep 1.2
expect new EHOSTDOWN 'also for the process whose own compiler is limited'
reload
expect old ENETDOWN 'which follows a writer that is not'
OUT=$(limited 0 "$SOCKADE" reload --quiet --policy "$SCRATCH/policy.conf")
like "$OUT" 'Running programs could not be told: .* File too large' 'a word that cannot be raised is told too'
stop
done_testing
