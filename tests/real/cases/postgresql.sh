# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# PostgreSQL: initdb, a server with its helpers, pgbench with threads, queries of all kinds, a dump, notifications.
program='PostgreSQL, pgbench'
needs='/usr/lib/postgresql/*/bin/initdb:postgresql psql:postgresql-client'
seconds=120
at() {
    for folder in /usr/lib/postgresql/*/bin; do :; done
    name=$1
    shift
    "$folder/$name" "$@"
}
version() { at postgres --version; }
run() {
    export PGHOST="$HOME" PGDATABASE=postgres
    at initdb -D data -A trust -N --no-instructions -U tester >initdb.log 2>&1 || return
    tail -n 2 initdb.log
    for folder in /usr/lib/postgresql/*/bin; do :; done
    serve "$folder/postgres" -D data -k "$HOME" -c listen_addresses=127.0.0.1,::1 -c fsync=off -c port=5432
    ready 5432 || return
    wait_for 20 at pg_isready -q
    pgbench=$folder/pgbench
    "$pgbench" -q -i -s 1 2>&1 | tail -n 1
    "$pgbench" -h 127.0.0.1 -c 8 -j 2 -t 50 2>&1 | grep -E '^(number|transaction|scaling)'
    "$pgbench" -h ::1 -c 4 -j 2 -t 50 -M prepared -S 2>&1 | grep -E '^(number|transaction|scaling)'
    at psql -X -h 127.0.0.1 -c 'select count(*), sum(abalance) = (select sum(delta) from pgbench_history) as fits from pgbench_accounts' \
        -c 'create table t as select g, md5(g::text) from generate_series(1, 20000) g' -c 'select count(*) from nothing' \
        -c 'set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0' \
        -c 'select count(*), max(md5) from t' -c "listen channel" -c "notify channel, 'told'" \
        -c "select inet_server_addr(), inet_client_addr(), inet_server_port()"
    at pg_dump -h localhost -t t | grep -v restrict | md5sum
    at psql -X -h 127.0.0.1 -p 5439 -c 'select 1'
    at psql -X -h 127.0.0.1 -A -t -c 'select 42'
    status=$?
    kill -TERM "$SERVED"
    kill -INT "$SERVED"
    wait "$SERVED"
    echo "the server ends with $?"
    return $status
}
normal() { sed -E 's/with PID [0-9]+/with PID/' | free_of_times; }
shows='^number of transactions actually processed: 400/400'
refusing='deny_to = [ "127.0.0.1:5432/tcp" ];'
refused_status=2
refused_shows='connection to server at "127.0.0.1", port 5432 failed: Permission denied'
