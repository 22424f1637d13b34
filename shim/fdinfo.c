/* SPDX-License-Identifier: MIT */
/*
 * Lines "tfd: N events: X data: X ..." (fs/eventpoll.c, ep_show_fdinfo; Linux 3.8), read in small pieces; and
 * "FDSize:".
 */
#include "shim/fdinfo.h"
#include "shim/sandbox.h"

#include "state/kernel.h"

#include <limits.h>
#include <string.h>

/* Reads an unsigned number behind `name` in a line of /proc; false where there is none. */
static bool field(const char *line, const char *name, unsigned base, uint64_t *out)
{
    const char *at = strstr(line, name);
    bool any = false;

    *out = 0;
    for (at = at == NULL ? "" : at + strlen(name); *at == ' '; at++)
        ;
    for (;; at++, any = true) {
        unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)*at - '0';

        if (digit >= base)
            return any;
        *out = *out * base + digit;
    }
}

/* /proc/thread-self/fdinfo/N: the calling thread's own table of descriptors, also where it shares it with nobody. */
static int fdinfo_open(int fd)
{
    char path[48] = "/proc/thread-self/fdinfo/";
    char digits[12];
    size_t at = sizeof(digits);

    if (fd < 0)
        return -1;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    memcpy(path + strlen(path), digits + at, sizeof(digits) - at);
    return kernel_open(AT_FDCWD, path, O_RDONLY, 0);
}

bool fdinfo_read(int info, fdinfo_visit *visit, void *context, bool *complete)
{
    char buffer[512];
    char line[128];
    size_t length = 0;
    size_t budget = (size_t)4 << 20; /* some 50,000 descriptors */
    ssize_t got = -1;
    bool found = false;

    while (!found && budget > 0 && (got = kernel_read(info, buffer, sizeof(buffer))) > 0) {
        budget -= (size_t)got < budget ? (size_t)got : budget;
        for (ssize_t i = 0; i < got && !found; i++) {
            uint64_t target, data;

            if (buffer[i] != '\n') {
                line[length] = buffer[i];
                length += length < sizeof(line) - 1;
                continue;
            }
            line[length] = '\0';
            length = 0;
            if (strncmp(line, "tfd:", 4) == 0 && field(line, "tfd:", 10, &target) && field(line, "data:", 16, &data))
                found = visit((int)target, data, context);
        }
    }
    *complete = got == 0;
    return found;
}

bool fdinfo_targets(int epoll_fd, fdinfo_visit *visit, void *context, bool *complete)
{
    int info = sandboxed() ? -1 : fdinfo_open(epoll_fd);
    bool found;

    *complete = false;
    if (info < 0)
        return false;
    found = fdinfo_read(info, visit, context, complete);
    kernel_close(info);
    return found;
}

struct counting {
    uint64_t data;
    unsigned count;
};

static bool count_data(int fd, uint64_t data, void *context)
{
    struct counting *counting = context;

    (void)fd;
    counting->count += data == counting->data;
    return false;
}

bool fdinfo_count(int epoll_fd, uint64_t data, unsigned *count)
{
    struct counting counting = {.data = data};
    bool complete;

    fdinfo_targets(epoll_fd, count_data, &counting, &complete);
    *count = counting.count;
    return complete;
}

int fdinfo_table_size(void)
{
    char text[1024]; /* the line is the eleventh, before anything of unknown length but the name */
    int status = kernel_open(AT_FDCWD, "/proc/thread-self/status", O_RDONLY, 0);
    ssize_t got = status < 0 ? -1 : kernel_read(status, text, sizeof(text) - 1);
    uint64_t size = 0;

    if (status >= 0)
        kernel_close(status);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    return field(text, "\nFDSize:\t", 10, &size) && size <= INT_MAX ? (int)size : -1;
}
