#!/bin/sh
# SPDX-License-Identifier: MIT
# Every system call that the object makes fails once, at the start, in decisions, in events, at reloads, at the look at
# programs, and in translation: no crash, no hang, nothing that is refused is reached, and afterwards all is as it was.
# STEP=0 has each call fail with each errno that it may have; otherwise every STEP-th does with one.
# shellcheck disable=SC2086 # variables of several words
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
: "${STEP:=9}"
sanitized && { skip 'a sanitizer makes calls of its own' faults.sh; done_testing; }
helper faults
helper faulted
# shellcheck source=tests/moments.sh
. "$TESTS/moments.sh"
for range in '0 2147483647' '0 0'; do
    echo "$range" >/proc/sys/net/ipv4/ping_group_range && break
done 2>/dev/null

silent='what = "none";'
policy EHOSTDOWN "$silent" >plain.conf
policy EHOSTDOWN "what = \"denied\"; to = \"file:$folder/log/%p.jsonl\"; limit = 100000; max_size = 600;" >log.conf
policy EHOSTDOWN "what = \"denied\"; to = \"stderr\"; limit = 100000;" >stderr.conf
policy EHOSTDOWN "$silent" 'unprotected = "deny";' >exec.conf
echo 'version = 1; this is none' >broken.conf

# shellcheck disable=SC2086
inject() { # inject NAME SCENARIO POLICY [OPTION...]
    name=$1 scenario=$2 chosen=$3
    shift 3
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || return 0
    capture as_runtime_user ${chosen:+SOCKADE_POLICY=$chosen} FAULTS_FOLDER="$folder" \
        timeout 900 "$SCRATCH/faults" "$LIBSOCKADE" "${HOW:-each}" "$STEP" "$@" "$SCRATCH/faulted" "$scenario" 2>&1
    [ "$STATUS" -ne 77 ] || { skip 'processes cannot be traced here' "$name"; return; }
    like "$OUT" '^[1-9][0-9]* calls, [0-9]+ runs, 0 wrong$' "$name: $(printf '%s\n' "$OUT" | tail -n 1)" || note said "$(printf '%s\n' "$OUT$ERR" | tail -n 30)"
}
for policy in plain log stderr exec; do
    as_runtime_user "$SOCKADE" compile --quiet "$SCRATCH/$policy.conf" || ok 1 "$policy.conf compiles"
done

inject start start "$SCRATCH/plain.conf" -w
inject 'start without a policy' start-without '' -w
for what in connect send bind accept receive; do
    inject $what $what "$SCRATCH/plain.conf"
done
inject 'log to a file' log "$SCRATCH/log.conf"
inject 'log to stderr' log "$SCRATCH/stderr.conf"
rm -f "$run"/sockade/*
inject 'start of a broken policy' start-broken "$SCRATCH/broken.conf" -w
inject 'start with the compiler' start "$SCRATCH/plain.conf" -w -f "$run/sockade"
rm -f "$run"/sockade/*

# Newer images, and a newer text. Only the elected thread's calls fail; what changes the files is no call of the object.
newer_images "$silent"
inject reload reload "$folder/policy.conf"
inject 'look at the text' follow "$folder/policy.conf"

# Programs that are to be refused.
cat >static.c <<'C'
#include <arpa/inet.h>
#include <sys/socket.h>
int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr.s_addr = htonl(0x7f000009)};
    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}
C
if ${CC:-cc} -static -o "$folder/static" static.c 2>/dev/null; then
    printf '#!%s\n' "$folder/static" >"$folder/script"
    cp "$folder/static" "$folder/unreadable"
    chmod 755 "$folder/script"
    chmod 711 "$folder/unreadable"
    PATH=$folder:$PATH
    inject exec exec "$SCRATCH/exec.conf"
else
    skip 'no static libc here' 'faults.sh: exec'
fi
inject spawn spawn "$SCRATCH/exec.conf"

if as_user "$SCRATCH/faulted" ping-open >/dev/null || true; then
    inject 'open a raw socket' ping-open "$SCRATCH/plain.conf"
    inject 'a raw socket' ping "$SCRATCH/plain.conf"
fi
done_testing
