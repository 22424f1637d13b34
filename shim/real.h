/* SPDX-License-Identifier: MIT */
/*
 * The real functions behind our hooks: what the program would have called without us.
 *
 * Signatures come from libc's own headers, so they cannot drift. They are bound by real_bind, without locks and without
 * allocation, so also on first use before our constructor has run.
 */
#ifndef SOCKADE_SHIM_REAL_H
#define SOCKADE_SHIM_REAL_H

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <spawn.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wordexp.h>

/* Marks the one line that the program sees; everything else in the object is hidden. */
#define EXPORT __attribute__((visibility("default")))

/* Public names of libc that its headers do not declare, and those of liburing, which may not be installed. */
struct io_uring;
struct io_uring_params;
extern __typeof__(connect) __connect;
extern __typeof__(read) __read;
extern __typeof__(send) __send;
extern __typeof__(write) __write;
extern __typeof__(poll) __poll;
extern __typeof__(select) __select;
extern __typeof__(dup2) __dup2;
extern __typeof__(fcntl) __fcntl;
ssize_t __read_chk(int fd, void *buffer, size_t count, size_t buffer_size);
ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t buffer_size, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t buffer_size, int flags, struct sockaddr *address,
                       socklen_t *length);
int io_uring_setup(unsigned entries, struct io_uring_params *params);
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params);
int io_uring_queue_init_mem(unsigned entries, struct io_uring *ring, struct io_uring_params *params, void *memory,
                            size_t size);
int execveat(int folder, const char *path, char *const *argv, char *const *envp, int flags); /* since 2.34 */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t fds_size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t fds_size);

#if __SIZEOF_LONG__ == 4
#include <stdint.h>

/* Times of 64 bits in 32-bit programs, as libc has them; declared by it for such programs alone. */
struct timespec_time64 {
    int64_t seconds;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    int32_t padding;
    int32_t nanoseconds;
#else
    int32_t nanoseconds;
    int32_t padding;
#endif
};
struct timeval_time64 {
    int64_t seconds;
    int64_t microseconds;
};
ssize_t __recvmsg64(int fd, struct msghdr *message, int flags);
int __recvmmsg64(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec_time64 *timeout);
ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags);
int __sendmmsg64(int fd, struct mmsghdr *entries, unsigned count, int flags);
int __setsockopt64(int fd, int level, int name, const void *value, socklen_t length);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *length);
int __fcntl_time64(int fd, int command, ...);
int __ioctl_time64(int fd, unsigned long request, ...);
int __prctl_time64(int option, ...);
int __ppoll64(struct pollfd *fds, nfds_t count, const struct timespec_time64 *timeout, const sigset_t *mask);
int __select64(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timeval_time64 *timeout);
int __pselect64(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, const struct timespec_time64 *timeout,
                const sigset_t *mask);
int __epoll_pwait2_time64(int fd, struct epoll_event *events, int most, const struct timespec_time64 *timeout,
                          const sigset_t *mask);
#endif

/* What headers before glibc 2.34 make of these. */
#undef res_query
#undef res_search
#undef res_querydomain
#undef res_send
#undef res_nquery
#undef res_nsearch
#undef res_nquerydomain
#undef res_nsend
int res_query(const char *domain, int class, int type, unsigned char *answer, int size);
int res_search(const char *domain, int class, int type, unsigned char *answer, int size);
int res_querydomain(const char *host, const char *domain, int class, int type, unsigned char *answer, int size);
int res_send(const unsigned char *question, int length, unsigned char *answer, int size);
int res_nquery(res_state state, const char *domain, int class, int type, unsigned char *answer, int size);
int res_nsearch(res_state state, const char *domain, int class, int type, unsigned char *answer, int size);
int res_nquerydomain(res_state state, const char *host, const char *domain, int class, int type, unsigned char *answer,
                     int size);
int res_nsend(res_state state, const unsigned char *question, int length, unsigned char *answer, int size);
extern __typeof__(res_query) __res_query;
extern __typeof__(res_search) __res_search;
extern __typeof__(res_querydomain) __res_querydomain;
extern __typeof__(res_send) __res_send;
extern __typeof__(res_nquery) __res_nquery;
extern __typeof__(res_nsearch) __res_nsearch;
extern __typeof__(res_nquerydomain) __res_nquerydomain;
extern __typeof__(res_nsend) __res_nsend;
struct hostent *res_gethostbyname(const char *name);
struct hostent *res_gethostbyname2(const char *name, int family);
struct hostent *res_gethostbyaddr(const void *address, socklen_t length, int family);

struct real {
#define HOOK(name, family, why) __typeof__(&name) name;
#define RARE(name, family, why)
#include "hooks.def"
#undef HOOK
#undef RARE
};

struct rare {
#define HOOK(name, family, why)
#define RARE(name, family, why) __typeof__(&name) name;
#include "hooks.def"
#undef HOOK
#undef RARE
};

/* Valid after real_bind; a name that this libc does not have is NULL. Read-only for everybody else. */
extern struct real real __attribute__((visibility("hidden")));

/* Read by RARE_REAL alone. */
extern struct rare rare __attribute__((visibility("hidden")));

/*
 * The real function of a name that hooks.def calls RARE, bound at its first use; NULL where this libc does not have it.
 */
#define RARE_REAL(name) ((__typeof__(&name))rare_function(rare_slot(offsetof(struct rare, name)), #name))

/* The file that we were loaded from, as the loader calls it; "" where that cannot be told. It stays. */
const char *own_object(void);

/*
 * The process' environment for the start. A hook that is called before libc's own constructor has run (.preinit_array
 * of the program) finds `environ` empty; it must not take that for "no policy".
 */
char **environment_now(void);

/* Binds every HOOK of hooks.def; may be called again. Async-signal-safe but for names that only dlsym finds. */
void real_bind(void);

/*
 * A variable of libc's that older ones lack; NULL then. The program's own copy is found first, as by the linker. To
 * name it in C would tie the object to the version that it came with: the linker forgets that the reference was weak.
 */
const void *libc_variable(const char *name);

/* Binds the one RARE name and notes it in `slot`. As safe as real_bind; needs nothing from it. NULL: there is none. */
void *rare_bind(void **slot, const char *name);

/*
 * libc's own function of that name, whoever else defines one; noted in `slot`. NULL where libc has none. As safe as
 * real_bind.
 */
void *libc_function(void **slot, const char *name);

static inline void **rare_slot(size_t offset)
{
    return (void **)(void *)((char *)&rare + offset);
}

static inline void *rare_function(void **slot, const char *name)
{
    void *bound = __atomic_load_n(slot, __ATOMIC_RELAXED);

    return bound != NULL ? bound : rare_bind(slot, name);
}

#endif
