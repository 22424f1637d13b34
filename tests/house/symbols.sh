#!/bin/sh
# SPDX-License-Identifier: MIT
# What the object exports and needs: exactly the names of hooks.def, and no library but libc.
. "${0%/*}/../lib.sh"

table=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\),.*/\2/p' "$ROOT/shim/hooks.def" | sort)
exported=$(nm -D --defined-only "$LIBSOCKADE" | awk '{ print $3 }' | sort)
is "$exported" "$table" 'the exported symbols are those of hooks.def'
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
done)
is "$misplaced" '' 'every hook is defined in the file of its family'

# README lists the same names.
for name in $table; do
    grep -q "\`$name\`" "$ROOT/README.md" || unlisted="${unlisted:-} $name"
done
is "${unlisted:-}" '' 'README.md lists every hooked name'
done_testing
