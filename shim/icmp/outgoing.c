/* SPDX-License-Identifier: MIT */
/* A message with another beginning and more control messages, put together from pieces. */
#include "shim/icmp/outgoing.h"

#include "shim/icmp/parts.h"
#include "shim/passed.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

/* The kernel's own limit on control messages, net.core.optmem_max, is 20 to 128 KiB. */
#define MOST_CONTROL (128 * 1024)

/* Room that is left behind the program's control messages. */
#define CONTROL_ADDED 256

void outgoing_begin(struct outgoing *out, const struct msghdr *message)
{
    out->message = *message;
    out->control_room = 0;
    out->pages[0] = NULL;
    out->pages[1] = NULL;
}

/* Memory of `size` bytes: `own` of the structure where that does, else pages. NULL with errno. */
static void *room_of(struct outgoing *out, unsigned which, void *own, size_t own_size, size_t size)
{
    void *pages;

    if (size <= own_size)
        return own;
    pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        errno = ENOBUFS;
        return NULL;
    }
    out->pages[which] = pages;
    out->page_bytes[which] = size;
    return pages;
}

/* As many parts as the kernel takes, and one more: the bytes in one piece then. */
static bool gather(struct outgoing *out, size_t skip)
{
    const struct msghdr *message = &out->message;
    size_t size = parts_size(message->msg_iov, message->msg_iovlen) - skip;
    unsigned char *bytes = room_of(out, 0, NULL, 0, sizeof(out->header) + size);

    if (bytes == NULL)
        return false;
    memcpy(bytes, out->header, sizeof(out->header));
    parts_read(message->msg_iov, message->msg_iovlen, skip, bytes + sizeof(out->header), size);
    out->parts[0] = (struct iovec){bytes, sizeof(out->header) + size};
    out->message.msg_iov = out->parts;
    out->message.msg_iovlen = 1;
    return true;
}

bool outgoing_replace(struct outgoing *out, const unsigned char header[ICMP_HEADER], size_t skip)
{
    const struct iovec *from = out->message.msg_iov;
    size_t left = out->message.msg_iovlen;
    size_t inside = skip;
    struct iovec *to;
    size_t count = 0;

    memcpy(out->header, header, sizeof(out->header));
    while (left > 0 && inside >= from->iov_len) {
        inside -= from->iov_len;
        from++;
        left--;
    }
    if (left >= IOV_MAX)
        return gather(out, skip);
    to = room_of(out, 0, out->parts, sizeof(out->parts), (left + 1) * sizeof(*to));
    if (to == NULL)
        return false;
    to[count++] = (struct iovec){out->header, sizeof(out->header)};
    for (; left > 0; from++, left--) {
        to[count++] = (struct iovec){(unsigned char *)from->iov_base + inside, from->iov_len - inside};
        inside = 0;
    }
    out->message.msg_iov = to;
    out->message.msg_iovlen = count;
    return true;
}

/* Makes room for more behind the program's own control messages. */
static bool control_copy(struct outgoing *out)
{
    size_t used = out->message.msg_controllen;
    size_t room = used + CONTROL_ADDED < sizeof(out->control) ? sizeof(out->control) : used + CONTROL_ADDED;
    unsigned char *control;

    if (used > MOST_CONTROL) {
        errno = ENOBUFS;
        return false;
    }
    control = room_of(out, 1, out->control, sizeof(out->control), room);
    if (control == NULL)
        return false;
    if (used > 0)
        memcpy(control, out->message.msg_control, used);
    out->message.msg_control = control;
    out->control_room = room;
    return true;
}

bool outgoing_control(struct outgoing *out, int level, int type, const void *data, size_t length)
{
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    size_t used = out->message.msg_controllen;
    size_t at = CMSG_ALIGN(
        used); /* a last message without its padding is taken, but nothing can stand right behind it */
    unsigned char *control;

    if (out->control_room == 0 && !control_copy(out))
        return false;
    if (at + CMSG_SPACE(length) > out->control_room) {
        errno = ENOBUFS;
        return false;
    }
    control = out->message.msg_control;
    memset(control + used, 0, at + CMSG_SPACE(length) - used);
    memcpy(control + at, &header, sizeof(header));
    memcpy(control + at + CMSG_LEN(0), data, length);
    out->message.msg_controllen = at + CMSG_SPACE(length);
    return true;
}

bool outgoing_has_control(const struct outgoing *out, int level, int type)
{
    const struct msghdr *message = &out->message;
    struct control control;

    for (size_t at = 0; control_at(message->msg_control, message->msg_controllen, at, &control); at += control.space) {
        if (control.level == level && control.type == type)
            return true;
    }
    return false;
}

void outgoing_end(struct outgoing *out)
{
    int saved = errno;

    for (unsigned i = 0; i < 2; i++) {
        if (out->pages[i] != NULL)
            munmap(out->pages[i], out->page_bytes[i]);
    }
    errno = saved;
}
