/* SPDX-License-Identifier: MIT */
/*
 * One real call takes a part of the batch into headers of our own, so that the caller's keep their capacities until
 * an entry of them is really filled; buffers are the caller's. An allowed datagram behind a refused one is copied into
 * the entry that the refused one had.
 *
 * Where a batch takes several real calls, an error between two of them is not seen by the caller, who gets the count so
 * far. Within one call the kernel keeps such an error for the next (SO_ERROR), which no program can.
 */
#include "shim/batch.h"

#include "shim/forward.h"
#include "shim/inbound.h"
#include "shim/judge.h"
#include "shim/passed.h"
#include "shim/patience.h"
#include "shim/readiness.h"
#include "shim/real.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* Entries a real call: 1 KiB of headers, since a hook may run on a stack of 16 KiB. */
#define PART 16

/* Room for the sources of a part; a Unix name needs 110 bytes, so there are fewer where those are judged. */
#define INET_ROOM sizeof(struct sockaddr_in6)
#define UNIX_ROOM ((size_t)112)
#define SOURCE_ROOM (PART * INET_ROOM)

struct batch {
    int fd;
    int flags;
    struct mmsghdr *entries; /* the caller's */
    unsigned count;
    unsigned kept; /* of them are filled and allowed */
    bool failed;   /* fail-closed */
    bool timed;
    struct timespec left; /* of the caller's timeout */
    struct patience patience;
    size_t room; /* for one source */
    struct mmsghdr part[PART];
    _Alignas(struct sockaddr_storage) char sources[SOURCE_ROOM];
};

/*
 * How many entries the next real call takes. With MSG_PEEK all would be the same datagram, and one refusal is enough.
 */
static unsigned part_size(const struct batch *batch)
{
    unsigned most = (batch->flags & MSG_PEEK) ? 1 : (unsigned)(SOURCE_ROOM / batch->room);

    if (most > PART)
        most = PART;
    return batch->count - batch->kept < most ? batch->count - batch->kept : most;
}

/*
 * Copies the caller's header. The source goes to the caller's own room where that is large enough to judge it, and
 * where it is so bad that the kernel will refuse it; else to ours, which then holds all that fits into the caller's.
 */
static void header_prepare(struct batch *batch, unsigned i)
{
    struct msghdr *header = &batch->part[i].msg_hdr;

    batch->part[i] = batch->entries[batch->kept + i];
    if (header->msg_name != NULL && (plainly_bad(header->msg_name) || header->msg_namelen >= batch->room))
        return;
    header->msg_name = batch->sources + i * batch->room;
    header->msg_namelen = (socklen_t)batch->room;
}

static int part_receive(struct batch *batch, unsigned size, int flags)
{
    for (unsigned i = 0; i < size; i++)
        header_prepare(batch, i);
    return real.recvmmsg(batch->fd, batch->part, size, flags, batch->timed ? &batch->left : NULL);
}

/* How many bytes of the source of entry `i` we hold, in a part that starts at the caller's entry `base`. */
static socklen_t source_held(const struct batch *batch, unsigned base, unsigned i)
{
    const struct msghdr *header = &batch->part[i].msg_hdr;
    const struct msghdr *asked = &batch->entries[base + i].msg_hdr;
    socklen_t room = header->msg_name == asked->msg_name ? asked->msg_namelen : (socklen_t)batch->room;

    if (plainly_bad(header->msg_name))
        return 0;
    return header->msg_namelen < room ? header->msg_namelen : room;
}

static enum inbound part_judge(const struct batch *batch, unsigned base, unsigned i)
{
    struct sockaddr_storage source;
    socklen_t held = source_held(batch, base, i);

    if (held > sizeof(source))
        held = sizeof(source);
    if (held > 0)
        memcpy(&source, batch->part[i].msg_hdr.msg_name, held);
    return inbound_judge(batch->fd, &source, held, "recvmmsg");
}

/* Hands entry `i` of the part over in the next free one of the caller's. */
static void part_keep(struct batch *batch, unsigned base, unsigned i)
{
    const struct mmsghdr *from = &batch->part[i];
    struct mmsghdr *to = &batch->entries[batch->kept];
    socklen_t held = source_held(batch, base, i);

    if (!plainly_bad(to->msg_hdr.msg_name)) {
        memmove(to->msg_hdr.msg_name, from->msg_hdr.msg_name,
                held < to->msg_hdr.msg_namelen ? held : to->msg_hdr.msg_namelen);
        to->msg_hdr.msg_namelen = from->msg_hdr.msg_namelen;
    }
    if (batch->kept == base + i) {
        to->msg_hdr.msg_controllen = from->msg_hdr.msg_controllen;
        to->msg_hdr.msg_flags = from->msg_hdr.msg_flags;
        to->msg_len = from->msg_len;
    } else {
        message_forward(to, from, batch->flags);
    }
    batch->kept++;
}

