#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs and other preloads that define names of libc's themselves: nobody calls theirs by mistake, and the policy holds.
# Mostly waits: runs beside the others.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
sanitized && { skip 'under a sanitizer, whose runtime calls them' own_names.sh; done_testing; }

add_addresses 192.0.2.66
cat >policy.conf <<'END_OF_TEXT'
version = 1;
rules = ( { name = "no-route"; action = "deny"; to = "192.0.2.66"; errno = "EHOSTUNREACH"; } );
END_OF_TEXT
echo 'version = 1;' >allow.conf
http_server 192.0.2.66 8080
helper own_names
helper own_connect

# equal_and_refused NAME PRELOADS CMD...: as bare where all is allowed; where it is refused every `connect 0` is another
equal_and_refused() {
    name=$1 preloads=$2
    shift 2
    capture bare env ${preloads:+LD_PRELOAD="$(printf %s "$preloads" | sed 's/SHIM://; s/:SHIM//; s/^SHIM$//')"} "$@"
    wanted="$STATUS $OUT $ERR"
    preloads=$(printf %s "$preloads" | sed "s|SHIM|$LIBSOCKADE|")
    capture as_user timeout 10 env LD_PRELOAD="$preloads" SOCKADE_POLICY="$SCRATCH/allow.conf" "$@"
    is "$STATUS $OUT $ERR" "$wanted" "$name: as bare"
    capture as_user timeout 10 env LD_PRELOAD="$preloads" SOCKADE_POLICY="$SCRATCH/policy.conf" "$@"
    is "$STATUS $OUT $ERR" "$(printf %s "$wanted" | sed -E 's/(connect|:) 0 /\1 -1 No route to host/')" "$name: refused"
}

equal_and_refused "other functions under libc's names" SHIM "$SCRATCH/own_names" 192.0.2.66 8080
equal_and_refused 'a connect of its own in front' SHIM "$SCRATCH/own_connect" 192.0.2.66 8080

# A preload that sees the start of the program, and so defines what marks libc.
cat >start.c <<'END_OF_TEXT'
#include <dlfcn.h>
typedef int start(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
start __libc_start_main;
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack)
{
    start *next;

    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    return next(main, argc, argv, init, fini, loader_fini, stack);
}
END_OF_TEXT
if ${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o start.so start.c; then
    for preloads in "SHIM:$SCRATCH/start.so" "$SCRATCH/start.so:SHIM"; do
        equal_and_refused "another's __libc_start_main ($(printf %s "$preloads" | sed "s|$SCRATCH/||"))" "$preloads" \
            "$SCRATCH/own_connect" 192.0.2.66 8080
    done
else
    ok 1 'start.c compiles'
fi

# A library that makes calls by their numbers, under libc's names: syscall(2) is ours again.
cat >by_number.c <<'END_OF_TEXT'
#include <sys/syscall.h>
long syscall(long number, ...);
#define NAME(name) long name(long a, long b, long c, long d, long e, long f) { return syscall(SYS_##name, a, b, c, d, e, f); }
NAME(socket)
NAME(connect)
NAME(sendto)
NAME(recvfrom)
NAME(sendmsg)
NAME(recvmsg)
NAME(read)
NAME(write)
NAME(poll)
NAME(setsockopt)
NAME(getsockopt)
NAME(getsockname)
long send(long a, long b, long c, long d) { return syscall(SYS_sendto, a, b, c, d, 0, 0); }
long recv(long a, long b, long c, long d) { return syscall(SYS_recvfrom, a, b, c, d, 0, 0); }
END_OF_TEXT
if ${CC:-cc} -w -fno-builtin -shared -fPIC -o by_number.so by_number.c; then
    for preloads in "SHIM:$SCRATCH/by_number.so" "$SCRATCH/by_number.so:SHIM"; do
        name="another's calls by number ($(printf %s "$preloads" | sed "s|$SCRATCH/||"))"
        equal_and_refused "$name" "$preloads" "$SCRATCH/own_connect" 192.0.2.66 8080
        preloads=$(printf %s "$preloads" | sed "s|SHIM|$LIBSOCKADE|")
        capture as_user timeout 20 env LD_PRELOAD="$preloads" SOCKADE_POLICY="$SCRATCH/allow.conf" curl -sS http://192.0.2.66:8080/
        is "$STATUS" 0 "$name: curl"
        capture as_user timeout 20 env LD_PRELOAD="$preloads" SOCKADE_POLICY="$SCRATCH/policy.conf" curl -sS http://192.0.2.66:8080/
        is "$STATUS" 7 "$name: curl is refused"
    done
else
    ok 1 'by_number.c compiles'
fi
done_testing
