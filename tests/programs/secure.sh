#!/bin/sh
# SPDX-License-Identifier: MIT
# AT_SECURE: in a set-user-id program the system's policy holds, as it was compiled, and nothing that its user says counts.
# The object is preloaded into one only by a bare name out of a trusted folder, and with its own set-user-id bit.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
[ "${TEST_INSIDE:-$TEST_UID}" -eq 0 ] || { skip 'only root can make a set-user-id file of its own' secure.sh; done_testing; }
if sanitized; then
    skip 'a sanitizer has no business in a set-user-id program' secure.sh
    done_testing
fi
enter_net
scratch
helper secure

# The library folder with the object in it, the system's folders, and files with a set-user-id bit that counts: all in
# this mount namespace only.
libraries=/usr/lib/$(${CC:-gcc} -print-multiarch 2>/dev/null)
mkdir etc
cp -RL /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives etc 2>/dev/null
mount -t tmpfs -o mode=755,suid tmpfs /mnt || exit 1
mkdir /mnt/upper /mnt/work
if ! mount -t overlay -o "lowerdir=$libraries,upperdir=/mnt/upper,workdir=/mnt/work" overlay "$libraries"; then
    skip 'no overlay file system here' secure.sh
    done_testing
fi
mount -t tmpfs -o mode=755 tmpfs /etc && mount -t tmpfs -o mode=755 tmpfs /var/lib || exit 1
cp -R etc/. /etc
mkdir -p /etc/sockade /var/lib/sockade
cp "$LIBSOCKADE" "$libraries/libsockade.so"
cp "$SOCKADE" "$libraries/sockade" # beside the object, where it would be looked for
chmod 4755 "$libraries/libsockade.so"
cp secure /mnt/secure
cp secure /mnt/group
chmod 4755 /mnt/secure
chmod 2755 /mnt/group

house() { # house ERRNO: the system's policy
    cat >/etc/sockade/policy.conf <<END
version = 1;
rules = ( { name = "house"; action = "deny"; to = "127.0.0.1"; port = 8083; errno = "$1"; } );
END
}
user_rule() { # user_rule PORT ERRNO
    echo "version = 1; rules = ( { name = \"mine\"; action = \"deny\"; to = \"127.0.0.1\"; port = $1; errno = \"$2\"; } );"
}
house EPERM
capture "$SOCKADE" compile --system
is "$STATUS" 0 "the system's policy is compiled"
mkdir -p "$USER_HOME/.config/sockade"
user_rule 8081 EHOSTDOWN >"$USER_HOME/.config/sockade/policy.conf"
user_rule 8082 ENETDOWN >named.conf
chown -R 65534:65534 "$USER_HOME"

