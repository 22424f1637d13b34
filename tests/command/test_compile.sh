#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade compile`: a text to its image, alone and together with others.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
compile() { capture as_user "$SOCKADE" compile "$@"; }
mine() { as_user tee "$1" >/dev/null; }
images() { find .cache -name '*.image' 2>/dev/null; }

mine one.conf <<'END'
version = 1;
rules = ( { name = "one"; action = "deny"; to = "192.0.2.1"; } );
END
echo 'version = 2;' | mine bad.conf

# Where the image goes.
compile one.conf
is "$STATUS $ERR" '0 ' 'a text: exit 0'
like "$OUT" "^$USER_HOME/one.conf: 1 rule, image of [0-9]+ bytes: $USER_HOME/.cache/sockade/[0-9a-f]*-2.image$" 'what was made, and where'
is "$(stat -c %a .cache/sockade)" 700 "the folder is the user's alone"
is "$(stat -c %a "$(images)")" 600 'and so is the image'
compile "$PWD/one.conf"
compile ./one.conf
is "$(images | wc -l)" 1 'one text has one image, however it is named'
compile --quiet one.conf
is "$STATUS $OUT$ERR" '0 ' '--quiet says nothing'
compile
is "$STATUS" 1 'no policy of the user: exit 1'
like "$ERR" '\.config/sockade/policy\.conf' 'its place is named'
as_user mkdir -p .config/sockade
as_user cp one.conf .config/sockade/policy.conf
compile
like "$OUT" "^$USER_HOME/.config/sockade/policy.conf: " "without a file it is the user's own text"
capture as_user env SOCKADE_POLICY="$PWD/one.conf" "$SOCKADE" compile
like "$OUT" "^$USER_HOME/one.conf: " 'or SOCKADE_POLICY'
capture as_user env SOCKADE_POLICY=one.conf "$SOCKADE" compile
like "$ERR" "SOCKADE_POLICY 'one.conf' must be an absolute path" 'an absolute one'
capture as_user env -u HOME "$SOCKADE" compile
like "$ERR" 'neither HOME nor XDG_CONFIG_HOME' 'without HOME there is none'

# -o.
capture as_user sh -c 'umask 077; exec "$0" compile -o out.image one.conf' "$SOCKADE"
is "$STATUS" 0 '-o: exit 0'
is "$(stat -c %a out.image)" 644 'an image for everybody to read, whatever the umask'
capture as_user "$SOCKADE" check out.image
is "$STATUS" 0 'it is whole'
compile -oother.image one.conf
cmp -s out.image other.image
ok $? 'the same text gives the same bytes'
compile --output nowhere/out.image one.conf
is "$STATUS" 125 'a folder that is not there: exit 125'
like "$ERR" 'nowhere' 'it is named'
as_user mkdir folder
compile -o folder one.conf
is "$STATUS" 125 'a folder in its place: exit 125'
compile -o one.conf/x one.conf
is "$STATUS" 125 'a file where a folder should be: exit 125'

# What is wrong.
compile bad.conf
is "$STATUS" 1 'an error in the text: exit 1'
like "$ERR" 'bad\.conf:1: ' 'it is told'
compile --quiet bad.conf
like "$ERR" 'bad\.conf:1: ' 'with --quiet too'
compile nowhere.conf
is "$STATUS" 1 'a text that is not there: exit 1'
compile out.image
is "$STATUS" 1 'an image: exit 1'
like "$ERR" "out.image' is an image already" 'it is said'
compile one.conf bad.conf
is "$STATUS" 2 'two texts: exit 2'
compile --system one.conf
is "$STATUS" 2 'a text and --system: exit 2'
as_user cp one.conf loose.conf && chmod 666 loose.conf
compile loose.conf
is "$STATUS" 1 'a text that others may write: exit 1'

# --fresh.
rm -rf .cache
compile --fresh --quiet one.conf
is "$STATUS" 0 '--fresh makes an image'
before=$(ls -i "$(images)")
compile --fresh --quiet one.conf
is "$STATUS $(ls -i "$(images)")" "0 $before" 'and leaves a fresh one alone'
compile --quiet one.conf
[ "$(ls -i "$(images)")" != "$before" ]
ok $? 'without it the image is made anew'
before=$(ls -i "$(images)")
echo '# changed' | as_user tee -a one.conf >/dev/null
compile --fresh one.conf
[ "$(ls -i "$(images)")" != "$before" ]
ok $? 'a stale one is replaced'
before=$(ls -i "$(images)")
as_user cp bad.conf one.conf
compile --fresh --quiet one.conf
is "$STATUS $(ls -i "$(images)")" "1 $before" 'a wrong text leaves the last good image'
as_user truncate -s 100 "$(images)"
echo 'version = 1;' | mine one.conf
compile --fresh one.conf
capture as_user "$SOCKADE" check "$(images)"
is "$STATUS" 0 'an image that was cut short is replaced'

# As the shim calls it: nothing in the environment but folders, no standard input, output or error, from anywhere.
rm -rf .cache
capture as_user sh -c 'cd / && exec env -i HOME="$HOME" "$0" compile --fresh --quiet "$1" <&- >&- 2>&-' "$SOCKADE" "$PWD/one.conf"
is "$STATUS $(images | wc -l)" '0 1' 'with closed descriptors and an empty environment'

# Many at once: one compile, no trace of the others.
rm -rf .cache
awk 'BEGIN { print "version = 1;\ndeny_to = ["; for (i = 0; i < 20000; i++)
    printf "\"10.%d.%d.%d\",\n", i / 10000, i / 100 % 100, i % 100 * 2; print "\"192.0.2.1\" ];" }' | mine large.conf
: | mine log
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    as_user sh -c '"$0" compile --fresh large.conf >>log 2>&1; echo "exit $?" >>log' "$SOCKADE" &
done
wait
is "$(grep -c '^exit 0$' log)" 12 'twelve at once all succeed'
is "$(grep -c ': 20001 rules' log)" 1 'and one does the work'
is "$(find .cache/sockade -type f -name '*.image*' ! -name '*.lock' | wc -l)" 1 'nothing else is left'

# A compile that is killed leaves no half image, and the next one cleans up.
for delay in 0.001 0.005 0.01 0.02 0.04; do
    as_user timeout -s KILL $delay "$SOCKADE" compile --quiet large.conf >/dev/null 2>&1
    as_user "$SOCKADE" check "$(images)" >/dev/null 2>&1 || echo "broken after $delay" >>killed
done
[ ! -e killed ]
ok $? 'killed at any time there is a whole image'
compile --quiet large.conf
is "$STATUS $(find .cache/sockade -type f -name '*.image*' ! -name '*.lock' ! -name '*.old' ! -name '*.older' | wc -l)" '0 1' \
    'and the next one leaves nothing else but the images before it'
done_testing
