#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit copies of the hook programs, once under everything that refuses and once under what looks at everything.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
LIBSOCKADE=${LIBSOCKADE%/*}/32/libsockade.so
if [ ! -e "$LIBSOCKADE" ]; then
    skip 'gcc makes no 32-bit programs here, or a sanitizer is used' '32-bit programs'
    done_testing
fi
export SOCKADE LIBSOCKADE NARROW=1
for script in refused both_worlds; do
    capture_file=$(sh "${0%/*}/$script.sh" 2>&1)
    printf '%s\n' "$capture_file" | grep -E '^(not ok|#|Bail)' 
    is "$(printf '%s\n' "$capture_file" | grep -cE '^not ok|^Bail')" 0 "$script: $(printf '%s\n' "$capture_file" | grep -c '^ok') results as for 64 bits"
done
done_testing
