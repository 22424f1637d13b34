#!/bin/sh
# SPDX-License-Identifier: MIT
# The object for aarch64, compiled here by clang, under QEMU's user mode: hook programs that nothing is refused to say the
# same with it as without, and those that are refused are. The others of tests/hooks start children, which QEMU leaves to
# this machine, make threads by vfork, or use what QEMU 7.2 does not know (epoll_pwait2).
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
need clang clang
need ld.lld lld
need qemu-aarch64 qemu-user
libc=/usr/aarch64-linux-gnu
[ -e "$libc/lib/crt1.o" ] || { skip 'no libc for aarch64 (libc6-dev-arm64-cross, libgcc-dev-arm64-cross)' aarch64.sh; done_testing; }
compiler="clang --target=aarch64-linux-gnu -I$libc/include"
links="-fuse-ld=lld -L$libc/lib -B$libc/lib"
scratch
add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2 2001:db8::3

capture make -C "$ROOT" BUILD="$SCRATCH/build" CC="$compiler" LDFLAGS="$links" NARROW= "$SCRATCH/build/libsockade.so"
is "$STATUS" 0 'the object is built' || { note said "$OUT$ERR"; done_testing; }
object=$SCRATCH/build/libsockade.so

# build NAME: a program of tests/hooks, with the assertions that 32-bit programs have
build() {
    # shellcheck disable=SC2086 # words
    $compiler $links -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -I"$TESTS/hooks/narrow" -O1 -w -o "$1" "$TESTS/hooks/$1.c" -lpthread
}

# emulate NAME [OPTION...]: a program in a folder of its own
emulate() {
    program=$SCRATCH/$1
    shift
    rm -rf folder
    mkdir folder
    (cd folder && timeout 120 qemu-aarch64 -L "$libc" "$@" "$program" 2>&1)
    echo "exit status $?"
}

# under NAME POLICY: the program under an image of the policy, which this machine's command makes
under() {
    sed "s|@FOLDER@|$SCRATCH/folder|g" "$TESTS/hooks/$2.conf" >policy.conf
    "$SOCKADE" compile --quiet --output image policy.conf || echo 'the policy is not compiled'
    emulate "$1" -E LD_PRELOAD="$object" -E SOCKADE_POLICY="$SCRATCH/image" -E CMOCKA_MESSAGE_OUTPUT=TAP
}

for name in accept_refused again_refused local_refused outbound_refused unix_refused; do
    build "$name"
    under "$name" "$name" >said
    like "$(tail -n 1 said)" '^exit status 0$' "$name: $(grep -c '^ok' said) refusals" || note said "$(cat said)"
done
for name in accepting receive waits; do
    build "$name"
    emulate "$name" >bare
    under "$name" watching >preloaded
    like "$(tail -n 1 bare)" '^exit status 0$' "$name: runs without the object"
    is "$(diff bare preloaded | head -n 20)" '' "$name: no difference"
done
done_testing
