#!/bin/sh
# SPDX-License-Identifier: MIT
# A newcomer: a new Debian that has nothing but `make`, a clean clone of this repository, and what README.md says. First
# what it has root do in the checkout (make demo, make check, make install), then every other block, by an ordinary user
# and with what was installed. Last: README's picture shows what its commands print today.
#
# NEWCOMER_CHECK has words that stand behind `make check` then, for less of it:
#   SCRIPTS=tests/programs/curl.sh UNIT_TESTS= KERNEL_PROOFS= HOOK_PROGRAMS= NARROW_PROGRAMS= CONFORMANCE_PROGRAMS=
#   REPLAYERS= REAL_SCRIPTS= DECISIONS=1000 (in one line)
. "${0%/*}/../lib.sh"
. "${0%/*}/../debian_root.sh"
command -v git >/dev/null || { skip 'git is not installed (Debian: git)' "${0##*/}"; done_testing; }
scratch

debian_root "$SCRATCH/new" make
checkout=/home/you/sockade
mkdir -p "$SCRATCH/new/home/you"
git -c safe.directory='*' clone -q "$ROOT" "$SCRATCH/new$checkout" 2>clone.err
is "$? $(cat clone.err)" '0 ' 'the repository is cloned'

# in_checkout COMMAND: by root, with the network of this machine, for apt-get
in_checkout() {
    in_root_online "$SCRATCH/new" sh -c "cd $checkout && export JOBS='${JOBS:-}' && $1" \
        >output 2>&1 </dev/null
}

/usr/bin/python3 "$TESTS/newcomer/blocks.py" "$ROOT/README.md" "$ROOT" root >commands
is "$(grep -c '^make' commands)" "$(wc -l <commands)" 'README.md tells root what to make'
while IFS= read -r command; do
    case $command in
    'make check'*) command="$command ${NEWCOMER_CHECK:-}" ;;
    esac
    in_checkout "$command"
    ok $? "$command ends well on a new system" || note 'it printed' "$(tail -n 40 output)"
    case $command in
    'make demo'*)
        like "$(cat output)" '^ *APT ' 'and installs what was missing'
        like "$(cat output)" 'Hello from' 'and shows what is allowed'
        ;;
    'make check'*) note 'make check' "$(tail -n 1 output)" ;;
    esac
done <commands

# The rest of README.md, with the installed command. A file system in which somebody else is root is fine for it.
# shellcheck disable=SC2016 # expanded in there
in_root "$SCRATCH/new" sh -c 'cd /home/you/sockade && SOCKADE=/usr/local/bin/sockade &&
    LIBSOCKADE=$(ls -d /usr/local/lib/*-linux-*/sockade/libsockade.so | head -n 1) && export SOCKADE LIBSOCKADE &&
    exec sh tests/programs/newcomer.sh' >output 2>&1 </dev/null
ok $? 'every other block of README.md, with what was installed' || note 'it printed' "$(grep -v '^ok' output)"
note there "$(tail -n 2 output | head -n 1)"

# words PICTURE: what stands in it, without what a clock chooses
words() {
    sed -n 's/^<text[^>]*>\(.*\)<\/text>$/\1/p' "$1" | sed 's/[0-9][0-9]*/0/g; s/   */  /g'
}
if command -v tmux >/dev/null; then
    sh "$TESTS/newcomer/session.sh" "$SCRATCH/pictures" >output 2>&1
    is "$(words pictures/session.svg)" "$(words "$ROOT/doc/session.svg")" 'the picture in README.md shows what is true'
else
    skip 'tmux is not installed (Debian: tmux)' 'the picture in README.md shows what is true'
fi
done_testing
