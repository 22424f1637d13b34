#!/bin/sh
# SPDX-License-Identifier: MIT
# Signals at every instruction: as many passes as the period of each call has instructions.
. "${0%/*}/../lib.sh"
scratch
capture env PASSES=97 sh "$TESTS/programs/stepped.sh"
printf '%s\n' "$OUT" | sed -n 's/^ok [0-9]* - /#   /p'
is "$STATUS" 0 'stepped.sh at every instruction' || note said "$(printf '%s\n' "$OUT" | grep -v '^ok ')"
done_testing
