#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Programs that are built with a sanitizer, or run by valgrind, gdb and strace: they say what they say bare, nothing of ours is
# reported, a mistake of the program's is found as before, and the policy holds.
#
# usage: checkers.sh           valgrind's memcheck and gcc's address sanitizer
#        CHECKERS=all ...      all of both, and the debuggers (tests/long/checkers.sh)
#
# The address sanitizer's shared runtime ends a program that has any preload in front of it, unless ASAN_OPTIONS has
# verify_asan_link_order=0.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
sanitized && { skip 'under a sanitizer, of which a process bears one' checkers.sh; done_testing; }
: "${CHECKERS:=gcc-address memcheck}"
[ "$CHECKERS" != all ] || CHECKERS='gcc-address gcc-undefined gcc-thread gcc-leak clang-address clang-undefined clang-thread
    clang-leak clang-memory memcheck helgrind drd callgrind gdb strace' ALL=yes

add_addresses 192.0.2.66
cp "$TESTS/programs/company.conf" policy.conf
http_server :: 8080
helper company
cat >mistake.c <<'END_OF_FILE'
#include <stdlib.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    char *volatile small = malloc(4);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[0], "0123456789", 10, 0);
    recv(pair[1], small, 10, 0);
    return small[0] == 0;
}
END_OF_FILE

# says PRELOAD CMD...: what it says without process ids, addresses and counts, and its status; $OUT
says() {
    preload=$1
    shift
    capture as_user timeout 120 env ${preload:+LD_PRELOAD="$preload"} SOCKADE_POLICY="$SCRATCH/policy.conf" \
        ASAN_OPTIONS=verify_asan_link_order=0 "$@"
    OUT=$(printf '%s\n%s\nstatus %s\n' "$OUT" "$ERR" "$STATUS" |
        sed -E 's/==[0-9]+==//; s/0x[0-9a-f]+/ADDRESS/g; s/(LWP|process|pid|\[pid) +[0-9]+/\1 PID/g
            /Command:|total heap usage|refs:|Collected/d; s/suppressed: [0-9]+ from [0-9]+/suppressed: SOME/' | sed -E "/^$/d; /^(${unsaid:-nothing})/d")
}

# same NAME CMD...: bare and preloaded, where two lines are refused
same() {
    name=$1
    shift
    says '' "$@"
    alone=$OUT
    says "$LIBSOCKADE" "$@"
    is "$OUT" "$(printf '%s\n' "$alone" | sed -E 's/^((here|a child without an environment): .*): .*/\1: No route to host/')" "$name"
}

# finds PATTERN NAME CMD...: the program's mistake, with the object too
finds() {
    pattern=$1 name=$2
    shift 2
    [ "${ALL:-}" = yes ] || return
    says "$LIBSOCKADE" "$@"
    like "$OUT" "$pattern" "$name finds a mistake all the same"
}

sanitizer() {
    compiler=${1%-*} kind=${1#*-}
    for program in "$TESTS/programs/company.c" mistake.c; do
        "$compiler" -std=gnu11 -D_GNU_SOURCE -g -O1 -w "-fsanitize=$kind" -o "$(basename "$program" .c)-$1" "$program" -lpthread ||
            { skip "$compiler has no $kind sanitizer here" "checkers: $1"; return; }
    done
    unsaid=''
    [ "$1" != gcc-address ] || unsaid='a child without an environment|ASan runtime does not come first' # it has no ASAN_OPTIONS
    same "$1" "$SCRATCH/company-$1" 192.0.2.66 8080
    unsaid=''
    [ "$kind" != address ] || finds 'heap-buffer-overflow' "$1" "$SCRATCH/mistake-$1"
}

for checker in $CHECKERS; do
    case $checker in
    gcc-* | clang-*)
        command -v "${checker%-*}" >/dev/null || { skip "${checker%-*} is not installed" "checkers: $checker"; continue; }
        sanitizer "$checker"
        ;;
    memcheck)
        same "$checker" valgrind --leak-check=full --show-leak-kinds=all --track-origins=yes "$SCRATCH/company" 192.0.2.66 8080
        ${CC:-cc} -g -O1 -w -o mistake mistake.c && finds 'points to unaddressable' "$checker" valgrind "$SCRATCH/mistake"
        ;;
    helgrind | drd) same "$checker" valgrind "--tool=$checker" "$SCRATCH/company" 192.0.2.66 8080 ;;
    callgrind) same "$checker" valgrind --tool=callgrind --callgrind-out-file=/dev/null "$SCRATCH/company" 192.0.2.66 8080 ;;
    *)
        command -v "$checker" >/dev/null || { skip "$checker is not installed" "checkers: $checker"; continue; }
        set -- strace -f -o /dev/null
        [ "$checker" != gdb ] || set -- gdb -nx -batch -ex 'set print thread-events off' -ex run -ex 'print 40 + 2' --args
        same "$checker" "$@" "$SCRATCH/company" 192.0.2.66 8080
        ;;
    esac
done
done_testing
