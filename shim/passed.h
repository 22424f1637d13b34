/* SPDX-License-Identifier: MIT */
/*
 * Control messages as they lie in a buffer, and the descriptors that came in them: SCM_RIGHTS, and SCM_PIDFD of Linux
 * 6.5.
 *
 * The buffer is the caller's: of any alignment, and with lengths that need not be right. So everything is copied out
 * and bounded, and CMSG_NXTHDR(3), which trusts and dereferences, is not used.
 */
#ifndef SOCKADE_SHIM_PASSED_H
#define SOCKADE_SHIM_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* One control message of a buffer. */
struct control {
    size_t at;     /* where it starts */
    size_t length; /* of header and data, as far as the buffer holds them */
    size_t space;  /* the same with padding: the next one stands here */
    int level;
    int type;
};

/* The control message at `at` of the `size` bytes at `buffer`; false behind the last one. */
bool control_at(const void *buffer, size_t size, size_t at, struct control *out);

/* Calls `each` for every descriptor in one control message, or in all of them. */
void control_each_descriptor(const void *buffer, const struct control *control, void (*each)(int fd));
void passed_each(const struct msghdr *message, void (*each)(int fd));

/* Closes what came with a message that the program never gets to see. No cancellation point; errno is preserved. */
void passed_close(const struct msghdr *message);

#endif
