#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2094 # nothing is read and written at once
# The page of `sockade log --html` in a real browser, without any network: what it shows, finds and draws, that it says and asks for
# nothing, and that names which would like to be markup stay text.
. "${0%/*}/../lib.sh"
scratch
command -v chromium >/dev/null || { skip 'no chromium here' 'the page in a browser'; done_testing; }
can_in_net || { skip 'no network namespace to be had here' 'the page in a browser'; done_testing; }
export TZ=UTC
PYTHON=/usr/bin/python3
"$PYTHON" "$TESTS/programs/log_events.py" 600 hostile >hostile
"$PYTHON" "$TESTS/programs/log_events.py" 25000 >large
: >empty
for page in hostile large empty; do
    capture "$SOCKADE" log --html "$page.html" "$page"
    is "$STATUS" 0 "$page.html"
done
capture in_net env PYTHONDONTWRITEBYTECODE=1 timeout 240 "$PYTHON" "$TESTS/long/log_page.py" "$PWD/hostile.html" "$PWD/large.html" "$PWD/empty.html"
echo "$OUT" >seen
while read -r verdict name; do
    case $verdict in
    pass | fail) [ "$verdict" = pass ] ; ok $? "$name" ;;
    esac
done <seen
is "$(tail -n 1 seen)" 'done' 'the browser was there until the end' || note said "$ERR"
done_testing
