/* SPDX-License-Identifier: MIT */
/* Control messages and the descriptors in them. */
#include "shim/passed.h"

#include "state/kernel.h"

#include <string.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* linux/socket.h since 6.5 */
#endif

bool control_at(const void *buffer, size_t size, size_t at, struct control *out)
{
    struct cmsghdr header;
    size_t left = at < size ? size - at : 0;

    if (buffer == NULL || left < sizeof(header))
        return false;
    memcpy(&header, (const char *)buffer + at, sizeof(header));
    if (header.cmsg_len < sizeof(header))
        return false;
    out->at = at;
    out->length = header.cmsg_len < left ? header.cmsg_len : left;
    out->space = CMSG_ALIGN(out->length) < left ? CMSG_ALIGN(out->length) : left;
    out->level = header.cmsg_level;
    out->type = header.cmsg_type;
    return true;
}

void control_each_descriptor(const void *buffer, const struct control *control, void (*each)(int fd))
{
    size_t end = control->at + control->length;

    if (control->level != SOL_SOCKET || (control->type != SCM_RIGHTS && control->type != SCM_PIDFD))
        return;
    for (size_t at = control->at + CMSG_LEN(0); at + sizeof(int) <= end; at += sizeof(int)) {
        int fd;

        memcpy(&fd, (const char *)buffer + at, sizeof(fd));
        if (fd >= 0)
            each(fd);
    }
}

void passed_each(const struct msghdr *message, void (*each)(int fd))
{
    struct control control;

    for (size_t at = 0; control_at(message->msg_control, message->msg_controllen, at, &control); at += control.space)
        control_each_descriptor(message->msg_control, &control, each);
}

void passed_close(const struct msghdr *message)
{
    passed_each(message, kernel_close);
}