/* Throws entry `i` away, and takes what was only peeked at out of the queue (see receipt.c). */
static void part_discard(struct batch *batch, unsigned i)
{
    struct mmsghdr nothing = {0};

    passed_close(&batch->part[i].msg_hdr);
    if (batch->flags & MSG_PEEK)
        real.recvmmsg(batch->fd, &nothing, 1, MSG_DONTWAIT, NULL);
}

/*
 * Judges what was received. False: so much was refused that it is to end as if the queue were empty (see patience.h).
 */
static bool part_sort(struct batch *batch, unsigned got)
{
    unsigned base = batch->kept;
    bool goes_on = true;

    for (unsigned i = 0; i < got; i++) {
        enum inbound outcome = part_judge(batch, base, i);

        if (outcome == INBOUND_PASS) {
            part_keep(batch, base, i);
            continue;
        }
        part_discard(batch, i);
        batch->failed |= outcome == INBOUND_FAIL;
        goes_on &= patience_goes_on(&batch->patience);
    }
    return goes_on;
}

/* The flags of the next real call, if nothing had ever been refused. */
static int flags_wanted(const struct batch *batch)
{
    return batch->flags | (batch->kept > 0 && (batch->flags & MSG_WAITFORONE) ? MSG_DONTWAIT : 0);
}

static bool time_is_over(const struct batch *batch)
{
    return batch->timed && batch->left.tv_sec == 0 && batch->left.tv_nsec == 0;
}

/*
 * Whether a part of `size` entries, of which the kernel gave `got`, was the last: where the kernel itself would have
 * ended, with less than was asked for under the caller's own flags, or when the time is over.
 */
static bool batch_is_over(const struct batch *batch, unsigned got, unsigned size, bool own_flags)
{
    if (batch->kept == batch->count || batch->failed || time_is_over(batch))
        return true;
    return batch->kept > 0 && got < size && own_flags;
}

/*
 * Part after part. With everything refused so far the next one is tried without waiting (`wait` is false), and when the
 * queue is empty the caller's patience decides; with the first allowed entry the caller's flags hold again.
 * Returns false with errno set where a real call failed or patience ended.
 */
static bool batch_fill(struct batch *batch)
{
    struct timespec *limit = batch->timed ? &batch->left : NULL;
    bool wait = true;

    for (;;) {
        unsigned size = part_size(batch);
        int got = part_receive(batch, size, wait ? flags_wanted(batch) : batch->flags | MSG_DONTWAIT);
        bool empty = got < 0 && errno == EAGAIN && !wait;

        if (got <= 0 && !empty)
            return got == 0;
        if (got > 0) {
            empty = !part_sort(batch, (unsigned)got);
            if (batch_is_over(batch, (unsigned)got, size, wait))
                return true;
        }
        wait = batch->kept > 0;
        if (!wait && empty && !patience_waits(&batch->patience, limit, &wait))
            return false;
    }
}

int batch_take(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout)
{
    int saved = errno;
    struct batch batch;
    bool ended;

    if (count == 0)
        return real.recvmmsg(fd, entries, count, flags, timeout);
    /* Field by field: an initialiser would clear the headers too. */
    batch.fd = fd;
    batch.flags = flags;
    batch.entries = entries;
    batch.count = count;
    batch.kept = 0;
    batch.failed = false;
    batch.timed = timeout != NULL;
    if (batch.timed)
        batch.left = *timeout;
    batch.room = watching(WATCH_FROM_UNIX) ? UNIX_ROOM : INET_ROOM;
    patience_enter(&batch.patience, flags);
    patience_begin(&batch.patience, fd, flags);
    ended = batch_fill(&batch);
    readiness_end(fd);
    if (batch.kept > 0) {
        if (timeout != NULL)
            *timeout = batch.left;
        errno = saved;
        return (int)batch.kept;
    }
    if (batch.failed)
        errno = EACCES;
    else if (ended)
        errno = EAGAIN;
    return -1;
}
