#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs alone: it loads every processor, and counts what is late.
# Two hundred processes of eight threads under reloads, and writers that compete or are killed.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper reload_load
helper reload_probe
mkdir "$USER_HOME/run"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/run"
export XDG_RUNTIME_DIR="$USER_HOME/run"
policy=$USER_HOME/policy.conf

# load PROCESSES EDITS REST NAME: the text is edited and published EDITS times meanwhile
load() {
    capture as_user timeout 500 "$SCRATCH/reload_load" "$SOCKADE" "$LIBSOCKADE" "$policy" "$1" 8 "$2" "$3"
    is "$STATUS" 0 "$4: no decision is wrong, late or missed"
    note load "$OUT"
    [ "$STATUS" -eq 0 ] || note err "$(printf '%s\n' "$ERR" | head -n 20)"
}
processes=200
sanitized && processes=20 BUSY=4
load $processes "${EDITS:-5}" 20000 'many processes, mostly at rest'
load "${BUSY:-20}" "${BUSY_EDITS:-5}" 500 'more than the processors can bear'

# Writers at once, each with a text of its own at the same path; some are killed at whatever step they are.
cat >writer.sh <<'END'
# writer.sh SOCKADE POLICY ERRNO COUNT KILL
i=0
while [ $i -lt "$4" ]; do
    echo "version = 1; log = { what = \"none\"; }; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; errno = \"$3\"; } ); # $i" >"$2.$3"
    mv "$2.$3" "$2"
    "$1" reload --quiet --policy "$2" &
    writer=$!
    if [ "$5" = kill ]; then
        [ $((i % 4)) -eq 0 ] || sleep "0.00$((i % 10))"
        kill -KILL $writer
    fi
    wait $writer 2>/dev/null
    i=$((i + 1))
done
END
mkfifo ask answer
as_user env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$policy" timeout 100 "$SCRATCH/reload_probe" <ask >answer &
exec 8>ask 9<answer
question() {
    echo old >&8
    read -r reply <&9 || reply=gone
}
# Until the first of them has published, what was in force before may be seen.
question
before=$reply
for way in live kill; do
    as_user sh writer.sh "$SOCKADE" "$policy" EHOSTDOWN "${WRITES:-30}" "$way" >/dev/null 2>&1 &
    one=$!
    as_user sh writer.sh "$SOCKADE" "$policy" ENETDOWN "${WRITES:-30}" "$way" >/dev/null 2>&1 &
    two=$!
    others=''
    while kill -0 $one 2>/dev/null || kill -0 $two 2>/dev/null; do
        question
        case $reply in EHOSTDOWN | ENETDOWN | "$before") ;; *) others=$reply ;; esac
    done
    is "$others" '' "two writers, $way: every decision is one text's or the other's"
    echo 'version = 1; log = { what = "none"; }; rules = ( { action = "deny"; to = "127.0.0.1"; errno = "EIO"; } );' >"$policy.last"
    mv "$policy.last" "$policy"
    chown --reference="$USER_HOME" "$policy"
    capture as_user "$SOCKADE" reload --quiet --policy "$policy"
    is "$STATUS$ERR" 0 "two writers, $way: the next one is not held up"
    question
    before=EIO
    is "$reply" EIO "two writers, $way: and is followed"
    is "$(find "$USER_HOME/run/sockade" -name '*.new' | wc -l)" 0 "two writers, $way: nothing is left lying about"
done
exec 8>&- 9<&-
wait
done_testing
