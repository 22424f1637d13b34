#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit copies of the hook programs and of some kernel proofs; and once more with times of 64 bits, for which a 32-bit
# libc has second names.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
narrow=${LIBSOCKADE%/*}/32
if sanitized; then
    skip 'under a sanitizer' '32-bit programs'
    done_testing
elif [ ! -e "$narrow/libsockade.so" ]; then
    skip 'there is no 32-bit object' '32-bit programs'
    done_testing
fi
export SOCKADE LIBSOCKADE

# again SCRIPT FOLDER ONLY: the script with other programs, beside the others
again() {
    PROGRAMS=$narrow/tests/$2 ONLY=$3 sh "$TESTS/hooks/$1.sh" >"$1-$2" 2>&1 &
}
# The same of sockets that are translated.
again_translated() {
    LIBSOCKADE=$narrow/libsockade.so ONLY=$1 sh "$TESTS/conformance/conformance.sh" >conformance-32 2>&1 &
}
scratch
again refused hooks ''
again both_worlds hooks ''
again refused time64 'again_refused batch_refused receive_refused sources_refused'
again both_worlds time64 'receive sending waits'
again_translated 'receive sending errors'
wait
for said in refused-hooks both_worlds-hooks refused-time64 both_worlds-time64 conformance-32; do
    grep -E '^(not ok|Bail|#)' "$said" | sed 's/^/#   /'
    ! grep -qE '^(not ok|Bail)' "$said" && grep -q '^ok' "$said"
    ok $? "$said: $(grep -c '^ok' "$said") checks"
done
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
