/* SPDX-License-Identifier: MIT */
/* Raw sockets are opened with capabilities where there are any, and everything else is done without, on both sides. */
#ifndef SOCKADE_TESTS_UNPRIVILEGED_H
#define SOCKADE_TESTS_UNPRIVILEGED_H

#include "tests/conformance/conformance.h"

#include <linux/capability.h>

/* Drops the capabilities that are in effect, or takes them back. */
static inline void privileges(bool on)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    must("capget", syscall(SYS_capget, &header, data));
    data[0].effective = on ? data[0].permitted : 0;
    data[1].effective = on ? data[1].permitted : 0;
    must("capset", syscall(SYS_capset, &header, data));
}

static inline int open_raw(int protocol)
{
    int fd;

    privileges(true);
    fd = (int)must("a raw socket", socket(family, SOCK_RAW, protocol));
    privileges(false);
    return fd;
}

#endif
