#!/bin/sh
# SPDX-License-Identifier: MIT
# redis as an ordinary user: the same answers with and without the object, over TCP and a Unix socket; a refused peer is
# reset and told of, and the others are served.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
! sanitized || { skip "jemalloc's constructor calls before a sanitizer's runtime is there" redis.sh; done_testing; }
need redis-cli redis-tools
enter_net
scratch

# Debian's redis-tools has the server under another name; it looks at the one it was started by.
program=$(command -v redis-server || command -v redis-check-rdb) || {
    skip 'redis-server is not installed (Debian: redis-tools)' redis.sh
    done_testing
}
ln -s "$program" redis-server
add_addresses 2001:db8::1 2001:db8:66::1
mkdir "$USER_HOME/redis"
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/redis"

cat >allow.conf <<'END'
version = 1;
rules = ( { action = "allow"; from = "any"; }, { action = "allow"; to = "any"; }, { action = "allow"; on = "any"; } );
END
cat >deny.conf <<END
version = 1;
log = { to = "file:$USER_HOME/events.jsonl"; what = "denied"; };
deny_from = [ "127.0.0.66:6390/tcp", "2001:db8:66::/48" ];
END

redis_server() { # redis_server WORDS...: in front of redis; it listens on every address and on the Unix socket
    background "$@" "$SCRATCH/redis-server" --port 6390 --bind 0.0.0.0 :: --protected-mode no --save '' \
        --appendonly no --dir "$USER_HOME/redis" --unixsocket "$USER_HOME/redis/socket" --unixsocketperm 777
    wait_for 10 listens 6390 || { ok 1 'redis starts'; cat "$SCRATCH/servers.log"; done_testing; }
}

# What a client sees of all kinds of answers: numbers, texts, lists, errors, a long value, a transaction, a script.
session() { # session WORDS...: how to reach it
    {
        printf 'SET key value\nGET key\nINCR number\nINCRBY number 41\nRPUSH list a b c\nLRANGE list 0 -1\n'
        printf 'GET list\nSETRANGE long 1000000 end\nSTRLEN long\nMULTI\nINCR number\nDEL key\nEXEC\nEXISTS key\n'
        printf 'EVAL "return redis.call(\\"GET\\", \\"number\\")" 0\nGETRANGE long 999990 -1\nNOSUCH\nFLUSHALL\n'
    } | bare redis-cli "$@" 2>&1
}

sessions() {
    session -h 127.0.0.1 -p 6390
    session -h ::1 -p 6390
    session -s "$USER_HOME/redis/socket"
    bare redis-benchmark -h 127.0.0.1 -p 6390 -t set,get,lpush -n 2000 -c 20 -P 8 --csv 2>&1 | cut -d, -f1
}

redis_server env
without=$(sessions)
like "$without" '^1000003$' 'a session, without the object'
stop_servers
redis_server env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/allow.conf"
grep -q libsockade "/proc/$SERVER/maps"
ok $? 'the object is in the server'
is "$(sessions)" "$without" 'the same with the object, under a policy that allows everything'
stop_servers

redis_server env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/deny.conf"
is "$(sessions)" "$without" 'the same for those that no rule names, under one that refuses others'
is "$(cat "$USER_HOME/events.jsonl" 2>/dev/null)" '' 'of which nothing is told'
for pair in '127.0.0.66 127.0.0.1' '2001:db8:66::1 ::1'; do
    # shellcheck disable=SC2086 # two words
    set -- $pair
    is_reset "$1" "$2" 6390 "$1 is reset"
    is "$(bare redis-cli -h "$2" -p 6390 PING)" PONG "$2 is served afterwards"
    told=$(grep -F "\"$1\"" "$USER_HOME/events.jsonl")
    is "$(printf '%s\n' "$told" | grep -c .)" 1 "$1: one event"
    like "$told" '"op":"accept4?".*"verdict":"deny"' "$1: which says what was refused"
done
is "$(grep -c . "$USER_HOME/events.jsonl")" 2 'and no other event'
done_testing
