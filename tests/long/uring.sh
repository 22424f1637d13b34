#!/bin/sh
# SPDX-License-Identifier: MIT
# io_uring of liburing and of a program with its own code for it (fio): there while the policy refuses nothing, and not there
# while something may be refused.
. "${0%/*}/../lib.sh"
[ -e /usr/include/liburing.h ] || { skip 'liburing is not installed (Debian: liburing-dev)' uring.sh; done_testing; }
command -v gcc >/dev/null || { skip 'gcc is not installed' uring.sh; done_testing; }
scratch
cat >ring.c <<'END'
#include <liburing.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    struct io_uring_params params = {0};
    struct io_uring ring;

    printf("%d ", io_uring_queue_init(8, &ring, 0));
    printf("%d ", io_uring_queue_init_params(8, &ring, &params));
    printf("%d\n", syscall(SYS_io_uring_setup, 8, &params) >= 0);
    return 0;
}
END
gcc -D_GNU_SOURCE -o ring ring.c -luring
ok $? 'a program with liburing'
case $(./ring) in '0 0 1') ;; *) skip "this kernel has no io_uring" uring.sh; done_testing ;; esac
echo 'version = 1;' >allow.conf
echo 'version = 1; deny_to = [ "203.0.113.7" ];' >deny.conf

is "$(LD_PRELOAD=$LIBSOCKADE ./ring)" '0 0 1' 'no policy: there'
is "$(LD_PRELOAD=$LIBSOCKADE SOCKADE_POLICY=$SCRATCH/allow.conf ./ring)" '0 0 1' 'nothing refused: there'
is "$(LD_PRELOAD=$LIBSOCKADE SOCKADE_POLICY=$SCRATCH/deny.conf ./ring)" '-38 -38 0' 'something may be refused: ENOSYS'

if command -v fio >/dev/null; then
    # work POLICY: fio reads a file by io_uring
    work() {
        capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/$1.conf" \
            fio --name=x --filename="$SCRATCH/file" --size=256k --rw=read --ioengine=io_uring
    }
    work allow
    is "$STATUS" 0 'fio works where nothing is refused'
    work deny
    enosys=$("$PYTHON" -c 'import errno, os; print(os.strerror(errno.ENOSYS))')
    like "$OUT$ERR" "$enosys|Kernel doesn.t support IORING" 'and hears that there is none where something may be'
else
    skip 'fio is not installed' 'fio'
fi
done_testing
