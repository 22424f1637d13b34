#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion in zsh on a terminal, and in fish: every command with its options, and what their values may be. bash is
# looked at by tests/house/in_step.sh, with the rest.
. "${0%/*}/../lib.sh"
scratch
house=$ROOT/tests/house
cd "$HOME" || exit 1
ln -s "$SOCKADE" sockade 2>/dev/null
PATH=$PWD:$PATH
export PATH
table=$("$SOCKADE" help --table)
# shellcheck disable=SC2016 # for awk
of_table() { printf '%s\n' "$table" | awk -F '\t' "$1" | sort; }
# shellcheck disable=SC2016 # for awk
commands=$(of_table '$1 == "command" { print $2 }')
options() { of_table "\$1 == \"option\" && \$2 == \"$1\" { print \$4 }"; }
mkdir -p policies .config/sockade
: >policies/mine.conf
printf 'version = 1;\nrules = ( { name = "no-ssh"; action = "deny"; to = "any"; port = 22; } );\n' >.config/sockade/policy.conf

fish_for() { fish -c "source $ROOT/completions/sockade.fish; complete -C '$1'" 2>&1 | cut -f1 | sort; }
fish -n "$ROOT/completions/sockade.fish"
ok $? 'fish reads its file'
is "$(fish_for 'sockade ')" "$commands" 'fish: the commands'
for command in $commands; do
    is "$(fish_for "sockade $command --")" "$(options "$command")" "fish: the options of $command"
done
is "$(fish_for 'sockade run --deny-to lo')" 'loopback:' 'fish: the names that an endpoint may begin with'
is "$(fish_for 'sockade run --deny-to=lo')" '--deny-to=loopback:' 'fish: also behind ='
is "$(fish_for 'sockade explain --family pa')" packet 'fish: families'
is "$(fish_for 'sockade log --rule no')" no-ssh 'fish: rules of the policy'
is "$(fish_for 'sockade test policies/mine.conf policies/mi')" policies/mine.conf 'fish: files'
is "$(fish_for 'sockade run --deny-to any -- setpri')" setpriv 'fish: programs'
is "$(fish_for 'sockade run cat policies/mi')" policies/mine.conf 'fish: the files of a program'

zsh -n "$ROOT/completions/_sockade"
ok $? 'zsh reads its file'
set --
for command in $commands; do
    set -- "$@" "sockade $command --"
done
python3 "$house/complete.py" zsh --list "$@" >listed 2>&1
for command in $commands; do
    read -r line
    is "$line" "$(options "$command" | paste -sd " ")" "zsh: the options of $command"
done <listed
is "$(python3 "$house/complete.py" zsh 'sockade expl' 'sockade run --deny-fr' 'sockade run --deny-to loopb' 'sockade explain --on=lo' \
    'sockade explain --family pac' 'sockade log --rule no' 'sockade test policies/mine.conf policies/mi' \
    'sockade run --deny-to any -- setpri' 'sockade run cat policies/mi' 2>&1)" 'ain
om
ack:
opback:
ket
-ssh
ne.conf
v
ne.conf' 'zsh: values, rules, files, programs'
done_testing
