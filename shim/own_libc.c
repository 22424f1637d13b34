/* SPDX-License-Identifier: MIT */
/*
 * What the object would otherwise import from libc and needs little of: thin system calls, and strings that are
 * searched where speed is no matter.
 *
 * The names are libc's, but hidden: the object's own calls bind here when it is linked. Each import costs the loader
 * 0.1 to 0.3 us at every start of every program, and ties the object to the libc that it was linked with
 * (stat@GLIBC_2.33). The exceptions are what libc does much faster (memcpy, strlen), and what it does by other means
 * than a system call, which is asked of libc itself (the end of this file).
 *
 * Compiled with -fno-builtin, or the compiler would see strnlen in its own loop. Not part of sanitizers' builds, which
 * want to see libc's.
 */
#include "state/call.h"

#ifdef KERNEL_CALL_DIRECT

#include "shim/real.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

/*
 * 32-bit kernels have 64-bit sizes, inodes and ids of more than 16 bits under later names. The Makefile asks for these
 * widths there (_FILE_OFFSET_BITS): a text may well stand on a disk whose inodes do not fit into 32 bits.
 */
#ifdef __i386__
_Static_assert(sizeof(off_t) == 8 && sizeof(ino_t) == 8, "compiled with _FILE_OFFSET_BITS=64");
#define CALL_FSTATAT SYS_fstatat64
#define CALL_FSTAT SYS_fstat64
#define CALL_GETGID SYS_getgid32
#define CALL_GETEGID SYS_getegid32
#define CALL_GETGROUPS SYS_getgroups32
#else
#define CALL_FSTATAT SYS_newfstatat
#define CALL_FSTAT SYS_fstat
#define CALL_GETGID SYS_getgid
#define CALL_GETEGID SYS_getegid
#define CALL_GETGROUPS SYS_getgroups
#endif

/* Files. struct stat is the kernel's own on the machines that this is for. */

int stat(const char *restrict path, struct stat *restrict out)
{
    return (int)kernel_call(CALL_FSTATAT, AT_FDCWD, path, out, 0);
}

int fstat(int descriptor, struct stat *out)
{
    return (int)kernel_call(CALL_FSTAT, descriptor, out);
}

int fstatat(int folder, const char *restrict path, struct stat *restrict out, int flags)
{
    return (int)kernel_call(CALL_FSTATAT, folder, path, out, flags);
}

int access(const char *path, int mode)
{
    return (int)kernel_call(SYS_faccessat, AT_FDCWD, path, mode);
}

/* Without flags, which the kernel's own does not take. */
int faccessat(int folder, const char *path, int mode, int flags)
{
    if (flags != 0) {
        errno = EINVAL;
        return -1;
    }
    return (int)kernel_call(SYS_faccessat, folder, path, mode);
}

ssize_t getxattr(const char *path, const char *name, void *out, size_t size)
{
    return kernel_call(SYS_getxattr, path, name, out, size);
}

ssize_t fgetxattr(int descriptor, const char *name, void *out, size_t size)
{
    return kernel_call(SYS_fgetxattr, descriptor, name, out, size);
}

int fstatfs(int descriptor, struct statfs *out)
{
#ifdef __i386__
    return (int)kernel_call(SYS_fstatfs64, descriptor, sizeof(*out), out);
#else
    return (int)kernel_call(SYS_fstatfs, descriptor, out);
#endif
}

int flock(int descriptor, int operation)
{
    return (int)kernel_call(SYS_flock, descriptor, operation);
}

int ftruncate(int descriptor, off_t length)
{
#ifdef __i386__
    return (int)kernel_call(SYS_ftruncate64, descriptor, length, length >> 32);
#else
    return (int)kernel_call(SYS_ftruncate, descriptor, length);
#endif
}

off_t lseek(int descriptor, off_t offset, int whence)
{
#ifdef __i386__
    off_t place;

    return kernel_call(SYS__llseek, descriptor, offset >> 32, offset, &place, whence) < 0 ? -1 : place;
#else
    return kernel_call(SYS_lseek, descriptor, offset, whence);
#endif
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    return (int)kernel_call(SYS_mkdirat, folder, path, mode);
}

ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
    return kernel_call(SYS_readlinkat, AT_FDCWD, path, out, size);
}

int renameat(int old_folder, const char *old_path, int folder, const char *path)
{
    return (int)kernel_call(SYS_renameat, old_folder, old_path, folder, path);
}

/* "(unreachable)..." is a path to libc, to be looked at by who asks. */
char *getcwd(char *out, size_t size)
{
    return kernel_call(SYS_getcwd, out, size) < 0 ? NULL : out;
}

int isatty(int descriptor)
{
    char settings[256]; /* the kernel's termios, 36 bytes */

    return kernel_call(SYS_ioctl, descriptor, TCGETS, settings) == 0;
}

/* Memory. */

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
#ifdef __i386__
    return (void *)kernel_call(SYS_mmap2, address, length, protection, flags, descriptor, offset >> 12);
#else
    return (void *)kernel_call(SYS_mmap, address, length, protection, flags, descriptor, offset);
#endif
}

int munmap(void *address, size_t length)
{
    return (int)kernel_call(SYS_munmap, address, length);
}

void *mremap(void *address, size_t old_length, size_t length, int flags, ...)
{
    void *target = NULL;

    if (flags & MREMAP_FIXED) {
        __builtin_va_list more;

        __builtin_va_start(more, flags);
        target = __builtin_va_arg(more, void *);
        __builtin_va_end(more);
    }
    return (void *)kernel_call(SYS_mremap, address, old_length, length, flags, target);
}

