#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit copies of the hook programs and of some kernel proofs; and once more with times of 64 bits, for which a 32-bit
# libc has second names.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
narrow=${LIBSOCKADE%/*}/32
if sanitized; then
    ok 0 'a sanitized object has no 32-bit one beside it'
    done_testing
elif [ ! -e "$narrow/libsockade.so" ]; then
    skip 'there is no 32-bit object' '32-bit programs'
    done_testing
fi
export SOCKADE LIBSOCKADE

# again SCRIPT FOLDER [PROGRAM...]: the script with other programs
again() {
    said=$(PROGRAMS=$narrow/tests/$2 ONLY="$3" sh "$TESTS/hooks/$1.sh" 2>&1)
    printf '%s\n' "$said" | grep -E '^(not ok|Bail|#)' | sed 's/^/#   /'
    ! printf '%s\n' "$said" | grep -qE '^(not ok|Bail)' && printf '%s\n' "$said" | grep -q '^ok'
    ok $? "$2: $1.sh, $(printf '%s\n' "$said" | grep -c '^ok') checks"
}
again refused hooks ''
again both_worlds hooks ''
again refused time64 'again_refused batch_refused receive_refused sources_refused'
again both_worlds time64 'receive sending waits'
for proof in "$narrow"/tests/kernel/*; do
    [ -x "$proof" ] || continue
    case ${proof##*/} in *.d) continue ;; esac
    said=$(timeout 60 "$proof" 2>&1)
    case $? in
    0) ok 0 "kernel: ${proof##*/}" ;;
    77) skip "$said" "kernel: ${proof##*/}" ;;
    *) ok 1 "kernel: ${proof##*/}" || note said "$said" ;;
    esac
done
done_testing
