#!/bin/sh
# SPDX-License-Identifier: MIT
# What the object exports and needs: exactly the names of hooks.def, and no library but libc.
. "${0%/*}/../lib.sh"
scratch

table=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\),.*/\2/p' "$ROOT/shim/hooks.def" | sort)
exported=$(nm -D --defined-only "$LIBSOCKADE" | awk '$2 != "A" { print $3 }' | sort)
is "$(printf '%s\n' "$exported" | grep -v @)" "$table" 'the exported symbols are those of hooks.def'
# Names of old programs have libc's own version of them, so that nobody else's are meant; a sanitizer's build has none.
old=$(sed -n 's/^OLD(\([a-zA-Z0-9_]*\),.*/\1/p' "$ROOT/shim/hooks_old.def" | sort)
versioned=$(printf '%s\n' "$exported" | sed -n 's/^\(.*\)@\([^@].*\)$/\1/p')
[ -z "$versioned" ] || is "$versioned" "$old" 'those with a hidden version are those of hooks_old.def'
libc=$(ldd "$SOCKADE" | awk '/libc\.so/ { print $3 }')
printf '%s\n' "$exported" | grep @ | while read -r name; do
    nm -D --defined-only "$libc" | grep -q " $name\$" || echo "$name"
done >unknown
is "$(cat unknown)" '' 'and libc has them in that version'
is "$(printf '%s\n' "$table" | uniq -d)" '' 'no name stands twice in hooks.def'

needed=$(readelf -d "$LIBSOCKADE" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
case $needed in
*asan* | *ubsan* | *tsan*) skip 'a sanitizer brings its own libraries' 'no library is needed but libc' ;;
*) is "$needed" libc.so.6 'no library is needed but libc' ;;
esac
unlike "$(readelf -d "$LIBSOCKADE")" 'RPATH|RUNPATH|TEXTREL' 'no search path and no text relocation'
counted || unlike "$(nm -D --undefined-only "$LIBSOCKADE")" ' (malloc|calloc|realloc|free|getenv|setenv|fopen|printf|pthread_once)(@|$)' \
    'the object neither allocates nor uses stdio, getenv or locks'
unlike "$(readelf -V "$LIBSOCKADE" | grep -A2 'Name: SOCKADE')" . 'no named version node'

# Each name stands in the file that the table says.
misplaced=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\), \([a-z]*\),.*/\2 \3/p' "$ROOT/shim/hooks.def" | while read -r name family; do
    grep -qE "^EXPORT .*([ *]$name\\(|__asm__\\(\"$name\"\\))" "$ROOT/shim/hook_$family.c" || echo "$name"
done
for name in $old; do
    grep -q "^OLD_EXPORT($name);" "$ROOT/shim/hook_rpc.c" || echo "$name"
done)
is "$misplaced" '' 'every hook is defined in the file of its family'

# README lists the same names.
for name in $table $old; do
    grep -q "\`$name\`" "$ROOT/README.md" || unlisted="${unlisted:-} $name"
done
is "${unlisted:-}" '' 'README.md lists every hooked name'
done_testing
