#!/bin/sh
# SPDX-License-Identifier: MIT
# sockade.h: a program asks whether it is shimmed, by which policy, and what that says; it hears what its calls meet.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper asking

cat >policy.conf <<END
version = 1;
log: { to = "file:$USER_HOME/events"; };
default: { listen = "deny"; };
rules = (
    { name = "mail"; action = "deny"; to = "any"; port = 25; errno = "ECONNREFUSED"; reason = "no spam"; },
    { name = "names"; action = "drop"; to = "192.0.2.53"; proto = "udp"; },
    { name = "kin"; action = "deny"; from = "198.51.100.0/24"; port = 22; },
    { name = "docker"; action = "deny"; to = "unix:/run/docker.sock"; },
    { name = "packets"; action = "deny"; family = "packet"; },
    { name = "odd"; action = "deny"; to = "192.0.2.64/26"; port = "52-55"; }
);
END
asks() { capture shimmed "$SCRATCH/policy.conf" ./asking "$@"; }
says() { # says WANT NAME
    is "$OUT$ERR" "$1" "$2"
}

capture bare ./asking policy
says '-1ENOSYS' 'without the object there is no policy'
capture bare ./asking to 192.0.2.1 25 6
says '-1 ENOSYS' 'and no verdict'
capture as_user env LD_PRELOAD="$LIBSOCKADE" HOME=/nowhere ./asking policy
says 0 'preloaded without a policy it has no layer'
asks policy
says "user enforce $SCRATCH/policy.conf
$((14 + ${#SCRATCH} + 12))" 'the layer, its mode and path; and how long that is'
asks policy 10
says "user enfo$((14 + ${#SCRATCH} + 12))" 'cut to the buffer that is given'
asks policy 0
says "$((14 + ${#SCRATCH} + 12))" 'or none'

by=" of user $SCRATCH/policy.conf"
file=$SCRATCH/policy.conf
asks to 192.0.2.1 25 6
says "deny ECONNREFUSED by rule$by: 'mail' (no spam) $file:5" 'a refusal: errno, rule, reason, file and line'
asks to 2001:db8::1 26 6
says 'allow 0 by nothing' 'nothing holds'
asks to 192.0.2.53 5353 17
says "drop EACCES by rule$by: 'names' () $file:6" 'a drop'
asks to 192.0.2.53 5353 6
says 'allow 0 by nothing' 'the protocol counts'
asks to 192.0.2.53 5353 0
says "drop EACCES by rule$by: 'names' () $file:6" 'and where it is not known the stricter one does'
asks from 198.51.100.7 22 6
says "deny EACCES by rule$by: 'kin' () $file:7" 'from: the port is our own'
asks from 198.51.100.7 23 6
says 'allow 0 by nothing' 'and counts'
asks from 198.51.100.7 0 6
says "deny EACCES by rule$by: 'kin' () $file:7" 'strictly where it is not known'
asks on 192.0.2.1 80 6
says "deny EACCES by default$by" 'a default'
asks on 192.0.2.1 0 6
says 'allow 0 by kernel' "a client's bind is not judged"
asks unix /run/docker.sock
says "deny EACCES by rule$by: 'docker' () $file:8" 'a Unix path'
asks family 17
says "deny EAFNOSUPPORT by rule$by: 'packets' () $file:9" 'a family'
asks refused
says '-1 EINVAL
-1 EINVAL
-1 EINVAL
-1 EINVAL
-1 EINVAL
-1 EINVAL
-1 EINVAL
allow 0 by kernel' 'what cannot be asked is an error, or nothing to judge'
asks agrees 192.0.2.60 200
says '26 of 200 refused by both' 'connect says the same of 200 addresses'
asks handler 192.0.2.1 25
says 'ECONNREFUSED ECONNREFUSED ECONNREFUSED' 'from a handler, a thread of 16 KiB and a child of vfork'
is "$(grep -c '' "$USER_HOME/events")" 26 'asking leaves no event; the calls do'

sed 's/^version = 1;/& mode = "audit";/' policy.conf >audit.conf
capture shimmed "$SCRATCH/audit.conf" ./asking to 192.0.2.1 25 6
says "allow (audit) 0 by rule of user $SCRATCH/audit.conf: 'mail' (no spam) $SCRATCH/audit.conf:5" \
    'a layer that only observes'
echo 'version = ' >broken.conf
capture shimmed "$SCRATCH/broken.conf" ./asking policy
is "$OUT" "user closed $SCRATCH/broken.conf
$((13 + ${#SCRATCH} + 12))" 'a broken policy is called closed'
capture shimmed "$SCRATCH/broken.conf" ./asking to 192.0.2.1 25 6
is "$OUT" "deny EACCES by failure of user $SCRATCH/broken.conf" 'and refuses'

# A newer policy holds for the next question.
mkfifo go
shimmed "$SCRATCH/policy.conf" ./asking twice 192.0.2.1 25 <go >again &
exec 3>go
wait_for 10 grep -q . again
sed 's/port = 25/port = 24/' policy.conf >newer && mv newer policy.conf
as_user env SOCKADE_POLICY="$SCRATCH/policy.conf" "$SOCKADE" reload >/dev/null 2>&1
echo go >&3
exec 3>&-
wait $!
is "$(cat again)" 'ECONNREFUSED
0' 'an edit is followed'

plain=yes
if sanitized || counted; then plain=''; fi
LIBSOCKADE=$(preload_value) # for both widths
if [ -n "$plain" ] && [ "${LIBSOCKADE#*\$LIB}" != "$LIBSOCKADE" ] &&
    gcc -m32 -I"$ROOT" -D_GNU_SOURCE -o narrow "$TESTS/programs/asking.c" -lpthread 2>/dev/null; then
    capture shimmed "$SCRATCH/policy.conf" ./narrow to 192.0.2.1 24 6
    says "deny ECONNREFUSED by rule$by: 'mail' (no spam) $file:5" 'a 32-bit program hears the same'
    capture shimmed "$SCRATCH/policy.conf" ./narrow handler 192.0.2.1 24
    says 'ECONNREFUSED ECONNREFUSED ECONNREFUSED' 'from anywhere'
elif [ -n "$plain" ] && [ "$(uname -m)" = x86_64 ]; then
    skip 'gcc makes no 32-bit programs here' 'a 32-bit program hears the same'
fi

# The header for the strictest of users.
strict='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only'
echo '#include "include/sockade.h"' >includes.c
for way in 'gcc -std=gnu99' 'clang -std=gnu99' 'g++ -std=c++11 -x c++' 'clang++ -std=c++20 -x c++'; do
    command -v "${way%% *}" >/dev/null || continue
    # shellcheck disable=SC2086 # several words
    capture $way $strict -I"$ROOT" includes.c
    is "$STATUS$ERR" 0 "the header by $way"
done
done_testing
