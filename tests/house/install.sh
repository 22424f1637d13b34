#!/bin/sh
# SPDX-License-Identifier: MIT
# Installed under a prefix it works from there, by the loader's own $LIB, and uninstalling leaves nothing.
. "${0%/*}/../lib.sh"
scratch
chmod 755 home

install() {
    make -s -C "$ROOT" BUILD="$SCRATCH/build" PREFIX="$SCRATCH/prefix" SANITIZE= "$@"
}
capture install install
is "$STATUS" 0 'make install'
SOCKADE=$SCRATCH/prefix/bin/sockade
# shellcheck disable=SC2016 # expanded by the program
capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- sh -c 'echo "$LD_PRELOAD"'
is "$OUT$ERR" "$SCRATCH/prefix/\$LIB/sockade/libsockade.so" 'the installed command preloads the installed object'
capture as_user "$SOCKADE" run --deny-to 127.0.0.2 -- python3 -c 'import socket
socket.create_connection(("127.0.0.2", 9))'
like "$ERR" 'PermissionError' 'and a denied call fails'

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
is "$(find prefix -type f -o -type l)" '' 'no file is left'
capture install install DESTDIR="$SCRATCH/package"
is "$(find package -type f -perm /6000)$(find package -name sockade -type f)" "package$SCRATCH/prefix/bin/sockade" \
    'DESTDIR is put in front, and nothing is set-user-id'
done_testing
