/* SPDX-License-Identifier: MIT */
/* Which descriptors are open: the names in /proc/self/fd, read without allocation. */
#include "shim/descriptors.h"

#include "state/kernel.h"

#include <stdint.h>

/* Without /proc descriptors up to this number are visited. */
#define WITHOUT_PROC 256

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
static void visit_entries(const char *buffer, size_t length, int folder, void (*visit)(int fd))
{
    const size_t head = offsetof(struct entry, name);

    for (size_t at = 0; length - at >= head;) {
        const struct entry *entry = (const void *)(buffer + at);
        int fd;

        if (entry->size <= head || entry->size > length - at)
            return;
        fd = number_of(entry->name, entry->size - head);
        if (fd >= 0 && fd != folder)
            visit(fd);
        at += entry->size;
    }
}

void descriptors_each(void (*visit)(int fd))
{
    _Alignas(struct entry) char buffer[1024];
    int saved = errno;
    int folder = kernel_open(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
    long length;

    if (folder < 0) {
        for (int fd = 0; fd < WITHOUT_PROC; fd++)
            visit(fd);
    } else {
        while ((length = kernel_call(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0)
            visit_entries(buffer, (size_t)length, folder, visit);
        kernel_close(folder);
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
