/* SPDX-License-Identifier: MIT */
/* A duplicate for a moment. Its number is a high one, since programs count on getting low ones in a row. */
#include "shim/icmp/borrow.h"

#include "shim/hints.h"
#include "shim/icmp/wait_parts.h"
#include "state/kernel.h"

#include <errno.h>

#define NUMBER_FROM 200

int descriptor_borrow(int fd)
{
    int saved = errno;
    int borrowed = wait_has_threads() ? kernel_duplicate(fd, NUMBER_FROM) : -1;

    errno = saved;
    if (borrowed < 0)
        return fd;
    hint_forget(borrowed); /* of another descriptor that had the number */
    return borrowed;
}

void descriptor_return(int borrowed, int fd)
{
    if (borrowed != fd)
        kernel_close(borrowed);
}
