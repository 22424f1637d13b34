#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade doctor`: each bad state is made on purpose, its remedy is carried out as it is printed, and then all is well.
. "${0%/*}/../lib.sh"
. "$TESTS/net.sh"
enter_net
unset SOCKADE_MUST_RUN # a variable that it does not know
scratch
cd "$USER_HOME" || exit 1
mine() { as_user tee "$1" >/dev/null; }
PATH=${SOCKADE%/*}:$PATH
doctor() { capture as_user env "PATH=$PATH" "$SOCKADE" doctor "$@"; }

# remedy KIND: the first remedy of that kind in $OUT
remedy() {
    printf '%s\n' "$OUT" | sed -n "s/^ *$1: //p" | head -n 1
}

# mends PATTERN: what doctor says fits, the remedy that it names is run, and doctor has nothing of the kind to say then
mends() {
    mends_pattern=$1
    shift
    doctor "$@"
    like "$OUT" "$mends_pattern" "told: $mends_pattern"
    line=$(remedy run)
    if [ -n "$line" ]; then
        as_user env "PATH=$PATH" sh -c "$line" >/dev/null 2>&1
    else
        line=$(remedy 'run as root')
        sh -c "$line" >/dev/null 2>&1
    fi
    ok $? "the remedy runs: $line"
    doctor "$@"
    unlike "$OUT" "$mends_pattern" 'and then that is mended'
}

# Pings: in a network of its own nobody may, as the kernel has it.
doctor
is "$STATUS" 1 'pings refused: exit 1'
like "$OUT" 'problem +ping +not possible: no group of yours \([0-9]+\) is in net.ipv4.ping_group_range' 'the group and the range'
mends 'problem +ping'
doctor
is "$STATUS" 0 'pings allowed: exit 0'
# A build without an object for 32 bits has that warning.
narrow=0 marks="['ok']"
[ -e "${LIBSOCKADE%/*}/32/libsockade.so" ] || [ ! -e /lib/ld-linux.so.2 ] || narrow=1 marks="['ok', 'warning']"
like "$OUT" '^(everything works|0 problems, 1 warning)$' 'all is well'
is "$(printf '%s\n' "$OUT" | grep -cE '^  (warning|problem)')" $narrow 'no warnings either'
like "$OUT" 'ok +object +.*libsockade.so, version [0-9.]+ as this command' 'object and command agree'
like "$OUT" 'ok +libc +GNU C library 2\.[0-9]+; the object asks for 2\.' 'what libc the object wants'
like "$OUT" 'ok +ping +possible: ping sockets are granted' 'pings'
like "$OUT" 'ok +kernel +Linux' 'the kernel'
capture as_user "$SOCKADE" doctor --json
is "$STATUS" 0 'the same as JSON'
is "$(printf '%s' "$OUT" | "$PYTHON" -c 'import json, sys
all = json.load(sys.stdin)
print(all["v"], all["problems"], all["warnings"], sorted({check["mark"] for check in all["checks"]}))')" \
    "1 0 $narrow $marks" 'which is JSON, and versioned'

# On a terminal there are colours and lines end before its edge; NO_COLOR is respected.
on_terminal() {
    as_user timeout 10 script -q -c "stty cols 80; env TERM=xterm $1 '$SOCKADE' doctor" /dev/null </dev/null | tr -d '\r'
}
on_terminal '' >screen
is "$(grep -c "$(printf '  \033\\[32mok     \033\\[0m')" screen | sed 's/^[0-9][0-9]*$/some/; s/^0$//')" some 'colours on a terminal'
is "$(on_terminal NO_COLOR=1 | grep -c "$(printf '\033')")" 0 'none with NO_COLOR'
is "$(on_terminal NO_COLOR=1 | awk 'length > 80 && / /  && $1 !~ /\//' | grep -vE '/libsockade|^ *(do|run):')" '' 'and no long lines'

# Under Sockade itself it tells what the kernel grants, not what the object makes of it.
printf 'version = 1;\n' | mine open.conf
capture as_user "$SOCKADE" run --policy open.conf -- "$SOCKADE" doctor
sanitized || like "$OUT" 'ok +preload +in force here: .*libsockade.so' 'under Sockade: that is told'
sanitized || like "$OUT" 'ok +ping +possible: ping sockets are granted' 'and so are the pings'

# Policies: none, a text without image, a stale image, a broken text, one that others may write to.
as_user mkdir -p .config/sockade
conf=.config/sockade/policy.conf
printf 'version = 1;\ndeny_to = [ "192.0.2.1" ];\n' | mine $conf
mends 'warning +image +user: there is none yet'
like "$OUT" 'ok +image +user: .*, fresh, made' 'the image is fresh'
like "$OUT" 'ok +policy +user: .*policy.conf, text of .*, 1 rule, trusted' 'the text, its owner and size'
like "$OUT" 'ok +log +user: .*/.local/state/sockade/events.jsonl, which is made with the first event' 'the log'
is "$(as_user find .local 2>/dev/null)" '' 'which doctor did not make'
sleep 0.02
printf 'version = 1;\ndeny_to = [ "192.0.2.2" ];\n' | mine $conf
mends 'warning +image +user: .* is stale: .*policy.conf has changed'
as_user chmod 666 $conf
mends 'problem +policy .*others may write to it'
as_user chmod 000 $conf
mends 'problem +policy .*Permission denied'
printf 'version = 1;\nrubbish\n' | mine $conf
doctor
is "$STATUS" 1 'a broken text: exit 1'
like "$OUT" 'problem +policy +user: 1 error in .*policy.conf:[234]: .*the last good image holds' 'the error and what holds'
capture as_user env "PATH=$PATH" sh -c "$(remedy run)"
like "$OUT$ERR" 'policy.conf:[234]: ' 'and the remedy shows it'
printf 'version = 1;\nmode = "audit";\nicmp = { translate = "never"; };\ndeny_to = [ "192.0.2.1" ];\n' | mine $conf
doctor
like "$OUT" 'warning +policy +user: its mode is "audit"' 'a policy that only observes'
like "$OUT" 'ok +ping +a policy says icmp.translate = "never"' 'a policy without pings'
capture as_user env SOCKADE_POLICY="$PWD/nowhere.conf" "$SOCKADE" doctor
like "$OUT" 'problem +policy +.*nowhere.conf does not exist' 'a policy that was named and is not there'
is "$(remedy run)" 'unset SOCKADE_POLICY SOCKADE_PINNED' 'and the remedy'
as_user rm $conf

# Where events go.
policy_with_log() {
    printf 'version = 1;\nlog = { to = "%s"; };\ndeny_to = [ "192.0.2.1" ];\n' "$1" | mine $conf
    as_user "$SOCKADE" compile --quiet
}
as_user mkdir logs
policy_with_log "file:$PWD/logs/events.jsonl"
doctor
is "$STATUS" 0 'a log that can be made'
if [ "$TEST_UID" -eq 0 ] || ! as_user sh -c 'chmod 500 logs && touch logs/x' 2>/dev/null; then
    as_user chmod 500 logs
    mends 'problem +log +user: .*events.jsonl cannot be made in .*/logs: Permission denied'
    as_user touch logs/events.jsonl && as_user chmod 400 logs/events.jsonl
    mends 'problem +log +user: .* cannot be written to: Permission denied'
else
    skip 'the user of this namespace may write everywhere' 'a log folder that cannot be written to'
fi
as_user rm -f logs/events.jsonl && as_user ln -s elsewhere logs/events.jsonl
mends 'problem +log +user: .* is not written to: it is no regular file'
as_user rm -f logs/events.jsonl && as_user touch logs/events.jsonl && as_user ln logs/events.jsonl logs/two
mends 'problem +log +user: .* is not written to: it has several names'
policy_with_log syslog
doctor
like "$OUT" '(ok|problem) +log +user: syslog, by /dev/log' 'syslog'
policy_with_log stderr
doctor
like "$OUT" 'ok +log +user: standard error' 'standard error'
mkdir full
mount -t tmpfs -o size=64k,mode=777 tmpfs full && head -c 1M /dev/zero >full/filler 2>/dev/null
policy_with_log "file:$PWD/full/events.jsonl"
doctor
like "$OUT" 'problem +log .*no space is left there' 'a file system that is full'
umount full
as_user rm $conf

# The environment.
capture as_user env SOCKADE_POLIC=x SOCKADE_ON_ERROR=allow "$SOCKADE" doctor
is "$STATUS" 0 'warnings alone: exit 0'
like "$OUT" 'warning +variables +nothing reads SOCKADE_POLIC$' 'a misspelt variable'
like "$OUT" 'warning +variables +SOCKADE_ON_ERROR=allow: a broken policy allows everything' 'the emergency exit'
capture as_user env SOCKADE_POLICY=policy.conf "$SOCKADE" doctor
like "$OUT" 'problem +variables +SOCKADE_POLICY is .policy.conf., which is no absolute path' 'a relative policy'
capture as_user env LD_PRELOAD="/no where/libsockade.so" "$SOCKADE" doctor
like "$OUT" 'problem +preload .*did not load it' 'LD_PRELOAD with a space'
line=$(remedy run)
capture as_user sh -c "$line; exec '$SOCKADE' doctor"
sanitized || like "$OUT" 'ok +preload +in force here: .*libsockade.so' 'and its remedy'
capture as_user env XDG_RUNTIME_DIR=/etc "$SOCKADE" doctor
if [ "$TEST_UID" -eq 0 ]; then
    like "$OUT" "warning +folders +XDG_RUNTIME_DIR is '/etc', which belongs to another user" 'a runtime folder of others'
fi

if [ "$TEST_UID" -eq 0 ]; then
    capture setpriv --ruid=65534 --clear-groups -- "$SOCKADE" doctor
    like "$OUT" 'problem +preload +real and effective user or group differ' 'two users at once'
fi

# An object of another version, and none.
mkdir other && cp "$SOCKADE" other/sockade && cp "$LIBSOCKADE" other/libsockade.so
version=$("$SOCKADE" --version | cut -d' ' -f2)
"$PYTHON" - other/libsockade.so "$version" <<'END'
import sys
bytes = open(sys.argv[1], "rb").read()
at = bytes.index(b"Sockade\0", 0)
version = bytes.index(sys.argv[2].encode(), at)
open(sys.argv[1], "wb").write(bytes[:version] + b"9" + bytes[version + 1:])
END
capture as_user other/sockade doctor
like "$OUT" "problem +object +.*other/libsockade.so is version 9.*, this command $version" 'an object of another version'
cp "$LIBSOCKADE" other/libsockade.so
capture as_user other/sockade doctor
like "$OUT" 'ok +object +.*other/libsockade.so, version' 'one of this version'
head -c 3000 "$LIBSOCKADE" >other/libsockade.so
capture as_user other/sockade doctor
is "$([ "$STATUS" -le 1 ] && echo told)" told 'an object that was cut short does no harm'
like "$OUT" 'problem +object' 'and is told'
mkdir 'with space' && cp other/sockade "$LIBSOCKADE" 'with space/'
capture as_user 'with space/sockade' doctor
like "$OUT" 'problem +object .*LD_PRELOAD cannot hold a path with a space' 'a folder that LD_PRELOAD cannot name'
# The system's policy: in an /etc and a /var/lib of our own.
mkdir etc && cp -RL /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache etc 2>/dev/null
mount -t tmpfs -o mode=755 tmpfs /etc && mount -t tmpfs -o mode=755 tmpfs /var/lib && cp -R etc/. /etc
mkdir /etc/sockade && printf 'version = 1;\ndeny_to = [ "192.0.2.1" ];\n' >/etc/sockade/policy.conf
mends 'warning +image +system: there is none yet'
like "$OUT" 'ok +image +system: /var/lib/sockade/.*\.image, fresh' "root's image is everybody's"
sleep 0.02
printf 'version = 1;\ndeny_to = [ "192.0.2.1", "192.0.2.2" ];\n' >/etc/sockade/policy.conf
mends 'warning +image +system: .* is stale: /etc/sockade/policy.conf has changed'
printf 'version = 1;\nrubbish\n' >/etc/sockade/policy.conf
doctor
like "$OUT" 'problem +policy +system: 1 error in /etc/sockade: .*the last good image holds' "the system's mistakes"
if [ "$TEST_UID" -eq 0 ]; then
    printf 'version = 1;\n' >/etc/sockade/policy.conf && chmod 600 /etc/sockade/policy.conf
    mends 'problem +policy +system: .*Permission denied'
fi
chmod 666 /etc/sockade/policy.conf && printf 'version = 1;\n' >/etc/sockade/policy.conf
mends 'problem +policy +system: .*others may write to it'
done_testing
