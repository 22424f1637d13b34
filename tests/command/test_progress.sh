#!/bin/sh
# SPDX-License-Identifier: MIT
# The line that stands on a terminal while something takes long, and that nothing of it is left.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
mine() { as_user tee "$1" >/dev/null; }
PYTHON=/usr/bin/python3 # as in net.sh: a version manager's wrapper may be out of the ordinary user's reach
# A terminal on which COMMAND is run: on_terminal [NAME=VALUE]... COMMAND...
on_terminal() { capture as_user timeout 120 env TERM="${TERMINAL-xterm}" "$PYTHON" "$TESTS/command/terminal.py" "$@"; }
slowly() { on_terminal SLOWLY=% "$@"; }
vainly() { on_terminal SLOWLY=% SECONDS=1.2 "$@"; } # where no line is awaited
left() { printf '%s\n' "$OUT" | sed -n 's/^line //p'; }
number() { printf '%s\n' "$OUT" | sed -n "s/^$1 //p"; }
temporaries() { find . -name '*.new'; }

# drew_nothing NAME: no line that was taken away again
drew_nothing() {
    unlike "$OUT" '^drew sockade: |^strange ' "$1"
}

as_user mkdir lists
awk 'BEGIN { srand(1); for (i = 0; i < 500000; i++) printf "%d.%d.%d.%d/32\n", 1 + rand() * 222, rand() * 256,
    rand() * 256, rand() * 256 }' | mine lists/long.netset
mine long.conf <<'END'
version = 1;
sets = { long = { file = "lists/long.netset"; }; };
deny_to = [ "@long" ];
END
echo 'version = 1; deny_to = [ "192.0.2.1" ];' | mine quick.conf

# What takes long.
slowly "$SOCKADE" compile long.conf
is "$(number status)" 0 'compile on a terminal: exit 0'
like "$OUT" '^drew sockade: reading .*lists/long\.netset: [0-9]+ lines, [0-9]+%$' 'it is told how far the reading is'
like "$(left)" '^/.*long\.conf: 1 rule, image of [0-9]+ bytes: .*image$' 'the summary stands alone'
is "$(left | wc -l)" 1 'and nothing else is left'
unlike "$OUT" '^strange ' 'nothing but lines that are taken away'
unlike "$OUT" '^too-often' 'at most ten drawings a second'
[ "$(number drawings)" -ge 2 ]
ok $? 'the line is kept up to date'

# Narrow terminals, and one whose width is not known.
# fits COLUMNS COMMAND...: no line that was taken away again was longer
fits() {
    columns=$1
    shift
    "$@" COLUMNS="$columns" "$SOCKADE" compile --output out.image long.conf
    [ "$(printf '%s\n' "$OUT" | sed -n 's/^drew //p' | wc -L)" -lt "$columns" ]
    ok $? "$columns columns are not filled"
}
fits 60 slowly
like "$OUT" '^drew sockade: reading \.\.\..*long\.netset: [0-9]+ lines, [0-9]+%$' 'of a long name the end is shown'
fits 40 slowly
like "$OUT" '^drew sockade: reading \.\.\..*netset: [0-9]+%$' 'which is worth more than the number of lines'
fits 24 slowly
like "$OUT" '^drew sockade: reading: [0-9]+%$' 'without room for a name there is none'
fits 9 vainly
fits 1 vainly
slowly COLUMNS=0 "$SOCKADE" compile --output out.image long.conf
like "$OUT" '^drew sockade: reading ' 'a width that is not known'
[ "$(printf '%s\n' "$OUT" | sed -n 's/^drew //p' | wc -L)" -lt 80 ]
ok $? 'is taken for the usual one'

