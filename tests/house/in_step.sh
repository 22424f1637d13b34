#!/bin/sh
# SPDX-License-Identifier: MIT
# The program, its --help, the manual and the completions say the same: commands, options, keys, names, hooks,
# variables, events, exit codes. Every example of the manual runs and prints what the page says.
. "${0%/*}/../lib.sh"
scratch
house=$ROOT/tests/house
cd "$USER_HOME" || exit 1
export SOCKADE LIBSOCKADE
compare() { python3 "$house/manual.py" "$1" 2>&1; }

is "$(compare pages)" '' 'every command has its page, with the summary of --help'
is "$(compare table)" '' 'the table for programs has its fields'
is "$(compare options)" '' 'the options and exit codes of every page are those of --help, within 100 columns'
is "$(compare keys)" '' 'sockade.conf(5) has the keys, addresses, errnos and families of the reader'
is "$(compare hooks)" '' 'libsockade(8) has every hooked name, and the manual every variable that is read'
is "$(compare events)" '' 'sockade-events(5) has every key of an event, in order'
is "$(compare api)" '' 'sockade(3) has every name of sockade.h'
is "$(compare advice)" '' 'sockade-check(1) has every id of advice'
is "$(as_user /usr/bin/python3 "$house/manual.py" worked 2>&1)" '' \
    'the worked examples of sockade.conf(5) decide as they say'
if can_in_net; then
    is "$(in_net as_user /usr/bin/python3 "$house/manual.py" examples 2>&1)" '' \
        'the examples of every page print what it says'
else
    skip 'no network namespace can be made here' 'the examples of every page print what it says'
fi

# The pages as scdoc makes them. What it always writes is no finding: an empty paragraph around headings and indents,
# long lines, and titles as they are given.
if command -v scdoc >/dev/null && command -v mandoc >/dev/null; then
    for page in "$ROOT"/man/*.scd; do
        name=${page##*/}
        scdoc <"$page" >"$SCRATCH/${name%.scd}" || echo "$name"
        mandoc -T lint "$SCRATCH/${name%.scd}" | grep -vE \
            'STYLE: (input text line longer than|lower case character)|skipping paragraph macro: PP (empty|after)'
    done >findings 2>&1
    is "$(cat findings)" '' 'mandoc finds nothing in the pages'
else
    skip 'scdoc or mandoc is not here' 'mandoc finds nothing in the pages'
fi

# bash: every command and option, and what their values may be.
candidates() { bash "$house/complete.bash" "$ROOT/completions/sockade.bash" "$1" 2>&1 | sort -u; }
ln -s "$SOCKADE" sockade 2>/dev/null
PATH=$PWD:${SOCKADE%/*}:$PATH
table=$("$SOCKADE" help --table)
# shellcheck disable=SC2016 # for awk
of_table() { printf "%s\n" "$table" | awk -F "\t" "$1" | sort; }
# shellcheck disable=SC2016 # for awk
is "$(candidates 'sockade ' | grep -v '^-')" "$(of_table '$1 == "command" { print $2 }')" 'bash: the commands'
# shellcheck disable=SC2016 # for awk
for command in $(of_table '$1 == "command" { print $2 }'); do
    is "$(candidates "sockade $command --")" "$(of_table "\$1 == \"option\" && \$2 == \"$command\" { print \$4 }")" \
        "bash: the options of $command"
done
is "$(candidates 'sockade run --deny-to l')" 'link-local:
loopback:' 'bash: the names that an endpoint may begin with'
is "$(candidates 'sockade explain --on=lo')" 'loopback:' 'bash: also behind ='
is "$(candidates 'sockade explain --to [fd00::1]:443 --fa')" --family 'bash: an endpoint before it'
is "$(candidates 'sockade explain --family pa')" packet 'bash: families'
mkdir -p policies
: >policies/mine.conf
is "$(candidates 'sockade run --policy policies/mi')" policies/mine.conf 'bash: files'
is "$(candidates 'sockade test policies/mine.conf policies/m')" policies/mine.conf 'bash: a second file'
is "$(candidates 'sockade run --deny-to any -- setpri')" setpriv 'bash: programs behind --'
is "$(candidates 'sockade run setpriv --re policies/m')" policies/mine.conf 'bash: the files of a program'
# shellcheck disable=SC2016 # for bash
sed 's/^_sockade$/_command_offset() { echo "word $1: ${COMP_WORDS[$1]}"; }; &/' "$house/complete.bash" >offset.bash
is "$(bash offset.bash "$ROOT/completions/sockade.bash" 'sockade run --deny-to [fd00::1]:22 -- setpriv --re')" \
    'word 9: setpriv' 'bash: where bash-completion is there, the program completes by its own'
is "$(candidates 'sockade help exp')" explain 'bash: commands that have help'
is "$(python3 "$house/complete.py" bash 'sockade expl' 'sockade explain --to loopb')" 'ain
ack:' 'bash on a terminal'

# zsh and fish are run by tests/long/completions.sh.
for shell in zsh fish; do
    command -v $shell >/dev/null || { echo "# $shell is not here to read its completions"; continue; }
    [ $shell = zsh ] && file=$ROOT/completions/_sockade || file=$ROOT/completions/sockade.fish
    $shell -n "$file"
    ok $? "$shell reads its completions"
done
done_testing
