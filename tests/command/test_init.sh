#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade init`: a policy to start from stands where it is looked for, is right, and never takes the place of another.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
init() { capture as_user "$SOCKADE" init "$@"; }

# Where it is looked for.
init
is "$STATUS$ERR" 0 'init asks nothing and ends well'
is "$(stat -c %a .config .config/sockade .config/sockade/policy.conf | tr '\n' ' ')" '700 700 600 ' \
    'folders and file are the user'"'"'s alone'
capture as_user "$SOCKADE" check --strict
is "$STATUS" 0 'check --strict has nothing to say of it'
capture as_user "$SOCKADE" run -- "$SOCKADE" explain --to 169.254.169.254:80/tcp
like "$OUT" 'rule "no-metadata" at .*/\.config/sockade/policy\.conf' 'programs run under it'
init --output - --template start
is "$OUT" "$(cat .config/sockade/policy.conf)" 'it is the template "start"'

# The three commands that it names do what they say.
cp .config/sockade/policy.conf before.conf
rm -r .config
init
commands=$(echo "$OUT" | sed -n 's/^  sockade \(.*[^ ]\) *# .*/\1/p')
is "$(echo "$commands" | wc -l)" 3 'three commands to go on with'
echo "$commands" | while read -r line; do
    case $line in
    run*) line=$(echo "$line" | sed 's/curl.*/true/') wanted=0 ;;
    explain*) wanted=1 ;;
    *) wanted=0 ;;
    esac
    as_user sh -c '"$0" '"$line" "$SOCKADE" >/dev/null
    echo "$? $wanted"
done >codes
is "$(awk '$1 != $2' codes)$(wc -l <codes)" 3 'and each of them works'

# What is there stays.
echo '# mine' | as_user tee .config/sockade/policy.conf >/dev/null
init
is "$STATUS" 1 'a file that exists: exit 1'
like "$ERR" 'policy\.conf. exists already' 'and is told'
is "$(cat .config/sockade/policy.conf)" '# mine' 'and left as it is'
rm .config/sockade/policy.conf
as_user ln -s ../../elsewhere .config/sockade/policy.conf
init
is "$STATUS$([ ! -e elsewhere ] || echo written)" 1 'nothing is written through a link that leads nowhere'
rm -r .config

# Other places.
init --output own.conf
is "$STATUS $(cat own.conf)" "0 $(cat before.conf)" '--output FILE'
like "$OUT" "sockade run --policy $PWD/own.conf" 'whose name stands in the commands then'
init -o own.conf
is "$STATUS" 1 'it is not overwritten either'
init -o nowhere/own.conf
is "$STATUS" 125 'a folder that is not there: exit 125'
like "$ERR" 'No such file' 'and is told'
capture as_user env XDG_CONFIG_HOME="$PWD/xdg" "$SOCKADE" init
is "$STATUS$(cat xdg/sockade/policy.conf)" "0$(cat before.conf)" 'XDG_CONFIG_HOME'
capture as_user env SOCKADE_POLICY="$PWD/deep/er/own.conf" "$SOCKADE" init
is "$STATUS$(cat deep/er/own.conf)" "0$(cat before.conf)" 'SOCKADE_POLICY'
capture as_user env SOCKADE_POLICY=relative.conf "$SOCKADE" init
is "$STATUS" 125 'SOCKADE_POLICY by a relative path: exit 125'
capture as_user env -u HOME "$SOCKADE" init
is "$STATUS" 125 'without HOME: exit 125'
like "$ERR" 'name a file with --output' 'and says what to do'
capture as_user env HOME=/proc/nowhere "$SOCKADE" init
is "$STATUS" 125 'a home that cannot be written: exit 125'
like "$ERR" "mkdir '/proc/nowhere'" 'and says which folder'
capture as_user sh -c '"$0" init --output - >/dev/full' "$SOCKADE"
is "$STATUS" 125 'what cannot be written to standard output is told'
capture as_user sh -c 'ulimit -f 0; trap "" XFSZ; exec "$0" init --output full.conf' "$SOCKADE"
is "$STATUS$([ ! -e full.conf ] || echo left)" 125 'nothing half written is left'

# Templates are the examples, each whole by itself.
init --list
count=0
for name in $(echo "$OUT" | awk '{ print $1 }'); do
    count=$((count + 1))
    init --template "$name" --output -
    [ "$OUT" = "$(cat "$ROOT/examples/$name.conf")" ] || note differs "$name"
    echo "$OUT" | as_user tee "$name.conf" >/dev/null
    capture as_user "$SOCKADE" check "$name.conf"
    # A closed policy that names another machine's resolver is told of, on every machine but that one.
    [ "$STATUS" -eq 0 ] || note "$name" "$ERR"
done >differing
is "$(cat differing)" '' 'every template is the example of its name, and right'
[ "$count" -gt 10 ]
ok $? "there are $count"
init --template meta-data
is "$STATUS" 2 'a template that is none: exit 2'
like "$ERR" "did you mean 'metadata'" 'with the nearest name'
init policy.conf
is "$STATUS" 2 'a stray word: exit 2'
done_testing
