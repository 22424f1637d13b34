/* SPDX-License-Identifier: MIT */
/* Data and control messages copied from one header's buffers into another's. */
#include "shim/forward.h"

#include "shim/judge.h"
#include "shim/passed.h"
#include "state/kernel.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The bytes that a header has room for; the kernel has checked that they can be counted. */
static size_t capacity(const struct msghdr *header)
{
    size_t sum = 0;

    for (size_t i = 0; i < header->msg_iovlen; i++)
        sum += header->msg_iov[i].iov_len;
    return sum;
}

/* A place in a header's buffers. */
struct place {
    const struct iovec *vector;
    size_t used; /* of *vector */
};

/* The rest of the buffer at a place, which moves on to the next buffer that has any. */
static size_t place_room(struct place *place)
{
    while (place->used == place->vector->iov_len) {
        place->vector++;
        place->used = 0;
    }
    return place->vector->iov_len - place->used;
}

/* Copies `length` bytes, which both headers have room for. */
static void payload_copy(const struct msghdr *to, const struct msghdr *from, size_t length)
{
    struct place target = {.vector = to->msg_iov};
    struct place source = {.vector = from->msg_iov};

    while (length > 0) {
        size_t part = least(length, least(place_room(&target), place_room(&source)));

        memmove((char *)target.vector->iov_base + target.used, (char *)source.vector->iov_base + source.used, part);
        target.used += part;
        source.used += part;
        length -= part;
    }
}

/* Copies whole control messages as long as they fit. Returns their length; `*flags` tells of those that did not. */
static size_t control_copy(const struct msghdr *to, const struct msghdr *from, int *flags)
{
    size_t room = plainly_bad(to->msg_control) ? 0 : to->msg_controllen;
    size_t used = 0;
    struct control control;

    for (size_t at = 0; control_at(from->msg_control, from->msg_controllen, at, &control); at += control.space) {
        if (control.length > room - used) {
            *flags |= MSG_CTRUNC;
            control_each_descriptor(from->msg_control, &control, kernel_close);
            continue;
        }
        memmove((char *)to->msg_control + used, (const char *)from->msg_control + at, control.length);
        used += least(control.space, room - used);
    }
    return used;
}

void message_forward(struct mmsghdr *to, const struct mmsghdr *from, int flags)
{
    size_t present = least(from->msg_len, capacity(&from->msg_hdr));
    size_t copied = least(present, capacity(&to->msg_hdr));
    int received = from->msg_hdr.msg_flags;

    payload_copy(&to->msg_hdr, &from->msg_hdr, copied);
    if (copied < present)
        received |= MSG_TRUNC;
    to->msg_hdr.msg_controllen = control_copy(&to->msg_hdr, &from->msg_hdr, &received);
    to->msg_hdr.msg_flags = received;
    to->msg_len = (flags & MSG_TRUNC) ? from->msg_len : (unsigned)copied;
}
