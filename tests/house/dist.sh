#!/bin/sh
# SPDX-License-Identifier: MIT
# The sources' tarball is the same bytes whoever makes it, from git or from itself; and binaries do not tell where they
# were built.
. "${0%/*}/../lib.sh"
scratch
chmod 755 "$SCRATCH"

if ! git -c safe.directory='*' -C "$ROOT" rev-parse -q --verify HEAD >/dev/null 2>&1 && [ ! -f "$ROOT/MANIFEST" ]; then
    skip 'neither a git checkout nor an unpacked tarball' "${0##*/}"
    done_testing
fi
export DIST_LEVEL=-0
dist() { sh "$1/packaging/dist.sh" 0.0.0 "$SCRATCH/$2" 2>/dev/null; }
dist "$ROOT" one.tar.xz
is $? 0 'a tarball is made'
tar -xJf one.tar.xz
is "$(cat sockade-0.0.0/MANIFEST)" "$(cd sockade-0.0.0 && find . ! -type d | sed 's#^\./##' | LC_ALL=C sort)" \
    'MANIFEST lists what is in it'
touch sockade-0.0.0/mine
(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 dist "$SCRATCH/sockade-0.0.0" two.tar.xz)
cmp one.tar.xz two.tar.xz
ok $? 'the same bytes from the unpacked one: without git and what was added, whatever umask, time zone and language'
rm sockade-0.0.0/MANIFEST
mkdir nowhere
mv sockade-0.0.0/packaging nowhere/
capture env GIT_CEILING_DIRECTORIES="$SCRATCH" sh nowhere/packaging/dist.sh 0.0.0 "$SCRATCH/three.tar.xz"
is "$STATUS" 1 'where nobody knows what the sources are it is an error'
like "$ERR" 'neither a git checkout nor' 'that says so'

# Some sources, as the Makefile compiles them, from two folders; the linker adds nothing of its own.
if counted || sanitized; then
    skip 'not a plain build' 'objects are the same from everywhere'
    done_testing
fi
mv nowhere/packaging sockade-0.0.0/
cp -R sockade-0.0.0 elsewhere
for folder in sockade-0.0.0 elsewhere; do
    make -s -C "$folder" BUILD=build NARROW= build/shim-objects/shim/judge.o build/objects/command/main.o \
        build/objects/config/read.o build/shim-objects/shim/compile_child.o >"$folder.log" 2>&1
    is $? 0 "objects are built in $folder" || note said "$(tail -n 5 "$folder.log")"
done
for object in shim-objects/shim/judge.o shim-objects/shim/compile_child.o objects/command/main.o \
    objects/config/read.o; do
    cmp "sockade-0.0.0/build/$object" "elsewhere/build/$object"
    ok $? "$object is the same from both"
done
is "$(grep -lE '__(DATE|TIME|TIMESTAMP)__' "$ROOT"/policy/*.[ch] "$ROOT"/state/*.[ch] "$ROOT"/config/*.[ch] \
    "$ROOT"/shim/*.[ch] "$ROOT"/shim/icmp/*.[ch] "$ROOT"/command/*.[ch])" '' 'no source asks for the time'
for binary in "$SOCKADE" "$LIBSOCKADE"; do
    is "$(strings -a "$binary" | grep -cF "$ROOT/")" 0 "${binary##*/} does not know where it was built"
done
done_testing