# Ports 8081, 8082, 8083 are refused by the user's own policy, by the one in SOCKADE_POLICY, by the system's. Nobody listens.
plain() { # plain CMD...: as an ordinary user, who may gain privileges
    HOME=$USER_HOME timeout 20 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"
}
try() { # try PROGRAM [VARIABLE=VALUE...]: preloaded by its bare name
    tried=$1
    shift
    capture plain env LD_PRELOAD=libsockade.so "$@" "$tried" 8081 8082 8083
}
system_image() {
    stat -c '%n %i %Y %Z %s' /var/lib/sockade/*
}
traces() { # what was written for the user, for root, or in memory
    find "$USER_HOME" /root/.cache/sockade /root/.local/state/sockade /dev/shm/sockade-0 /dev/shm/sockade-65534 \
        -newer stamp ! -type d 2>/dev/null
}

capture plain /mnt/secure 8081 8082 8083
is "$OUT" 'secure as 0, bare, not pinned, no child: ECONNREFUSED ECONNREFUSED ECONNREFUSED' 'bare: nothing is refused'
try ./secure
is "$OUT$ERR" 'plain as 65534, preloaded, pinned, no child: EHOSTDOWN ECONNREFUSED EPERM' "plain: the user's policy holds"
try ./secure SOCKADE_POLICY="$SCRATCH/named.conf"
is "$OUT$ERR" 'plain as 65534, preloaded, pinned, no child: ECONNREFUSED ENETDOWN EPERM' 'plain: the named one holds'

only='preloaded, not pinned, no child: ECONNREFUSED ECONNREFUSED EPERM'
image=$(system_image)
touch stamp
for program in secure group; do
    who="secure as 0, $only"
    [ $program = secure ] || who="secure as 65534, $only"
    try /mnt/$program
    is "$OUT$ERR" "$who" "$program: the system's policy alone holds"
    try /mnt/$program SOCKADE_POLICY="$SCRATCH/named.conf"
    is "$OUT$ERR" "$who" "$program: SOCKADE_POLICY counts for nothing"
    try /mnt/$program SOCKADE_POLICY=relative
    is "$OUT$ERR" "$who" "$program: nor does a bad one"
    try /mnt/$program XDG_CONFIG_HOME="$SCRATCH" XDG_STATE_HOME="$SCRATCH" XDG_CACHE_HOME="$SCRATCH"
    is "$OUT$ERR" "$who" "$program: nor do folders"
    capture plain env LD_PRELOAD=libsockade.so SOCKADE_PINNED="1:0:$SCRATCH/named.conf" /mnt/$program 8081 8082 8083
    is "$OUT$ERR" "$(echo "$who" | sed 's/not pinned/pinned/')" "$program: nor does a pin"
    capture plain env LD_PRELOAD=libsockade.so SOCKADE_PINNED=rubbish /mnt/$program 8081 8082 8083
    is "$OUT$ERR" "$(echo "$who" | sed 's/not pinned/pinned/')" "$program: nor a broken one"
done
is "$(traces)" '' 'nothing was written: no log, no image'
is "$(system_image)" "$image" "the system's image is as it was"

# A stale image is not compiled again.
sleep 0.02
house ENETRESET
try /mnt/secure
is "$OUT" "secure as 0, $only" 'stale: the last good image holds'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'stale: one line on stderr says so'
is "$(system_image)" "$image" 'stale: it is not compiled again'
is "$(traces)" '' 'stale: nothing was written'
try /mnt/secure SOCKADE_ON_ERROR=allow
is "$OUT" "secure as 0, $only" 'stale: SOCKADE_ON_ERROR counts for nothing'
try ./secure
is "$OUT$ERR" 'plain as 65534, preloaded, pinned, no child: EHOSTDOWN ECONNREFUSED ENETRESET' \
    'stale: a plain program compiles one for its user'
try /mnt/secure
is "$OUT" "secure as 0, $only" "stale: which no set-user-id program takes"

# Without an image everything is closed; the one that the user compiled above counts for nothing.
touch stamp
rm /var/lib/sockade/*.image
try /mnt/secure
is "$OUT" 'secure as 0, preloaded, not pinned, no child: EACCES EACCES EACCES' 'no image: everything is closed'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'no image: one line on stderr'
try /mnt/secure SOCKADE_ON_ERROR=allow
is "$OUT" 'secure as 0, preloaded, not pinned, no child: EACCES EACCES EACCES' 'no image: whatever the user wants'
is "$(find /var/lib/sockade -name '*.image')$(traces)" '' 'no image: none was made'
capture plain env LD_PRELOAD=libsockade.so /mnt/secure 8081 2>&-
is "$OUT" 'secure as 0, preloaded, not pinned, no child: EACCES' 'no image: nor with stderr closed'

# The log: of the system's layer on stderr, in no file.
cat >/etc/sockade/policy.conf <<END
version = 1;
log = { to = "stderr"; };
deny_to = [ "127.0.0.1:8083" ];
END
"$SOCKADE" compile --system --quiet
try /mnt/secure
like "$ERR" '"op":"connect","dst":"127.0.0.1","port":8083.*"layer":"system"' "the system's log on stderr"
echo 'version = 1; log = { to = "file:/var/lib/sockade/log"; }; deny_to = [ "127.0.0.1:8083" ];' >/etc/sockade/policy.conf
"$SOCKADE" compile --system --quiet
try /mnt/secure
is "$OUT$ERR" 'secure as 0, preloaded, not pinned, no child: ECONNREFUSED ECONNREFUSED EACCES' 'refused all the same'
[ ! -e /var/lib/sockade/log ]
ok $? 'a set-user-id program writes no log file'

# Without a system policy there is nothing to hold.
rm /etc/sockade/policy.conf
try /mnt/secure SOCKADE_POLICY="$SCRATCH/named.conf"
is "$OUT$ERR" 'secure as 0, preloaded, not pinned, no child: ECONNREFUSED ECONNREFUSED ECONNREFUSED' \
    'no system policy: everything is allowed, in silence'
done_testing
