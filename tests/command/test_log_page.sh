#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2094 # an inner shell expands single quotes; nothing is read and written at once
# The page of `sockade log --html`, as far as it can be judged without a browser (tests/long/log_page.sh has one).
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
export TZ=UTC
PYTHON=/usr/bin/python3
# page FILE OPTION...: what is in the page of those events
page() {
    page_file=$1
    shift
    capture as_user "$SOCKADE" log --html "$page_file" "$@"
    PAGE=$("$PYTHON" "$TESTS/command/log_page.py" "$page_file" 2>&1)
}

"$PYTHON" "$TESTS/programs/log_events.py" 600 hostile >hostile
"$PYTHON" "$TESTS/programs/log_events.py" 25000 >large
chmod 644 hostile large
page page.html hostile
is "$STATUS $OUT$ERR" '0 ' 'a page is written'
is "$(stat -c %a page.html)" 600 'for its owner only, as the log is'
is "$(echo "$PAGE" | sed -n 's/^policy //p')" \
    "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; base-uri 'none'; form-action 'none'" 'its policy lets nothing else in'
is "$(echo "$PAGE" | grep '^nonces')" 'nonces N application/json' 'its own script and style have the number'
is "$(echo "$PAGE" | grep '^strange')" 'strange' 'no element asks for anything, no attribute runs anything'
is "$(echo "$PAGE" | grep '^scripts')" 'scripts 2 http://www.w3.org/2000/svg' 'nor does the script'
is "$(echo "$PAGE" | grep '^raw')" 'raw' 'the data holds nothing that could end them'
is "$(echo "$PAGE" | grep '^title')" 'title Sockade: who talked to whom' 'the title is ours'
like "$PAGE" '^rows [0-9]+ events 600 all 600 left out 0 version 1$' 'all events are in it'
like "$PAGE" "^data '/tmp/</script><script>document.title=\"taken\"</script>'\$" 'a name that would be a script is data'
like "$PAGE" "^cell '/tmp/</script><script>document.title=\"taken\"</script>'\$" 'and text in the table'
like "$PAGE" "^cell '/tmp/\"><img src=x onerror=document.title=\"taken\">'\$" 'so is one that would be an element'
like "$PAGE" "^cell '/tmp/\\{\\{DATA\\}\\}&lt;b&gt;&amp;'\$" 'and one that would be filled, or is escaped already'
like "$PAGE" "^cell '/tmp/line[^']*xe2[^']*xa8separator" 'a line separator can be seen'
first=$(grep -o -m 1 'nonce-[0-9a-f]*' page.html | head -n 1)
page page.html --program node --verdict refused hostile
[ "$(grep -o -m 1 'nonce-[0-9a-f]*' page.html | head -n 1)" != "$first" ]
ok $? 'each page draws its own number'
is "$(echo "$PAGE" | grep '^data')" "data '/usr/bin/node'" 'filters hold for it'
page large.html large
like "$PAGE" '^rows [0-9]+ events 20000 all 25000 left out 37 version 1$' 'of very many the newest; the summary counts all'
is "$(sed -n 's/.*class="count">\([0-9]*\)<.*/\1/p' large.html | awk '{ sum += $1 } END { print sum }')" 24994 'which it does, but for six names that were looked up'
: >empty
page empty.html empty
is "$STATUS" 0 'no events: a page all the same'
like "$PAGE" '^rows 0 events 0 all 0' 'an empty one'
capture as_user "$SOCKADE" log --html - hostile
is "$(echo "$OUT" | tail -n 1)" '</html>' 'standard output'

# What cannot be written leaves what was there.
capture as_user "$SOCKADE" log --html nowhere/page.html hostile
is "$STATUS" 125 'a folder that is not there: exit 125'
like "$ERR" "^sockade: write 'nowhere/page.html': No such file" 'which is said'
capture as_user sh -c 'ulimit -f 8; trap "" XFSZ; exec "$0" log --html page.html hostile' "$SOCKADE"
is "$STATUS" 125 'a full disk: exit 125'
is "$("$PYTHON" "$TESTS/command/log_page.py" page.html | grep '^data')" "data '/usr/bin/node'" 'the page that was there still is'
is "$(echo page.html*)" page.html 'and nothing beside it'
capture as_user "$SOCKADE" log --html /dev/full hostile
is "$STATUS" 125 'a device is written to'
[ -c /dev/full ]
ok $? 'and not replaced'
done_testing
