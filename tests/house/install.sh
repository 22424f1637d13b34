#!/bin/sh
# SPDX-License-Identifier: MIT
# Installed under a prefix it works from there, by the loader's own $LIB, and uninstalling leaves nothing.
. "${0%/*}/../lib.sh"
scratch
chmod 755 home

install() {
    make -s -C "$ROOT" BUILD="$SCRATCH/build" PREFIX="$SCRATCH/prefix" SANITIZE= "$@"
}
# What is built already is not built again, but for the files that know where things will be.
if ! sanitized; then
    mkdir build
    for folder in objects shim-objects 32; do
        [ ! -d "${SOCKADE%/*}/$folder" ] || cp -a "${SOCKADE%/*}/$folder" build/
    done
fi
capture install install
is "$STATUS" 0 'make install'
SOCKADE=$SCRATCH/prefix/bin/sockade
# shellcheck disable=SC2016 # expanded by the program
capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- sh -c 'echo "$LD_PRELOAD"'
is "$OUT$ERR" "$SCRATCH/prefix/\$LIB/sockade/libsockade.so" 'the installed command preloads the installed object'
capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- python3 -c 'import socket
socket.create_connection(("127.0.0.2", 9))'
like "$ERR" 'PermissionError' 'and a denied call fails'

# Programs of the other width too, also where a 64-bit one starts them.
has_narrow=''
if gcc -m32 -o connects "$TESTS/programs/connects.c" 2>/dev/null; then
    has_narrow=yes
    capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- ./connects 127.0.0.2
    is "$OUT$ERR" 'connect: Permission denied' 'a 32-bit program is refused too'
    capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- sh -c './connects 127.0.0.2; env -i ./connects 127.0.0.2'
    is "$OUT$ERR" 'connect: Permission denied
connect: Permission denied' 'and one that a 64-bit shell starts, also without an environment'
elif [ "$(uname -m)" = x86_64 ]; then
    skip 'gcc makes no 32-bit programs here' 'a 32-bit program is refused too'
fi

# Under a bare LD_PRELOAD the object finds the installed command, which is not beside it.
printf 'version = 1; deny_to = [ "127.0.0.3" ];\n' >policy.conf
# shellcheck disable=SC2016 # the loader expands it
capture as_user env LD_PRELOAD="$SCRATCH/prefix/"'$LIB/sockade/libsockade.so' SOCKADE_POLICY="$SCRATCH/policy.conf" \
    python3 -c 'import socket
socket.create_connection(("127.0.0.3", 9))'
like "$ERR" 'PermissionError' 'a bare LD_PRELOAD compiles by the installed command'
unlike "$ERR" 'sockade:' 'without a word'

capture install uninstall
is "$STATUS" 0 'make uninstall'
is "$(find prefix -type f -o -type l) $(find prefix -name sockade)" ' ' 'no file and no folder of ours is left'
capture install install DESTDIR="$SCRATCH/package"
is "$(find package -type f -perm /6000)$(find package -name sockade -type f -perm /100)" "package$SCRATCH/prefix/bin/sockade" \
    'DESTDIR is put in front, and nothing is set-user-id'
objects=$(find -L package -name libsockade.so -type f -exec readelf -h {} + | grep -c ELF32)
[ -n "$has_narrow" ] && least=1 || least=0
[ "$objects" -ge "$least" ]
ok $? "the 32-bit object is part of a package ($objects)"
is "$(find package -xtype l) $(find package -type l -lname '/*')" ' ' 'links lead to files of the package, wherever it is'
capture install uninstall DESTDIR="$SCRATCH/package"
is "$(find package -type f -o -type l)" '' 'and go with it'
# A machine without 32-bit programs.
capture install install DESTDIR="$SCRATCH/wide" NARROW=
is "$(find -L wide -name libsockade.so | wc -l)" 1 'NARROW= leaves the 32-bit object out'
like "$OUT" 'LEFT .*32/libsockade.so' 'and says so'
done_testing
