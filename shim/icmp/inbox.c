/* SPDX-License-Identifier: MIT */
/*
 * Messages one behind the other in one piece of memory; what is left moves to the front when the end is reached. Every
 * offset is checked when it is used: the memory is shared with the other side of a fork.
 */
#include "shim/icmp/inbox.h"

#include "state/kernel.h"

#include <sched.h>
#include <string.h>

/*
 * Looks at a lock that is held before its holder is suspected to have been killed, or to need this processor. On a busy
 * machine each sched_yield takes milliseconds.
 */
#define PATIENCE 16
#define NAP_NS 100000L

/* What stands in front of each message: 8-byte aligned, followed by name, control messages and data. */
struct record {
    uint32_t size; /* of all, rounded up */
    uint32_t length;
    uint32_t name_length;
    uint32_t control_length;
};

static size_t align(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static uint32_t thread_id(void)
{
    return (uint32_t)kernel_call(SYS_gettid, 0);
}

/* Whether a thread is gone: killed in the middle of it, as the other side of a fork may be. */
static bool is_gone(uint32_t thread)
{
    return kernel_call(SYS_tkill, (pid_t)thread, 0) != 0 && errno == ESRCH;
}

/* Lets others run whom sched_yield does not let: what waits with a real-time priority yields only to its equals. */
static void nap(void)
{
    const long time[2] = {0, NAP_NS};

    kernel_call(SYS_ppoll, NULL, 0, time, NULL, KERNEL_SIGNAL_BYTES);
}

bool inbox_lock(struct inbox *inbox, struct inbox_guard *guard)
{
    uint32_t self = thread_id();
    int saved = errno;
    sigset_t all;

    memset(&all, 0xff, sizeof(all));
    sigemptyset(&guard->before);
    kernel_signal_mask(&all, &guard->before);
    for (unsigned looks = 1;; looks++) {
        uint32_t holder = 0;

        if (atomic_compare_exchange_weak_explicit(&inbox->lock, &holder, self, memory_order_acquire,
                                                  memory_order_relaxed))
            break;
        if (holder == self) {
            kernel_signal_mask(&guard->before, NULL);
            errno = saved;
            return false;
        }
        if (looks % PATIENCE != 0)
            sched_yield();
        else if (holder == 0 || !is_gone(holder))
            nap();
        else
            atomic_compare_exchange_strong(&inbox->lock, &holder, 0);
    }
    errno = saved;
    return true;
}

void inbox_unlock(struct inbox *inbox, const struct inbox_guard *guard)
{
    atomic_store_explicit(&inbox->lock, 0, memory_order_release);
    kernel_signal_mask(&guard->before, NULL);
}

/* The first record, checked; NULL where there is none, or where a killed writer left rubbish, which is thrown away. */
static const struct record *first_record(struct inbox *inbox)
{
    const struct record *record;
    size_t left;

    if (inbox->head == inbox->tail) {
        atomic_store_explicit(&inbox->count, 0, memory_order_relaxed); /* a killed holder may have counted one more */
        return NULL;
    }
    if (inbox->tail <= INBOX_ROOM && inbox->head < inbox->tail && inbox->head % 8 == 0) {
        left = inbox->tail - inbox->head;
        record = (const struct record *)(const void *)(inbox->bytes + inbox->head);
        if (left >= sizeof(*record) && record->size <= left && record->size % 8 == 0 &&
            record->name_length <= sizeof(struct sockaddr_storage) && record->control_length <= INBOX_MESSAGE &&
            record->length <= INBOX_MESSAGE &&
            sizeof(*record) + align(record->name_length) + align(record->control_length) + align(record->length) ==
                record->size)
            return record;
    }
    inbox->head = inbox->tail = 0;
    atomic_store(&inbox->count, 0);
    return NULL;
}

/* Room for `size` bytes behind the last message; NULL where there is none. */
static unsigned char *room_for(struct inbox *inbox, size_t size)
{
    first_record(inbox); /* offsets that can be trusted */
    if (INBOX_ROOM - inbox->tail < size && inbox->head > 0) {
        memmove(inbox->bytes, inbox->bytes + inbox->head, inbox->tail - inbox->head);
        inbox->tail -= inbox->head;
        inbox->head = 0;
    }
    return INBOX_ROOM - inbox->tail < size ? NULL : inbox->bytes + inbox->tail;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(at, bytes, length);
    return at + align(length);
}

bool inbox_add(struct inbox *inbox, const struct held *message)
{
    struct record record = {.length = (uint32_t)message->length,
                            .name_length = (uint32_t)message->name_length,
                            .control_length = (uint32_t)message->control_length};
    unsigned char *at;

    if (message->length > INBOX_MESSAGE || message->control_length > INBOX_MESSAGE ||
        message->name_length > sizeof(struct sockaddr_storage))
        return false;
    record.size = (uint32_t)(sizeof(record) + align(message->name_length) + align(message->control_length) +
                             align(message->length));
    at = room_for(inbox, record.size);
    if (at == NULL)
        return false;
    at = put(at, &record, sizeof(record));
    at = put(at, message->name, message->name_length);
    at = put(at, message->control, message->control_length);
    put(at, message->data, message->length);
    inbox->tail += record.size;
    atomic_fetch_add(&inbox->count, 1);
    atomic_fetch_add(&inbox->arrivals, 1);
    return true;
}

bool inbox_first(struct inbox *inbox, struct held *message)
{
    const struct record *record = first_record(inbox);
    const unsigned char *at;

    if (record == NULL)
        return false;
    at = (const unsigned char *)(record + 1);
    message->name = at;
    message->name_length = record->name_length;
    at += align(record->name_length);
    message->control = at;
    message->control_length = record->control_length;
    message->data = at + align(record->control_length);
    message->length = record->length;
    return true;
}

void inbox_drop(struct inbox *inbox)
{
    const struct record *record = first_record(inbox);

    if (record == NULL)
        return;
    inbox->head += record->size;
    if (inbox->head >= inbox->tail)
        inbox->head = inbox->tail = 0;
    if (atomic_load(&inbox->count) > 0)
        atomic_fetch_sub(&inbox->count, 1);
}
