/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors are open. Nearly every process has less than 64, whose start pays for this, so low ones are told by
 * poll(2), and where the table of descriptors ends by select(2): two calls, where the first look into /proc makes
 * the kernel build a dozen inodes (37 us). Higher ones are the names in /proc/self/fd, read without allocation.
 */
#include "shim/descriptors.h"

#include "state/kernel.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>

/* Up to this number poll(2) is asked, a step at a time; without /proc (or a descriptor for it) up to a higher one. */
#define POLLED 256
#define WITHOUT_PROC 4096
#define STEP 64

/* What getdents64(2) writes; libc's struct dirent64 has a larger name. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* A name in /proc/self/fd as a number; -1 for "." and "..". */
static int number_of(const char *name, size_t room)
{
    int number = 0;

    for (size_t i = 0; i < room && name[i] != '\0'; i++) {
        if (name[i] < '0' || name[i] > '9' || number > INT32_MAX / 10 - 1)
            return -1;
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

/* One buffer of entries; `folder` is the descriptor that they are read from. */
static void visit_entries(const char *buffer, size_t length, int folder, int from, void (*visit)(int fd))
{
    const size_t head = offsetof(struct entry, name);

    for (size_t at = 0; length - at >= head;) {
        const struct entry *entry = (const void *)(buffer + at);
        int fd;

        if (entry->size <= head || entry->size > length - at)
            return;
        fd = number_of(entry->name, entry->size - head);
        if (fd >= from && fd != folder)
            visit(fd);
        at += entry->size;
    }
}

/* Those from number `from` on; false where /proc cannot be read. */
static bool visit_names(int from, void (*visit)(int fd))
{
    _Alignas(struct entry) char buffer[1024];
    int folder = kernel_open(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
    long length;

    if (folder < 0)
        return false;
    while ((length = kernel_call(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0)
        visit_entries(buffer, (size_t)length, folder, from, visit);
    kernel_close(folder);
    return true;
}

/*
 * Whether the table of descriptors has a place for the closed number `fd`: select(2) leaves out numbers behind the
 * table's end (its manual, BUGS; core_sys_select in fs/select.c), and refuses closed ones within. A table has
 * a multiple of 64 places.
 */
static bool table_holds(int fd)
{
    const long long no_time[2] = {0, 0};
    unsigned long numbers[WITHOUT_PROC / STEP + 1][STEP / (8 * sizeof(long))];

    memset(numbers, 0, ((size_t)fd / STEP + 1) * sizeof(numbers[0]));
    numbers[fd / STEP][0] = 1; /* the first of a step */
    return kernel_call(SYS_pselect6, fd + 1, numbers, NULL, NULL, no_time, NULL) != 0;
}

/* Visits the open ones of a step. False where that cannot be told: poll(2) takes no more than RLIMIT_NOFILE. */
static bool visit_step(int first, void (*visit)(int fd), bool *more)
{
    struct pollfd numbers[STEP + 1];

    for (int i = 0; i <= STEP; i++)
        numbers[i] = (struct pollfd){.fd = first + i};
    if (kernel_poll(numbers, STEP + 1) < 0)
        return false;
    for (int i = 0; i < STEP; i++) {
        if (!(numbers[i].revents & POLLNVAL))
            visit(first + i);
    }
    *more = !(numbers[STEP].revents & POLLNVAL) || table_holds(first + STEP);
    return true;
}

void descriptors_each(void (*visit)(int fd))
{
    int saved = errno;
    bool more = true;
    int first = 0;

    while (more && first < WITHOUT_PROC) {
        if (first >= POLLED && visit_names(first, visit))
            break;
        if (!visit_step(first, visit, &more)) {
            if (!visit_names(first, visit)) {
                for (int fd = first; fd < POLLED; fd++)
                    visit(fd);
            }
            break;
        }
        first += STEP;
    }
    errno = saved;
}

bool descriptors_claim(_Atomic pid_t *claim)
{
    pid_t self = getpid();
    pid_t other = 0;

    if (atomic_compare_exchange_strong(claim, &other, self))
        return true;
    return other != self && atomic_compare_exchange_strong(claim, &other, self);
}
