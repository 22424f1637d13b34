#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Short form in `make check`.
# A process that does everything at once (tests/programs/soak.c) while its policy is changed, spoilt and mended: every
# answer is right, and it holds as much in the end as soon after the beginning: descriptors, threads, mappings, memory,
# files, and a log within its bounds. SOAK_SECONDS: 600 in `make check-long`, else 15.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
helper soak
grant_ping_sockets
if [ "${LONG:-}" = 1 ]; then : "${SOAK_SECONDS:=600}" "${SOAK_SAMPLE:=5}"; fi
: "${SOAK_SECONDS:=15}" "${SOAK_SAMPLE:=1}"
export XDG_RUNTIME_DIR="$USER_HOME/run"
mkdir "$USER_HOME/run" "$USER_HOME/log"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/run" "$USER_HOME/log"
policy=$USER_HOME/policy.conf
log_size=200000

# text ERRNO: the policy, refusing the same in another way each time, with a set that is longer each time too
text() {
    cat <<END_OF_FILE
version = 1;
log = { to = "file:$USER_HOME/log/events.jsonl"; what = "denied"; limit = 100000; max_size = $log_size; };
sets = { some = [ $(seq -f '"198.51.%.0f.0/24"' -s ', ' $((turn % 200 + 1))) ]; };
rules = (
  { name = "turn-$turn"; action = "deny"; to = "127.0.0.66"; errno = "$1"; },
  { action = "deny"; to = "@some"; },
  { action = "deny"; from = "127.0.0.77"; },
  { action = "deny"; on = "any"; port = 7777; errno = "$1"; }
);
END_OF_FILE
}
# Replaced in one step, as editors do it.
write() {
    cat >"$policy.new" && chown --reference="$USER_HOME" "$policy.new" && mv "$policy.new" "$policy"
}
# In the middle of things: what is there beside the process.
beside() {
    echo "beside $(find "$USER_HOME/run" "$USER_HOME/.cache" "$USER_HOME/log" 2>/dev/null | grep -cv '\.new$')" \
        "$(find /dev/shm | wc -l) $(cat "$USER_HOME"/log/* 2>/dev/null | wc -c)"
}

turn=0
text EACCES | write
as_user timeout $((SOAK_SECONDS * 2 + 60)) env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$policy" \
    "$SCRATCH/soak" "$SOAK_SECONDS" "$SOAK_SAMPLE" >samples 2>said &
soak=$!
published=0 spoilt=0
while kill -0 $soak 2>/dev/null; do
    turn=$((turn + 1))
    case $((turn % 8)) in
    3) echo 'version = 1; rules = ( { action = "deny"; to = "nowhere at all"; } );' | write && spoilt=$((spoilt + 1)) ;;
    1 | 5) text EHOSTUNREACH | write ;;
    *) text EACCES | write ;;
    esac
    [ $((turn % 3)) -ne 0 ] || ! as_user "$SOCKADE" reload --quiet --policy "$policy" >/dev/null 2>&1 || published=$((published + 1))
    beside >>besides
    sleep 0.4
done
wait $soak
is "$?" 0 "$SOAK_SECONDS seconds of everything: it ends as it should"
is "$(grep '^wrong' said)" '' 'no answer was wrong'
note end "$(tail -n 1 samples), $turn texts of which $spoilt were spoilt, $published published"
like "$(tail -n 1 samples)" '^rounds [0-9]{3,}, wrong 0$' 'there was something to do'
[ $published -gt 1 ] && [ $spoilt -gt 1 ]
ok $? 'the policy was changed meanwhile'

# grows FILE COLUMN: the greatest of the second fifth, and of the last one
grows() {
    awk -v column="$2" '$1 !~ /rounds/ { value[++count] = $column }
        END {
            for (i = int(count / 5) + 1; i <= int(count * 2 / 5); i++) if (value[i] > early) early = value[i]
            for (i = int(count * 4 / 5) + 1; i <= count; i++) if (value[i] > late) late = value[i]
            print early + 0, late + 0
        }' "$1"
}
# bounded NAME FILE COLUMN MORE: no more than so much above what it was
bounded() {
    growth=$(grows "$2" "$3")
    [ "${growth#* }" -le $((${growth% *} + $4)) ] && [ "${growth#* }" -gt 0 ]
    ok $? "$1: ${growth% *} early, ${growth#* } late"
}
# What is under way when a sample is taken: an event's file, a thread that ends. A leak would be hundreds.
bounded descriptors samples 3 4
bounded threads samples 4 2
bounded mappings samples 5 2
bounded 'KiB of memory' samples 6 200
bounded 'files of its own' besides 2 4
bounded 'files in /dev/shm' besides 3 0
# A writer that has found room writes; those that found it at the same time may be a line too many.
slack=8000
most=$(awk '$4 > most { most = $4 } END { print most + 0 }' besides)
[ "$most" -le $((log_size * 2 + slack)) ] && [ "$most" -gt $((log_size / 2)) ]
ok $? "the log has $most bytes at most, of twice $log_size"
is "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -c "$SCRATCH/soa[k]")" 0 'no child is left'
done_testing
