/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the kernel's text about an epoll set: each line of a registration gives at most one visit, in order, and
 * those that are written as the kernel writes them are all found.
 */
#include "shim/fdinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

struct seen {
    unsigned count;
    unsigned stop_at; /* 0: never */
    int fd;
    uint64_t data;
};

static bool note(int fd, uint64_t data, void *context)
{
    struct seen *seen = context;

    seen->count++;
    seen->fd = fd;
    seen->data = data;
    return seen->count == seen->stop_at;
}

static unsigned lines_about_targets(const uint8_t *data, size_t size)
{
    unsigned count = 0;

    for (size_t at = 0; at + 4 <= size; at++)
        count += (at == 0 || data[at - 1] == '\n') && memcmp(data + at, "tfd:", 4) == 0;
    return count;
}

static int file_of(const uint8_t *data, size_t size)
{
    int file = memfd_create("fdinfo", MFD_CLOEXEC);

    must(file >= 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    return file;
}

/* A line of ours behind the input's, whose last one is ended. */
static void last_line_is_found(int file, size_t size, int fd, uint64_t data)
{
    struct seen seen = {0};
    char line[100];
    int length = snprintf(line, sizeof(line), "\ntfd: %8d events: %8x data: %16" PRIx64 "  pos:0 ino:1f sdev:8\n", fd,
                          25u, data);
    bool complete;

    must(pwrite(file, line, (size_t)length, (off_t)size) == length && lseek(file, 0, SEEK_SET) == 0);
    must(!fdinfo_read(file, note, &seen, &complete) && complete);
    must(seen.count > 0 && seen.fd == fd && seen.data == data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {0};
    bool complete;
    int file;

    if (size < 12)
        return 0;
    file = file_of(data + 12, size - 12);
    lseek(file, 0, SEEK_SET);
    must(!fdinfo_read(file, note, &seen, &complete) && complete);
    must(seen.count <= lines_about_targets(data + 12, size - 12));
    if (seen.count > 0) {
        seen = (struct seen){.stop_at = seen.count};
        lseek(file, 0, SEEK_SET);
        must(fdinfo_read(file, note, &seen, &complete));
    }
    {
        uint32_t fd;
        uint64_t value;

        memcpy(&fd, data, sizeof(fd));
        memcpy(&value, data + 4, sizeof(value));
        last_line_is_found(file, size - 12, (int)(fd & INT32_MAX), value);
    }
    close(file);
    return 0;
}
