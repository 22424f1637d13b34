#!/bin/sh
# SPDX-License-Identifier: MIT
# What the object exports and needs: exactly the names of hooks.def and api.def, and no library but libc.
. "${0%/*}/../lib.sh"
scratch

table=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\),.*/\2/p' "$ROOT/shim/hooks.def" | sort)
api=$(sed -n 's/^API(\([a-zA-Z0-9_]*\),.*/\1/p' "$ROOT/shim/api.def")
exported=$(nm -D --defined-only "$LIBSOCKADE" | awk '$2 != "A" { print $3 }' | sort)
is "$(printf '%s\n' "$exported" | grep -v @)" "$(printf '%s\n' "$table" "$api" | sort)" \
    'the exported symbols are those of hooks.def, and of api.def'
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

# The 32-bit object: the same, and the names that only a 32-bit libc has.
narrow=${LIBSOCKADE%/*}/32/libsockade.so
if [ -e "$narrow" ]; then
    only=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\),.*/\2/p' "$ROOT/shim/hooks_narrow.def")
    exported=$(nm -D --defined-only "$narrow" | awk '$2 != "A" { print $3 }' | sort)
    is "$(printf '%s\n' "$exported" | grep -v @)" "$(printf '%s\n' "$table" "$only" "$api" | sort)" \
        '32 bits: the exported symbols are those of hooks.def, hooks_narrow.def and api.def'
    is "$(printf '%s\n' "$exported" | sed -n 's/^\(.*\)@\([^@].*\)$/\1/p')" "$old" '32 bits: and hooks_old.def'
    is "$(readelf -d "$narrow" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')" libc.so.6 '32 bits: no library is needed but libc'
    unlike "$(readelf -d "$narrow")" 'RPATH|RUNPATH|TEXTREL' '32 bits: no search path and no text relocation'
    libc=$(gcc -m32 -print-file-name=libc.so.6)
    case $libc in */*) ;; *) libc=/lib/i386-linux-gnu/libc.so.6 ;; esac
    exports=$(nm -D --defined-only "$libc" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u)
    is "$(printf '%s\n' "$only" | grep -vxF "$exports")" '' '32 bits: libc exports what is hooked there'
    # What ends in 64 and is a hooked name without that and its `_time`.
    forms=$(printf '%s\n' "$exports" | sed -nE 's/^__(.*[^_])(_time)?64$/\1 &/p' | while read -r name form; do
        ! printf '%s\n' "$table" | grep -qxE "(__)?${name%_time}(64)?" || echo "$form"
    done)
    is "$(printf '%s\n' "$forms" | grep -vxF "$only" | grep -vx __libc_fcntl64)" '' \
        '32 bits: every form of a hooked name for times of 64 bits is hooked'
elif ! sanitized; then
    skip 'there is no 32-bit object' '32 bits: the exported symbols'
fi

# The oldest libc that it is for: none of the versions that the object asks for is younger. A weak reference would be no
# exception, for the linker writes its version down like any other.
for object in "$LIBSOCKADE" "$narrow"; do
    if [ ! -e "$object" ] || sanitized; then continue; fi
    is "$(readelf -VW "$object" | grep -oE 'GLIBC_[0-9.]+' | sort -u | { cat; echo GLIBC_2.28; } | sort -V | tail -n 1)" \
        GLIBC_2.28 "$object: glibc 2.28 has all that it needs"
done
done_testing
