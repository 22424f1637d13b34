#!/bin/sh
# SPDX-License-Identifier: MIT
# Fault injection as a whole: each system call of the object with each errno that it may have, alone, and with all that follow.
. "${0%/*}/../lib.sh"
scratch
for how in each on; do
    capture env STEP=0 HOW=$how sh "$TESTS/programs/faults.sh"
    printf '%s\n' "$OUT" | sed -n 's/^ok [0-9]* - /#   /p'
    is "$STATUS" 0 "faults.sh, $how" || note said "$(printf '%s\n' "$OUT" | grep -v '^ok ')"
done
done_testing
