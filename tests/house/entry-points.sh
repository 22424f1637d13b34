#!/bin/sh
# SPDX-License-Identifier: MIT
# Every entry point of entry-points.txt is hooked or has a reason, and the table agrees with hooks.def.
. "${0%/*}/../lib.sh"

list=$ROOT/tests/house/entry-points.txt
hooked=$(awk '$2 == "hooked" { print $1 }' "$list" | sort)
table=$(cat "$ROOT/shim/hooks.def" "$ROOT/shim/hooks_old.def" | sed -n 's/^\(HOOK\|RARE\|OLD\)(\([a-zA-Z0-9_]*\),.*/\2/p' | sort)
is "$hooked" "$table" 'what the list calls hooked is in hooks.def, and the other way round'
is "$(awk '!/^#/ && $2 != "hooked" && !($2 == "left" && NF > 3)' "$list")" '' 'what is not hooked has a reason'

scratch
libc=$(ldd "$SOCKADE" | awk '/libc\.so/ { print $3 }')
exports=$(for file in "$libc" "${libc%/*}/libresolv.so.2"; do nm -D --defined-only "$file"; done | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u)
awk '$2 == "hooked" && $3 != "of" { print $1 }' "$list" | sort -u >wanted
absent=$(printf '%s\n' "$exports" | comm -13 - wanted | tr '\n' ' ')
is "$absent" '' 'libc, or its resolver, exports every name that is hooked'

# Second, fortified and 64-bit forms of a hooked name are hooked or listed too.
for name in $table; do
    printf '%s\n' "$exports" | grep -xE "(__)?${name#__}(64|_chk)?" | while read -r form; do
        grep -q "^$form " "$list" || nm -D --defined-only "$libc" | grep -q " $form@@*GLIBC_PRIVATE" || echo "$form"
    done
done >forms
is "$(sort -u forms)" '' 'every other form of a hooked name is hooked or listed'

# What libc's machine code leads to the network.
if [ "$(uname -m)" = x86_64 ]; then
    /usr/bin/python3 "$TESTS/house/libc_entry_points.py" >walk
    status=$?
    grep '^#' walk
    is "$status" 0 'each call of libc that leads to the network or to an exec is hooked, or left with a reason'
else
    skip 'the walk over machine code knows x86-64 alone' 'each call of libc that leads to the network or to an exec'
fi
done_testing
