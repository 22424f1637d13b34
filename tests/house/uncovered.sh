#!/bin/sh
# SPDX-License-Identifier: MIT
# What tests/uncovered.txt says that no test reaches is there, once each, with a reason.
. "${0%/*}/../lib.sh"
scratch
list=$ROOT/tests/uncovered.txt
grep -v '^#' "$list" | grep . | while IFS=' ' read -r name reason; do
    file=${name%%:*} function=${name##*:}
    [ -n "$reason" ] || echo "$name: no reason"
    [ "${file%.c}" != "$file" ] && grep -qE "(^|[ *(])$function\\(" "$ROOT/$file" 2>/dev/null || echo "$name: not there"
done >wrong
is "$(cat wrong)" '' 'each function that is named is there, and has a reason'
is "$(grep -v '^#' "$list" | awk '{ print $1 }' | sort | uniq -d)" '' 'none is named twice'
done_testing
