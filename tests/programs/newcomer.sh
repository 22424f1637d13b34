#!/bin/sh
# SPDX-License-Identifier: MIT
# Does what README.md says, block by block, as somebody would who has an empty home and no rights: every command is run,
# every output compared (tests/newcomer/blocks.py tells how), and what cannot be run here is named with its reason.
#
# UPDATE=1 writes what the commands print now into README.md. tests/long/newcomer.sh runs this on a new Debian.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../newcomer/world.sh"
need ip iproute2
need bash bash
need busybox busybox
need curl curl
need git git
enter_net
scratch

make_world
cp "$TESTS/newcomer/blocks.py" "$ROOT/README.md" .
[ "${UPDATE:-}" != 1 ] || chmod 666 README.md
cp -R "$ROOT/examples" "$SCRATCH/examples"
# A process namespace of its own too, where one is to be had: whoever looks at running programs sees his own alone.
alone='unshare --pid --fork --kill-child --mount-proc --'
$alone true 2>/dev/null || alone='env'
# shellcheck disable=SC2086 # several words, and one that may be missing
HOME=$USER_HOME $alone $ORDINARY env LC_ALL=C.UTF-8 "$PYTHON" blocks.py README.md "$SCRATCH" ${UPDATE:+update} >results ||
    ok 1 'README.md is true'
while IFS= read -r line; do
    case $line in
    'ok '*) ok 0 "${line#ok * - }" ;;
    'not ok '*) ok 1 "${line#not ok * - }" ;;
    *) echo "$line" ;;
    esac
done <results
[ "${UPDATE:-}" != 1 ] || cat README.md >"$ROOT/README.md"
done_testing
