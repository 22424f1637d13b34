#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade env`: what real shells make of it, and that nothing is half applied.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
mine() { as_user tee "$1" >/dev/null; }
env_of() { capture as_user env SHELL=/bin/sh "$SOCKADE" env "$@"; }
export SOCKADE
value=$(preload_value)

mine one.conf <<'END_OF_POLICY'
version = 1;
rules = ( { name = "one"; action = "deny"; to = "192.0.2.1"; } );
END_OF_POLICY
awkward="$PWD/it's \"a\" \$HOME \`b\` ;&|<>*?!~#(){}[]\\ policy.conf"
as_user cp one.conf "$awkward"
export AWKWARD="$awkward"

# What is printed.
env_of
is "$STATUS $OUT" "0 export LD_PRELOAD='$value'; " 'the object, in one line'
is "$ERR" '' 'and nothing else'
env_of --policy one.conf
is "$OUT" "export SOCKADE_POLICY='$PWD/one.conf'; export LD_PRELOAD='$value'; " '--policy is made absolute'
capture as_user env LD_PRELOAD=libc.so.6 SHELL=/bin/sh "$SOCKADE" env
is "$OUT" "export LD_PRELOAD='$value:libc.so.6'; " 'what stood in LD_PRELOAD stays'
capture as_user env LD_PRELOAD="$value" SHELL=/bin/sh "$SOCKADE" env
is "$OUT" "export LD_PRELOAD='$value'; " 'nothing is named twice'
ls .cache/sockade/*.image >/dev/null 2>&1
ok $? 'the image is there before any program starts'

# Which shell.
for pair in /bin/sh:export /bin/bash:export /usr/bin/zsh:export /bin/csh:setenv /usr/bin/tcsh:setenv /usr/bin/fish:set \
    /bin/odd:export; do
    capture as_user env SHELL="${pair%:*}" "$SOCKADE" env
    is "${OUT%% *}" "${pair#*:}" "SHELL=${pair%:*}"
done
capture as_user env -u SHELL "$SOCKADE" env
is "${OUT%% *}" export 'no SHELL'
env_of --shell fish
is "${OUT%% *}" set '--shell comes before it'
env_of --shell rc
is "$STATUS $OUT" '125 ' 'a shell that is none of ours: exit 125'
like "$ERR" 'sh, csh and fish' 'and says which there are'

# Real shells: the policy holds for what they start, and is undone. The file's name has all that a shell could expand.
probe='"$SOCKADE" explain --to 192.0.2.1:80/tcp | tail -n 1; echo "$LD_PRELOAD"; echo "$SOCKADE_POLICY"'
wanted="denied by the user layer: EACCES (Permission denied)
$value
$awkward"
for shell in dash bash zsh 'busybox sh'; do
    if ! command -v "${shell%% *}" >/dev/null; then
        skip 'it is not installed (Debian: the package of its name)' "$shell"
        continue
    fi
    # shellcheck disable=SC2086 # a shell with its argument
    capture as_user $shell -c 'set -eu; eval "$("$SOCKADE" env --shell sh --policy "$AWKWARD")"; '"$probe"
    is "$OUT" "$wanted" "$shell"
    # shellcheck disable=SC2086
    capture as_user env LD_PRELOAD=libc.so.6 $shell -c 'eval "$("$SOCKADE" env --shell sh --policy "$AWKWARD")"
eval "$("$SOCKADE" env --shell sh --policy "$AWKWARD")"; echo "$LD_PRELOAD"
eval "$("$SOCKADE" env --shell sh --off)"; echo "$LD_PRELOAD ${SOCKADE_POLICY-gone}"'
    is "$OUT" "$value:libc.so.6
libc.so.6 gone" "$shell: twice is once, and --off takes only ours"
done
if command -v fish >/dev/null; then
    capture as_user fish --no-config -c '$SOCKADE env --shell fish --policy $AWKWARD | source
$SOCKADE explain --to 192.0.2.1:80/tcp | tail -n 1; echo "$LD_PRELOAD"; echo "$SOCKADE_POLICY"'
    is "$OUT" "$wanted" 'fish'
    capture as_user fish --no-config -c '$SOCKADE env --shell fish --policy $AWKWARD | source
$SOCKADE env --shell fish --off | source; set -q LD_PRELOAD; echo $status; set -q SOCKADE_POLICY; echo $status'
    is "$OUT$ERR" '1
1' 'fish: --off'
else
    skip 'it is not installed (Debian: fish)' fish
fi
csh=$(command -v tcsh || command -v csh)
if [ -n "$csh" ]; then
    # Within backquotes csh takes a variable apart whatever stands around it.
    printf '#!/bin/sh\nexec "$SOCKADE" env --shell csh --policy "$AWKWARD"\n' | mine printed && chmod 755 printed
    capture as_user "$csh" -f -c 'eval "`./printed`"; $SOCKADE:q explain --to 192.0.2.1:80/tcp | tail -n 1
printenv LD_PRELOAD; printenv SOCKADE_POLICY'
    is "$OUT" "$wanted" "${csh##*/}"
    capture as_user "$csh" -f -c 'eval "`./printed`"; eval "`$SOCKADE:q env --shell csh --off`"
