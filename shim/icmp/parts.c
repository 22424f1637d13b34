/* SPDX-License-Identifier: MIT */
/* One walk over the parts, used for copying in both directions. */
#include "shim/icmp/parts.h"

#include "shim/judge.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

bool parts_are_bad(const struct iovec *parts, size_t count)
{
    if (count > 0 && plainly_bad(parts))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0 && plainly_bad(parts[i].iov_base))
            return true;
    }
    return false;
}

size_t parts_size(const struct iovec *parts, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > (size_t)SSIZE_MAX - size)
            return (size_t)SSIZE_MAX;
        size += parts[i].iov_len;
    }
    return size;
}

/* Copies between the parts from offset `at` on and `bytes`; returns how many. */
static size_t copy(const struct iovec *parts, size_t count, size_t at, unsigned char *bytes, size_t length, bool in)
{
    size_t done = 0;

    for (size_t i = 0; i < count && done < length; i++) {
        size_t size = parts[i].iov_len;
        size_t piece;

        if (at >= size) {
            at -= size;
            continue;
        }
        piece = size - at < length - done ? size - at : length - done;
        if (in)
            memcpy((unsigned char *)parts[i].iov_base + at, bytes + done, piece);
        else
            memcpy(bytes + done, (const unsigned char *)parts[i].iov_base + at, piece);
        done += piece;
        at = 0;
    }
    return done;
}

void parts_write(const struct iovec *parts, size_t count, size_t at, const void *bytes, size_t length)
{
    copy(parts, count, at, (unsigned char *)(uintptr_t)bytes, length, true);
}

size_t parts_read(const struct iovec *parts, size_t count, size_t at, void *bytes, size_t length)
{
    return copy(parts, count, at, bytes, length, false);
}

void parts_move_up(const struct iovec *parts, size_t count, size_t from, size_t to, size_t length)
{
    unsigned char piece[256];

    while (length > 0) { /* the last bytes first, since the places overlap */
        size_t size = length < sizeof(piece) ? length : sizeof(piece);

        length -= size;
        size = parts_read(parts, count, from + length, piece, size);
        parts_write(parts, count, to + length, piece, size);
    }
}
