#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx as an ordinary user: a refused peer is reset, the next allowed one is served, however its loop is set up.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need nginx nginx-light
need curl curl
enter_net
scratch

add_addresses 192.0.2.1 192.0.2.66 2001:db8::1 2001:db8:66::1
cat >policy.conf <<'END'
version = 1;
rules = (
  { name = "stranger"; action = "deny"; from = [ "192.0.2.66", "2001:db8:66::/48" ]; },
  { name = "told"; action = "deny"; from = "192.0.2.67"; errno = "ECONNABORTED"; },
  { name = "port"; action = "deny"; on = "any"; port = 10000; errno = "EIO"; }
);
END
mkdir "$USER_HOME/nginx" www
echo served >www/index.html
chmod -R a+rX www
[ "$TEST_UID" -ne 0 ] || chown 65534:65534 "$USER_HOME/nginx"

configure() { # configure EVENT-DIRECTIVE PORT
    cat <<END
daemon off;
worker_processes 2;
pid $USER_HOME/nginx/pid;
error_log $USER_HOME/nginx/error.log info;
events { worker_connections 64; $1; }
http {
    access_log off;
    client_body_temp_path $USER_HOME/nginx/body;
    proxy_temp_path $USER_HOME/nginx/proxy;
    fastcgi_temp_path $USER_HOME/nginx/fastcgi;
    uwsgi_temp_path $USER_HOME/nginx/uwsgi;
    scgi_temp_path $USER_HOME/nginx/scgi;
    server { listen 0.0.0.0:$2; listen [::]:$2; root $SCRATCH/www; }
}
END
}

# What the scheduler has charged to the workers, in ticks.
ticks() {
    tr ' ' '\n' <"/proc/$SERVER/task/$SERVER/children" | while read -r pid; do
        cat "/proc/$pid/stat"
    done | awk '{ sum += $14 + $15 } END { print sum + 0 }'
}

for loop in 'multi_accept off' 'multi_accept on' 'accept_mutex on'; do
    configure "$loop" 8080 >nginx.conf
    : >"$USER_HOME/nginx/error.log"
    chmod 666 "$USER_HOME/nginx/error.log"
    background env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" \
        nginx -c "$SCRATCH/nginx.conf" -e stderr
    wait_for 10 listens 8080 || { ok 1 "$loop: nginx starts"; cat servers.log; }

    for pair in '192.0.2.66 192.0.2.1 127.0.0.1 127.0.0.1' '2001:db8:66::1 2001:db8::1 ::1 [::1]'; do
        # shellcheck disable=SC2086 # four words
        set -- $pair
        is_reset "$1" "$3" 8080 "$loop: $1 is reset"
        capture bare curl -sS --interface "$2" "http://$4:8080/"
        is "$STATUS $OUT" '0 served' "$loop: $2 is served"
    done

    # Twenty refused peers at once, then an allowed one: no event is lost, and nobody spins afterwards.
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        bare curl -sS --interface 192.0.2.66 http://127.0.0.1:8080/ >/dev/null 2>&1 &
        clients="${clients:-} $!"
    done
    capture bare curl -sS http://127.0.0.1:8080/ http://127.0.0.1:8080/
    is "$OUT" "$(printf 'served\nserved')" "$loop: served among a flood of refused peers"
    # shellcheck disable=SC2086 # a list
    wait $clients
    clients=''
    before=$(ticks)
    sleep 0.5
    [ $(($(ticks) - before)) -le 10 ]
    ok $? "$loop: the workers are at rest afterwards"
    unlike "$(cat "$USER_HOME/nginx/error.log")" 'accept4?\(\) failed|epoll_wait\(\) failed' \
        "$loop: nginx never heard of the refused peers"
    stop_servers
done

configure "multi_accept off" 10000 >nginx.conf
capture shimmed "$SCRATCH/policy.conf" nginx -c "$SCRATCH/nginx.conf" -e stderr
is "$STATUS" 1 'a refused port: nginx does not start'
like "$ERR" 'bind\(\) to .*:10000 failed \(5: Input/output error\)' 'a refused port: nginx shows the errno'
done_testing