# Where none belongs.
vainly "$SOCKADE" compile --quiet --output out.image long.conf
is "$(number status) $(left) $(number drawings)" '0  0' '--quiet shows nothing'
TERMINAL=dumb vainly "$SOCKADE" compile --output out.image long.conf
drew_nothing 'a terminal that cannot take a line away has none'
TERMINAL='' vainly "$SOCKADE" compile --output out.image long.conf
drew_nothing 'nor has one that is not known'
vainly BACKGROUND=yes "$SOCKADE" compile --output out.image long.conf
drew_nothing 'nor has a job in the background'
vainly sh -c 'exec "$0" "$@" 2>err' "$SOCKADE" compile --output out.image long.conf
drew_nothing 'with stderr in a file'
is "$(cat err)" '' 'nothing is in that file'
capture as_user env TERM=xterm timeout 60 "$SOCKADE" compile --output out.image long.conf
is "$STATUS $ERR" '0 ' 'nor in a pipe'
begun=$(date +%s%3N)
on_terminal "$SOCKADE" compile --output out.image quick.conf
if [ $(($(date +%s%3N) - begun)) -lt 500 ]; then
    drew_nothing 'what is quick needs no line'
else
    skip 'the machine is too busy to be quick' 'what is quick needs no line'
fi

# The other commands that compile.
for command in 'reload --policy long.conf' 'run --policy long.conf -- echo started' 'check long.conf'; do
    as_user rm -rf .cache
    # shellcheck disable=SC2086 # words of a command
    slowly "$SOCKADE" $command
    is "$(number status)" 0 "${command%% *}: exit 0"
    like "$OUT" '^drew sockade: ' "${command%% *}: shows a line"
    unlike "$(left)" '^sockade: |%|^$' "${command%% *}: takes it away"
done
is "$(as_user "$SOCKADE" run --policy long.conf -- echo started)" started 'a program that is started without a terminal'
as_user rm -rf .cache
vainly "$SOCKADE" reload --quiet --policy long.conf
is "$(number status) $(left) $(number drawings)" '0  0' 'reload --quiet shows nothing'

# What is wrong is told below the line's place.
{ cat lists/long.netset && echo rubbish; } | mine lists/bad
sed 's/long\.netset/bad/' long.conf | mine bad.conf
slowly "$SOCKADE" compile bad.conf
is "$(number status)" 1 'a mistake at the end: exit 1'
like "$(left)" "^$USER_HOME/lists/bad:500001: 'rubbish' is no address" 'the message is told'
is "$(left | wc -l)" 1 'and stands alone'

# A name is shown so that it does no harm.
hostile=$(printf 'lists/\033[31m\303\244')
as_user cp lists/long.netset "$hostile"
printf 'version = 1;\nsets = { a = { file = "%s"; }; };\ndeny_to = [ "@a" ];\n' "$hostile" | mine hostile.conf
slowly COLUMNS=200 "$SOCKADE" compile --output out.image hostile.conf
like "$OUT" '^drew sockade: reading .*lists/\?\[31m\?\?: ' 'control characters are not sent to the terminal'
unlike "$OUT" '^strange ' 'in no way'

# Ctrl-C takes the line away and leaves no file that is half written, wherever it comes.
as_user rm -rf .cache out.image
slowly INTERRUPT=sockade: "$SOCKADE" compile long.conf
is "$(number status)" -2 'Ctrl-C ends it, as that signal does'
is "$(left | grep -v '^^C$')" '' 'and takes the line away'
is "$(temporaries)$(find .cache -name '*.image')" '' 'no file is left'
on_terminal "$SOCKADE" compile long.conf
is "$(number status)" 0 'the next one finds nothing in its way'
as_user rm -f out.image
: | mine results
for delay in 0.01 0.03 0.05 0.07 0.09 0.1 0.11 0.12 0.13 0.14 0.15 0.16 0.17 0.18 0.2 0.25; do
    as_user timeout -s INT $delay "$SOCKADE" compile --quiet --output out.image long.conf >/dev/null 2>&1
    temporaries >>results
    [ ! -e out.image ] || as_user "$SOCKADE" check out.image >/dev/null || echo "broken after $delay" >>results
done
is "$(cat results)" '' 'interrupted at any time there is no half written file'

# Waiting for another one.
as_user "$SOCKADE" compile --quiet long.conf
lock=$(find .cache -name '*.lock')
as_user flock "$lock" sleep 1.2 &
sleep 0.2
on_terminal "$SOCKADE" compile long.conf
wait
like "$OUT" '^drew sockade: waiting for another process that compiles' 'who waits is told for what'
is "$(left | wc -l) $(number status)" '1 0' 'and goes on then'
done_testing
