#!/bin/sh
# SPDX-License-Identifier: MIT
# Libraries that are opened past the hooks: RTLD_DEEPBIND, namespaces of their own, modules that libc itself opens for
# nsswitch.conf, and PHP, which opens each of its extensions deep.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
add_addresses 198.51.100.80
mkdir deep deeper
compile() { # compile OUTPUT WORDS...
    output=$1
    shift
    ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -o "$output" "$@" || { ok 1 "$output compiles"; done_testing; }
}
compile opened "$TESTS/programs/opened.c" -ldl -Wl,--enable-new-dtags,-rpath,"$SCRATCH/deep"
for name in plain deep lazy base; do
    compile deep/lib$name.so -DPLUGIN -fPIC -shared "$TESTS/programs/opened.c" -ldl -Wl,--enable-new-dtags,-rpath,"$SCRATCH/deeper"
done
compile deeper/libdeeper.so -DPLUGIN -fPIC -shared "$TESTS/programs/opened.c" -ldl
http_server 198.51.100.80 8080

log="log = { to = \"file:$USER_HOME/events.jsonl\"; what = \"denied\"; };"
echo 'version = 1; deny_to = [ "203.0.113.0/24" ];' >allowed.conf
echo "version = 1; $log deny_to = [ \"198.51.100.80\" ];" >refused.conf
echo "version = 1; $log deny_to = [ \"198.51.100.80\" ]; unprotected = \"deny\";" >strict.conf

bare ./opened 198.51.100.80 8080 >without
is "$(grep -c ': Success, opens its own: 1$' without)" 5 'without the object all ways lead to the server'
if ! sanitized; then
    is "$(shimmed "$SCRATCH/allowed.conf" ./opened 198.51.100.80 8080)" "$(cat without)" 'and with it, where that is allowed'
    shimmed "$SCRATCH/refused.conf" ./opened 198.51.100.80 8080 >refused
    is "$(grep -v 'new namespace' refused)" "$(grep -v 'new namespace' without | sed 's/Success/Permission denied/')" \
        'every library of the namespace is refused, and found as before'
    like "$(cat "$USER_HOME/events.jsonl")" '"op":"dlmopen".*"verdict":"warn"' 'a namespace of its own is told of'
    like "$(shimmed "$SCRATCH/strict.conf" ./opened 198.51.100.80 8080)" '^new namespace: .*invalid.*namespace' \
        'and refused where what is unprotected is'
else
    skip 'a sanitizer does not bear RTLD_DEEPBIND and namespaces' 'libraries under a sanitizer'
fi

# A module that libc opens by itself for nsswitch.conf: its calls are hooked like all others.
cat >module.c <<'END'
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdio.h>
#include <string.h>
int plugin_connect(const char *address, int port);
enum nss_status _nss_probe_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                                            size_t size, int *error, int *host_error);
enum nss_status _nss_probe_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                                            size_t size, int *error, int *host_error)
{
    (void)name, (void)family, (void)host, (void)buffer, (void)size;
    fprintf(stderr, "module: %s\n", strerror(plugin_connect("198.51.100.80", 8080)));
    *error = ENOENT;
    *host_error = HOST_NOT_FOUND;
    return NSS_STATUS_NOTFOUND;
}
END
compile deep/libnss_probe.so.2 -DPLUGIN -fPIC -shared module.c "$TESTS/programs/opened.c" -ldl
echo 'hosts: probe' >nsswitch.conf
if mount --bind nsswitch.conf /etc/nsswitch.conf; then
    capture bare env LD_LIBRARY_PATH="$SCRATCH/deep" getent ahostsv4 name.test
    like "$ERR" '^module: Success$' 'a module of nsswitch.conf connects'
    capture shimmed "$SCRATCH/refused.conf" env LD_LIBRARY_PATH="$SCRATCH/deep" getent ahostsv4 name.test
    like "$ERR" '^module: Permission denied$' 'or is refused'
    umount /etc/nsswitch.conf
else
    skip 'files cannot be mounted over' 'modules of nsswitch.conf'
fi

# PHP.
need php php-cli
php -m | grep -qx curl || { skip 'PHP has no curl (Debian: php-curl)' opened.sh; done_testing; }
# shellcheck disable=SC2016 # PHP's variables
fetch='$c = curl_init("http://198.51.100.80:8080/"); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); $r = curl_exec($c);
echo $r === false ? curl_error($c) : $r; $s = @fsockopen("198.51.100.80", 8080, $n, $t, 3); echo $s ? "open" : $t, "\n";
$s = @fsockopen("localhost", 8080, $n, $t, 3); echo $s ? "open" : $t, "\n";'
bare php -r "$fetch" >without
is "$(head -n 1 without)" served 'PHP and its curl without the object'
is "$(shimmed "$SCRATCH/allowed.conf" php -r "$fetch")" "$(cat without)" 'the same with it'
capture shimmed "$SCRATCH/refused.conf" php -r "$fetch"
unlike "$OUT" 'served|^open' 'both are refused by a policy'
like "$OUT" "Couldn't connect to server|Permission denied" 'as programs know it'
done_testing
