#!/bin/sh
# SPDX-License-Identifier: MIT
# Every entry point of entry-points.txt is hooked or has a reason, and the table agrees with hooks.def.
. "${0%/*}/../lib.sh"

list=$ROOT/tests/house/entry-points.txt
hooked=$(awk '$2 == "hooked" { print $1 }' "$list" | sort)
table=$(sed -n 's/^\(HOOK\|RARE\)(\([a-zA-Z0-9_]*\),.*/\2/p' "$ROOT/shim/hooks.def" | sort)
is "$hooked" "$table" 'what the list calls hooked is in hooks.def, and the other way round'
is "$(awk '!/^#/ && $2 != "hooked" && !($2 == "left" && NF > 3)' "$list")" '' 'what is not hooked has a reason'

scratch
libc=$(ldd "$SOCKADE" | awk '/libc\.so/ { print $3 }')
exports=$(nm -D --defined-only "$libc" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u)
for name in $(awk '$2 == "hooked" && $3 != "of" { print $1 }' "$list"); do
    printf '%s\n' "$exports" | grep -qx "$name" || absent="${absent:-} $name"
done
is "${absent:-}" '' 'libc exports every name that is hooked'

# Second, fortified and 64-bit forms of a hooked name are hooked or listed too.
for name in $table; do
    printf '%s\n' "$exports" | grep -xE "(__)?${name#__}(64|_chk)?" | while read -r form; do
        grep -q "^$form " "$list" || nm -D --defined-only "$libc" | grep -q " $form@@*GLIBC_PRIVATE" || echo "$form"
    done
done >forms
is "$(sort -u forms)" '' 'every other form of a hooked name is hooked or listed'
done_testing