int madvise(void *address, size_t length, int advice)
{
    return (int)kernel_call(SYS_madvise, address, length, advice);
}

int getpagesize(void)
{
    return (int)getauxval(AT_PAGESZ);
}

/* Processes. */

pid_t getpid(void)
{
    return (pid_t)kernel_call(SYS_getpid, 0);
}

gid_t getgid(void)
{
    return (gid_t)kernel_call(CALL_GETGID, 0);
}

gid_t getegid(void)
{
    return (gid_t)kernel_call(CALL_GETEGID, 0);
}

int getgroups(int size, gid_t *groups)
{
    return (int)kernel_call(CALL_GETGROUPS, size, groups);
}

int getrlimit(__rlimit_resource_t resource, struct rlimit *out)
{
    return (int)kernel_call(SYS_prlimit64, 0, resource, NULL, out);
}

int kill(pid_t process, int number)
{
    return (int)kernel_call(SYS_kill, process, number);
}

int sched_yield(void)
{
    return (int)kernel_call(SYS_sched_yield, 0);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    return (int)kernel_call(SYS_nanosleep, wanted, left);
}

void _exit(int status)
{
    for (;;)
        kernel_call(SYS_exit_group, status);
}

/* Sets of signals; numbers are the caller's own constants. */

static unsigned long *signal_word(const sigset_t *set, int number)
{
    return (unsigned long *)(uintptr_t)set + (unsigned)(number - 1) / (8 * sizeof(long));
}

static unsigned long signal_bit(int number)
{
    return 1UL << (unsigned)(number - 1) % (8 * sizeof(long));
}

int sigemptyset(sigset_t *set)
{
    memset(set, 0, sizeof(*set));
    return 0;
}

int sigfillset(sigset_t *set)
{
    memset(set, 0xff, sizeof(*set));
    return 0;
}

int sigaddset(sigset_t *set, int number)
{
    *signal_word(set, number) |= signal_bit(number);
    return 0;
}

int sigdelset(sigset_t *set, int number)
{
    *signal_word(set, number) &= ~signal_bit(number);
    return 0;
}

int sigismember(const sigset_t *set, int number)
{
    return (*signal_word(set, number) & signal_bit(number)) != 0;
}

/* Strings. */

const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

size_t strnlen(const char *text, size_t most)
{
    size_t length = 0;

    while (length < most && text[length] != '\0')
        length++;
    return length;
}

void *memchr(const void *bytes, int wanted, size_t size)
{
    const unsigned char *at = bytes;

    for (; size > 0; size--, at++) {
        if (*at == (unsigned char)wanted)
            return (void *)(uintptr_t)at;
    }
    return NULL;
}

char *strchr(const char *text, int wanted)
{
    for (; *text != (char)wanted; text++) {
        if (*text == '\0')
            return NULL;
    }
    return (char *)(uintptr_t)text;
}

char *strrchr(const char *text, int wanted)
{
    const char *last = NULL;

    for (; *text != '\0'; text++)
        last = *text == (char)wanted ? text : last;
    return (char *)(uintptr_t)(wanted == '\0' ? text : last);
}

size_t strspn(const char *text, const char *accepted)
{
    size_t length = 0;

    while (text[length] != '\0' && strchr(accepted, text[length]) != NULL)
        length++;
    return length;
}

size_t strcspn(const char *text, const char *refused)
{
    size_t length = 0;

    while (text[length] != '\0' && strchr(refused, text[length]) == NULL)
        length++;
    return length;
}

char *strpbrk(const char *text, const char *accepted)
{
    text += strcspn(text, accepted);
    return *text == '\0' ? NULL : (char *)(uintptr_t)text;
}

void *memmem(const void *bytes, size_t size, const void *wanted, size_t length)
{
    const char *at = bytes;

    for (; size >= length; size--, at++) {
        if (memcmp(at, wanted, length) == 0)
            return (void *)(uintptr_t)at;
    }
    return NULL;
}

char *strstr(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);

    for (; strncmp(text, wanted, length) != 0; text++) {
        if (*text == '\0')
            return NULL;
    }
    return (char *)(uintptr_t)text;
}

/*
 * What only libc knows, asked of libc itself past every other definition. A program may have functions of these names
 * that do something else; getauxval's answer would decide whether its environment is trusted, and so whether there is a
 * policy. And another preload (libfaketime) may tell a time that stands still, by which nothing that we wait for would
 * ever end.
 */
#define LIBC(name, ...)                                                                                                \
    static void *slot;                                                                                                 \
    __typeof__(&name) function;                                                                                        \
                                                                                                                       \
    *(void **)(&function) = libc_function(&slot, #name);                                                               \
    if (function != NULL)                                                                                              \
    return function(__VA_ARGS__)

int clock_gettime(clockid_t clock, struct timespec *out)
{
    LIBC(clock_gettime, clock, out);
    return (int)kernel_call(SYS_clock_gettime, clock, out);
}

unsigned long getauxval(unsigned long type)
{
    LIBC(getauxval, type);
    return type == AT_PAGESZ ? 4096 : 0;
}

int sigaction(int number, const struct sigaction *restrict wanted, struct sigaction *restrict before)
{
    LIBC(sigaction, number, wanted, before);
    errno = ENOSYS;
    return -1;
}

int posix_spawnattr_getflags(const posix_spawnattr_t *restrict attributes, short *restrict out)
{
    LIBC(posix_spawnattr_getflags, attributes, out);
    return ENOSYS;
}

const char *gnu_get_libc_version(void)
{
    LIBC(gnu_get_libc_version);
    return "";
}

#endif
