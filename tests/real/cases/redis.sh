# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# redis with its own benchmark: every kind of command from fifty clients, with two threads for the network.
program='redis, redis-benchmark'
needs='redis-cli:redis-tools redis-benchmark:redis-tools redis-check-rdb:redis-tools'
version() { redis-cli --version; }
setup() {
    # Debian's redis-tools has the server under another name; it looks at the one it was started by.
    ln -s "$(command -v redis-server || command -v redis-check-rdb)" redis-server
}
run() {
    serve ./redis-server --port 6379 --bind 127.0.0.1 ::1 --save '' --appendonly no --io-threads 2 --io-threads-do-reads yes \
        --unixsocket socket --dir .
    ready 6379 || return
    redis-benchmark -n 1000 -c 50 -P 4 --csv | cut -d , -f 1
    redis-benchmark -s socket -t set,get,mset -n 1000 -d 4000 --csv | cut -d , -f 1
    redis-benchmark -h ::1 --threads 2 -t incr,lpush -n 1000 --csv | cut -d , -f 1
    {
        printf 'FLUSHALL\nSET key value\nGET key\nINCRBY number 41\nRPUSH list a b c\nLRANGE list 0 -1\nSETRANGE long 1000000 end\n'
        printf 'MULTI\nINCR number\nEXEC\nEVAL "return redis.call(\\"GET\\", \\"number\\")" 0\nNOSUCH\nGET list\n'
    } | redis-cli
    redis-cli -p 6389 PING
    redis-cli PING
    status=$?
    redis-cli -s socket SHUTDOWN NOSAVE
    wait "$SERVED"
    echo "redis ends with $?"
    return $status
}
shows='^"MSET \(10 keys\)"'
refusing='deny_to = [ "127.0.0.1:6379/tcp" ];'
refused_status=1
refused_shows='^Could not connect to Redis at 127.0.0.1:6379: Permission denied'
