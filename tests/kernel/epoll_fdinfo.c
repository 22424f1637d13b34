/* SPDX-License-Identifier: MIT */
/* /proc/self/fdinfo lists what an epoll set watches: descriptor, events, data. */
#include "tests/kernel/proof.h"

#include <inttypes.h>
#include <sys/epoll.h>

/* The entry for `watched` in the set `epoll`. */
static bool find(int epoll, int watched, uint32_t *events, uint64_t *data)
{
    char path[64];
    char line[256];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
    FILE *file = fopen(path, "re");
    prove(file != NULL, "%s can be opened", path);
    while (fgets(line, sizeof(line), file)) {
        int fd;
        uint32_t line_events;
        uint64_t line_data;
        int read = sscanf(line, "tfd: %d events: %" SCNx32 " data: %" SCNx64, &fd, &line_events, &line_data);
        if (read != 3 || fd != watched)
            continue;
        prove(!found, "one line an entry");
        found = true;
        *events = line_events;
        *data = line_data;
    }
    fclose(file);
    return found;
}

int main(void)
{
    uint32_t events;
    uint64_t data;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int first = open_socket(AF_INET, SOCK_DGRAM);
    int second = dup(first); /* an entry of its own: a set's keys are file and number */
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET, .data.u64 = UINT64_C(0xfedcba9876543210)};
    struct epoll_event level = {.events = EPOLLOUT, .data.u64 = 7};
    prove(epoll >= 0 && second >= 0, "descriptors");

    prove(!find(epoll, first, &events, &data), "an empty set lists nothing");
    prove(epoll_ctl(epoll, EPOLL_CTL_ADD, first, &edge) == 0, "EPOLL_CTL_ADD");
    prove(epoll_ctl(epoll, EPOLL_CTL_ADD, second, &level) == 0, "EPOLL_CTL_ADD of a duplicate");
    prove(find(epoll, first, &events, &data) && data == edge.data.u64, "an entry with its data");
    /* The kernel adds EPOLLERR and EPOLLHUP, which are always reported. */
    prove(events == (uint32_t)(EPOLLIN | EPOLLET | EPOLLERR | EPOLLHUP), "its events, and not %x", events);
    prove(find(epoll, second, &events, &data) && data == 7, "the other entry");
    prove(events == (uint32_t)(EPOLLOUT | EPOLLERR | EPOLLHUP), "its events, and not %x", events);

    prove(epoll_ctl(epoll, EPOLL_CTL_MOD, second, &edge) == 0, "EPOLL_CTL_MOD");
    prove(find(epoll, second, &events, &data) && data == edge.data.u64, "the changed entry");
    prove(epoll_ctl(epoll, EPOLL_CTL_DEL, second, NULL) == 0, "EPOLL_CTL_DEL");
    prove(!find(epoll, second, &events, &data), "no entry after it");
    return proved("/proc/self/fdinfo of an epoll set lists tfd, events (with EPOLLERR and EPOLLHUP) and data");
}