printenv LD_PRELOAD; printenv SOCKADE_POLICY'
    is "$OUT" '' "${csh##*/}: --off"
else
    skip 'none is installed (Debian: tcsh)' csh
fi
capture as_user sh -c 'eval "$("$SOCKADE" env --shell sh --policy one.conf)"; python3 -c "import socket
socket.create_connection((\"192.0.2.1\", 9))"'
like "$ERR" PermissionError 'a program that the shell starts is refused'

# --off by itself.
env_of --off
is "$OUT" 'unset LD_PRELOAD; unset SOCKADE_POLICY; ' '--off without anything'
capture as_user env LD_PRELOAD='libc.so.6 /elsewhere/libsockade.so:libm.so.6' SHELL=/bin/sh "$SOCKADE" env --off
is "$OUT" "export LD_PRELOAD='libc.so.6:libm.so.6'; unset SOCKADE_POLICY; " 'an object of ours from elsewhere goes too'
capture as_user "$SOCKADE" run -- sh -c '"$SOCKADE" env --off; echo "end $?"'
is "$OUT" 'end 125' 'a shell that was started under the policy cannot be taken out'
like "$ERR" 'leave it' 'and is told so'
capture as_user env SOCKADE_POLICY=/nowhere "$SOCKADE" env --off
is "$STATUS" 0 'a broken policy can be left'

# Mistakes: exit 125, told on stderr, and nothing on stdout that a shell could apply.
nothing() {
    is "$STATUS $OUT" '125 ' "$2: exit 125, and nothing is printed"
    like "$ERR" "$1" "$2: says why"
}
printf 'version = 1;\ndeny_to = [ "nonsense" ];\n' | mine bad.conf
env_of --policy bad.conf
nothing 'bad.conf:2: ' 'a policy with a mistake'
env_of --policy nowhere.conf
nothing 'does not exist' 'a policy that is not there'
capture as_user env SOCKADE_POLICY="$PWD/bad.conf" "$SOCKADE" env
nothing 'bad.conf:2: ' 'a mistake in the own policy'
env_of --policy
nothing 'needs a value' 'an option without its value'
env_of --policy one.conf --off
nothing 'either --policy or --off' 'two options that exclude each other'
env_of -- sh
nothing "'sockade run' starts a program" 'a program'
mkdir "$SCRATCH/a b" && cp "$SOCKADE" "$LIBSOCKADE" "$SCRATCH/a b" && chmod 755 "$SCRATCH/a b"
capture as_user "$SCRATCH/a b/sockade" env
nothing 'LD_PRELOAD cannot hold' 'an object whose path has a space'
mkdir "$SCRATCH/a:b" && cp "$SOCKADE" "$LIBSOCKADE" "$SCRATCH/a:b" && chmod 755 "$SCRATCH/a:b"
capture as_user "$SCRATCH/a:b/sockade" env
nothing 'LD_PRELOAD cannot hold' 'an object whose path has a colon'
capture as_user sh -c '"$SOCKADE" env >/dev/full'
is "$STATUS" 125 'what cannot be written is told'

# A person who types it is told what it is for.
if command -v script >/dev/null; then
    capture as_user script -q -e -c '"$SOCKADE" env --shell fish' /dev/null
    like "$OUT" 'sockade env \| source' 'on a terminal it says how it is meant'
fi
done_testing
