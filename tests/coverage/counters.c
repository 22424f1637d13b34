/* SPDX-License-Identifier: MIT */
/*
 * Counters of a coverage build live in a file that every process maps.
 *
 * Part of each program of that build, and of the object. Counts are complete whichever way a process ends (_exit, exec,
 * a signal), a child's are there like its parent's, and an ordinary user adds to them like root. libgcov writes nothing
 * but where SOCKADE_COVERAGE_DUMP is set: then the sum of all is added to the .gcda files, and the process ends.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLAIN __attribute__((no_profile_instrument_function))

/* counters.ld: whole pages. */
extern char coverage_begin[] __attribute__((visibility("hidden")));
extern char coverage_end[] __attribute__((visibility("hidden")));

void __gcov_dump(void);
void __wrap___gcov_exit(void);

/* Past libc's names, some of which the object exports itself. */
PLAIN static void *counters_map(int fd, size_t length, void *place)
{
    return (void *)syscall(SYS_mmap, place, length, PROT_READ | PROT_WRITE,
                           MAP_SHARED | (place != NULL ? MAP_FIXED : 0), fd, 0L);
}

/* Before every other constructor; what has been counted by then is added to the file's. */
PLAIN __attribute__((constructor(101))) static void counters_share(void)
{
    size_t length = (size_t)(coverage_end - coverage_begin);
    unsigned long *private = (unsigned long *)(void *)coverage_begin;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, COVERAGE_COUNTERS, O_RDWR | O_CLOEXEC, 0);
    unsigned long *shared;

    if (fd < 0)
        return;
    /* No counter lies beyond the end of the file; a file that has its length keeps it. */
    if (syscall(SYS_ftruncate, fd, length) == 0) {
        shared = counters_map(fd, length, NULL);
        if (shared != MAP_FAILED) {
            for (size_t i = 0; i < length / sizeof(*shared); i++)
                if (private[i] != 0)
                    __atomic_add_fetch(&shared[i], private[i], __ATOMIC_RELAXED);
            syscall(SYS_munmap, shared, length);
            counters_map(fd, length, coverage_begin);
        }
    }
    syscall(SYS_close, fd);
}

/* After every other constructor, since this is linked last: libgcov knows of all files by now. */
PLAIN __attribute__((constructor)) static void counters_dump(void)
{
    if (getenv("SOCKADE_COVERAGE_DUMP") == NULL)
        return;
    __gcov_dump();
    syscall(SYS_exit_group, 0);
}

/* What libgcov would do at the end of each process. */
PLAIN void __wrap___gcov_exit(void)
{
}
