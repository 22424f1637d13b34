/* SPDX-License-Identifier: MIT */
/*
 * The real functions behind our hooks: what the program would have called without us.
 *
 * Signatures come from libc's own headers, so they cannot drift. They are bound by real_bind, without locks and without
 * allocation, so also on first use before our constructor has run.
 */
#ifndef SOCKADE_SHIM_REAL_H
#define SOCKADE_SHIM_REAL_H

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wordexp.h>

/* Marks the one line that the program sees; everything else in the object is hidden. */
#define EXPORT __attribute__((visibility("default")))

/* Public names of libc that its headers do not declare. */
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
int execveat(int folder, const char *path, char *const *argv, char *const *envp, int flags); /* since 2.34 */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t fds_size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t fds_size);

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

/* The real function of a name that hooks.def calls RARE, bound at its first use; NULL where this libc does not have it. */
#define RARE_REAL(name) ((__typeof__(rare.name))rare_function((void **)(void *)&rare.name, #name))

/* The file that we were loaded from, as the loader calls it; "" where that cannot be told. It stays. */
const char *own_object(void);

/*
 * The process' environment for the start. A hook that is called before libc's own constructor has run (.preinit_array of the
 * program) finds `environ` empty; it must not take that for "no policy".
 */
char **environment_now(void);

/* Binds every HOOK of hooks.def; may be called again. Async-signal-safe but for names that only dlsym finds. */
void real_bind(void);

/*
 * A variable of libc's that older ones lack; NULL then. The program's own copy is found first, as by the linker. To name it
 * in C would tie the object to the version that it came with: the linker forgets that the reference was weak.
 */
const void *libc_variable(const char *name);

/* Binds the one RARE name and notes it in `slot`. As safe as real_bind; needs nothing from it. NULL: there is none. */
void *rare_bind(void **slot, const char *name);

/*
 * libc's own function of that name, whoever else defines one; noted in `slot`. NULL where libc has none. As safe as
 * real_bind.
 */
void *libc_function(void **slot, const char *name);

static inline void *rare_function(void **slot, const char *name)
{
    void *bound = __atomic_load_n(slot, __ATOMIC_RELAXED);

    return bound != NULL ? bound : rare_bind(slot, name);
}

#endif
