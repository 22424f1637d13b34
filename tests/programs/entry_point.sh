#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade run` as the entry point of a container: pid 1 of a read-only root without capabilities.
#
# The root is made of this machine's own files; tests/long/container.sh does the same in a fresh Debian.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need "$PYTHON" python3
enter_net
scratch
. "$TESTS/container.sh"

# Not in the scratch folder: whoever empties that must not come to what is mounted here.
root=/mnt
mount -t tmpfs -o mode=755 tmpfs $root || { skip 'no mount namespace to be had here' entry_point.sh; done_testing; }
mkdir -m 755 $root/usr $root/etc $root/proc $root/dev $root/config $root/app
mount --rbind /usr $root/usr
mount -o remount,bind,ro $root/usr 2>/dev/null
for folder in bin sbin lib lib32 lib64 libx32; do
    [ ! -e "/$folder" ] || {
        if [ -L "/$folder" ]; then cp -P "/$folder" $root/$folder; else
            mkdir $root/$folder && mount --rbind "/$folder" $root/$folder
        fi
    }
done
cp -RL /etc/ld.so.cache /etc/alternatives $root/etc/ 2>/dev/null
cp "$SOCKADE" "$LIBSOCKADE" $root/app/
echo 'version = 1; deny_to = [ "127.0.0.2" ];' >built.conf
capture "$SOCKADE" compile --output $root/built.image built.conf
is "$STATUS" 0 'an image for the container' || note err "$ERR"
container_begin $root || { skip 'mounts are refused here' entry_point.sh; done_testing; }
container_cases
done_testing
