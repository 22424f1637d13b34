#!/bin/sh
# SPDX-License-Identifier: MIT
# The four floors: includes only ever point down, and each file says what it is.
. "${0%/*}/../lib.sh"
cd "$ROOT" || exit 1

# floor FOLDER ALLOWED...: no #include of another floor but those
floor() {
    folder=$1
    shift
    allowed=$(printf '%s|' "$folder" "$@")
    wrong=$(grep -rnE --include='*.[ch]' '^#include "(policy|state|config|shim|command)/' "$folder" |
        grep -vE "\"(${allowed%|})/")
    is "$wrong" '' "$folder/ includes nothing above it"
}
floor policy
floor state policy
floor config policy state
floor shim policy state
floor command policy state config

# What the ground asks of libc: memory and text, nothing that allocates or enters the kernel.
ground=$(nm --defined-only -g "${SOCKADE%/*}"/objects/policy/*.o | awk 'NF == 3 { print $3 }')
foreign=$(nm -u "${SOCKADE%/*}"/objects/policy/*.o | awk '$1 == "U" { print $2 }' | sort -u | grep -vxF "$ground" |
    grep -vE '^(mem(cpy|set|cmp|chr|move)|str(len|nlen|cmp|ncmp|chr)|inet_pton|_GLOBAL_OFFSET_TABLE_|__popcountdi2|__(asan|ubsan|gcov|stack_chk)_.*)$')
counted && foreign=$(printf '%s\n' "$foreign" | grep -v '^ntoh') # without optimisation a function
is "$foreign" '' 'policy/ neither allocates nor makes a system call'
is "$(grep -nE '\b(malloc|calloc|realloc|free|printf|getenv|fopen)\(' state/*.c shim/*.c shim/icmp/*.c)" '' \
    'state/ and shim/ neither allocate nor use stdio'

without=$(git ls-files '*.c' '*.h' '*.sh' '*.py' '*.mk' '*.def' Makefile 2>/dev/null | while read -r file; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
done)
is "$without" '' 'every source file has its SPDX line'

long=$(git ls-files '*.c' '*.h' ':!tests' 2>/dev/null | while read -r file; do
    [ "$(wc -l <"$file")" -le 500 ] || echo "$file"
done)
is "$long" '' 'no file has more than 500 lines'
done_testing
