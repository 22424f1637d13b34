/* SPDX-License-Identifier: MIT */
/*
 * Waiting in a process that has translated sockets (WATCH_ICMP) or probes (WATCH_PROBES): as ppoll(2), select(2) and
 * the epoll calls, but readable is what a raw socket would have to be read, and no error shows that a raw socket would
 * not show.
 */
#ifndef SOCKADE_SHIM_ICMP_WAIT_H
#define SOCKADE_SHIM_ICMP_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

/* `timeout` is not changed; NULL waits for ever. `mask` may be NULL. */
int icmp_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask);

/* Whether select(2) has to be made by icmp_pselect. No system call. */
bool icmp_select_concerns(int count, const fd_set *reading, const fd_set *writing, const fd_set *exceptions);

/* `timeout` is counted down as Linux' select does; NULL waits for ever. */
int icmp_pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timespec *timeout,
                 const sigset_t *mask);

/* Whether a set holds any of what concerns us; if not the kernel's own wait is right. No system call. */
bool icmp_epoll_concerns(int epoll_fd);
int icmp_epoll_wait(int epoll_fd, struct epoll_event *events, int most, const struct timespec *timeout,
                    const sigset_t *mask);

/* epoll_ctl: the kernel's, and a note where `fd` is a translated socket or a probe. */
int icmp_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);

#endif
