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

# What is there for people and for other programs.
for file in include/sockade.h share/bash-completion/completions/sockade share/zsh/site-functions/_sockade \
    share/fish/vendor_completions.d/sockade.fish share/doc/sockade/examples/lists/sample.netset; do
    [ -s "prefix/$file" ]
    ok $? "$file is installed"
done
if command -v scdoc >/dev/null; then
    is "$(find prefix/share/man -type f | sed 's#.*/##' | sort)" \
        "$(find "$ROOT/man" -name '*.scd' | sed 's#.*/##; s#\.scd$##' | sort)" 'every page of the manual is installed'
else
    skip 'scdoc is not installed' 'every page of the manual is installed'
fi
export PKG_CONFIG_PATH="$SCRATCH/prefix/share/pkgconfig"
is "$(pkg-config --modversion sockade)" "$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" 'pkg-config knows the version'
# shellcheck disable=SC2046 # several words
capture gcc -Wall -Wextra -Werror -o ask prefix/share/doc/sockade/examples/ask.c $(pkg-config --cflags --libs sockade)
is "$STATUS$ERR" 0 'and a program is built by it'
capture as_user ./ask 192.0.2.1 443
is "$OUT" 'no Sockade here: the kernel alone has a say' 'which runs bare'
capture as_user "$SOCKADE" run --deny-to 192.0.2.1 -- ./ask 192.0.2.1 443
like "$OUT" '^refused: Permission denied' 'and is told under a policy'

touch prefix/share/doc/sockade/examples/mine
capture install uninstall
is "$STATUS" 0 'make uninstall'
is "$(find prefix -type f)" prefix/share/doc/sockade/examples/mine 'what somebody else put there stays'
capture install install
rm prefix/share/doc/sockade/examples/mine
capture install uninstall
is "$(find prefix -type d -empty | sort | tr '\n' ' ')" "$(for folder in bin include lib share/doc share/man; do
    find "prefix/$folder" -type d -empty; done | sort | tr '\n' ' ')" 'and no empty folder but those of every system'
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
is "$(find package -mindepth 1)" '' 'and go with it, without an empty folder'
# A machine without 32-bit programs.
capture install install DESTDIR="$SCRATCH/wide" NARROW=
is "$(find -L wide -name libsockade.so | wc -l)" 1 'NARROW= leaves the 32-bit object out'
like "$OUT" 'LEFT .*32/libsockade.so' 'and says so'
done_testing
