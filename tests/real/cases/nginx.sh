# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# nginx with two workers: files, ranges, a proxy to itself, a Unix socket. Refused: a client's address.
program='nginx, served to curl'
needs='nginx:nginx-light curl:curl'
quick=yes
version() { nginx -v; }
addresses='192.0.2.66'
setup() {
    mkdir www nginx
    echo served >www/index.html
    dd if=/dev/zero of=www/large bs=1000 count=3000
    cat >nginx.conf <<END_OF_FILE
daemon off;
worker_processes 2;
pid $HOME/nginx/pid;
error_log stderr warn;
events { worker_connections 64; }
http {
    access_log $HOME/access.log combined;
    client_body_temp_path nginx/body;
    proxy_temp_path nginx/proxy;
    fastcgi_temp_path nginx/fastcgi;
    uwsgi_temp_path nginx/uwsgi;
    scgi_temp_path nginx/scgi;
    sendfile on;
    server {
        listen 0.0.0.0:8080; listen [::]:8080; listen unix:$HOME/nginx/socket;
        root $HOME/www;
        location /proxied/ { proxy_pass http://unix:$HOME/nginx/socket:/; }
        location /away/ { proxy_pass http://127.0.0.1:8081/; }
    }
}
END_OF_FILE
}
run() {
    serve nginx -p "$HOME" -c nginx.conf -e stderr
    ready 8080 || return
    for url in http://127.0.0.1:8080/ http://[::1]:8080/ http://127.0.0.1:8080/proxied/ http://127.0.0.1:8080/nothing; do
        bare curl -sS -w '%{http_code} %{size_download}\n' "$url"
    done
    bare curl -sS --unix-socket nginx/socket http://nginx/
    bare curl -sS -r 100-199 -o part -w '%{http_code} %{size_download}\n' http://127.0.0.1:8080/large
    bare curl -sS -o large -w '%{http_code} %{size_download}\n' http://127.0.0.1:8080/proxied/large
    bare curl -sS -o gone -w '%{http_code}\n' http://127.0.0.1:8080/away/
    status=0
    bare curl -sS --interface 192.0.2.66 http://192.0.2.66:8080/ || status=1
    kill -QUIT "$SERVED"
    wait "$SERVED"
    echo "nginx ends with $?"
    sed -E 's/\[.*\]/DATE/' access.log | sort # two workers write it
    sed -E 's/^.*\] [0-9]+#[0-9]+: //' server.log
    return $status
}
shows='^206 100'
refusing='deny_from = [ "192.0.2.66:8080/tcp" ];'
refused_status=1 # curl says 7 or 56: its connect may still be under way when the reset comes
refused_shows='^curl: \((56\) Recv failure: Connection reset by peer|7\) Failed to connect to 192.0.2.66)'
