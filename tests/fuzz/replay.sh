#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fuzz target runs through its kept inputs once more, without a fuzzer.
. "${0%/*}/../lib.sh"
built=${SOCKADE%/*}
scratch
for source in "$ROOT"/tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_}
    name=${name%.c}
    corpus=$ROOT/tests/fuzz/corpus/$name
    capture "$built/replay/fuzz_$name" "$corpus"
    is "$STATUS $OUT" "0 $(find "$corpus" -type f | wc -l)" "$name: $OUT inputs" ||
        note 'stopped at' "$(printf '%s\n' "$ERR" | tail -n 20)"
done
is "$(find "$ROOT/tests/fuzz/corpus" -type f -size +40k)" '' 'no input is large'
done_testing
