/* SPDX-License-Identifier: MIT */
/*
 * Writing a line to its place, from inside a program that must not notice.
 *
 * For the few microseconds that this takes every signal is blocked in this thread. So no handler can leave by
 * siglongjmp(3) and no cancellation can act while a descriptor is open; SIGPIPE and SIGXFSZ that the write itself
 * raises are taken away again before the mask is put back; and a terminal with TOSTOP does not stop a background
 * program for our line (where SIGTTOU is blocked the write goes through: POSIX, General Terminal Interface).
 */
#include "state/event.h"

#include "state/folder.h"
#include "state/kernel.h"
#include "state/text.h"

#include <stdatomic.h>
#include <stdio.h> /* renameat(2) */
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/un.h>

#define LOG_FILE_FLAGS (O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* Signals */

struct signal_guard {
    sigset_t before;
    sigset_t pending;
};

/*
 * Blocks all signals but those that a fault of the thread raises: blocked, these would kill a program that handles
 * them, such as one whose seccomp sandbox answers system calls from a SIGSYS handler.
 */
static void signals_hold(struct signal_guard *guard)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t all;

    memset(&all, 0xff, sizeof(all)); /* sigfillset(3) leaves out the signal of pthread_cancel(3) */
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    sigemptyset(&guard->before);
    sigemptyset(&guard->pending);
    kernel_signal_mask(&all, &guard->before);
    kernel_signals_pending(&guard->pending);
}

static void signals_release(const struct signal_guard *guard)
{
    kernel_signal_mask(&guard->before, NULL);
}

/* write(2) that takes back the signal it raised, unless the program had that one waiting already. */
static ssize_t write_quietly(const struct signal_guard *guard, int descriptor, const char *bytes, size_t size)
{
    ssize_t written = kernel_write(descriptor, bytes, size);
    int raised = written >= 0 ? 0 : errno == EPIPE ? SIGPIPE : errno == EFBIG ? SIGXFSZ : 0;

    if (raised != 0 && !sigismember(&guard->pending, raised)) {
        sigset_t only;

        sigemptyset(&only);
        sigaddset(&only, raised);
        kernel_signal_take(&only);
    }
    return written;
}

/*
 * A program that runs with descriptors 0 to 2 closed takes whatever stands there for its own input and output (and a
 * library may print to it). So what was opened there is moved up. Returns -1 where nothing above is free.
 */
static int descriptor_raise(int descriptor)
{
    int higher;

    if (descriptor < 0 || descriptor > 2)
        return descriptor;
    higher = kernel_duplicate(descriptor, 3);
    kernel_close(descriptor);
    return higher;
}

/* Files */

/* Makes the file, and the folders to it where they are missing; what another process has made meanwhile is opened. */
static int log_file_create(const char *path, uid_t uid)
{
    const char *name;
    int folder = folder_of(path, uid, true, &name);
    int descriptor = -1;

    if (folder < 0)
        return -1;
    if (folder_may_hold_new(folder, uid))
        descriptor = kernel_open(folder, name, LOG_FILE_FLAGS | O_CREAT, 0600);
    kernel_close(folder);
    return descriptor;
}

/*
 * Opens the log file, whose state `st` gets. Between open and fstat others may have rotated it twice, so that it has no
 * name any more: then once more.
 */
static int log_file_open(const char *path, uid_t uid, struct stat *st)
{
    for (int attempt = 0; attempt < 5; attempt++) {
        int descriptor = kernel_open(AT_FDCWD, path, LOG_FILE_FLAGS, 0);

        if (descriptor < 0 && errno == ENOENT)
            descriptor = log_file_create(path, uid);
        descriptor = descriptor_raise(descriptor);
        if (descriptor < 0)
            return -1;
        if (fstat(descriptor, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == uid && st->st_nlink == 1)
            return descriptor;
        kernel_close(descriptor);
        if (st->st_nlink != 0)
            return -1;
    }
    return -1;
}

/*
 * Renames the open file `path` to PATH.1. Returns true where `path` is now free for a new file or has one already;
 * false where lines must go on into the old one.
 *
 * Of several processes that find the file full only one may rename it, and none a fresh file that came after it: a lock
 * on the file itself is held while its name is compared with it. Nobody waits for that lock; who does not get it writes
 * to the old file. A file system without locks gives something else than EWOULDBLOCK, and there it is tried without.
 */
static bool log_file_rotate(int descriptor, const char *path, const struct stat *st, uid_t uid)
{
    char older[NAME_MAX + 1];
    struct stat now;
    const char *name;
    size_t length;
    bool moved = false;
    int folder;

    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    folder = folder_of(path, uid, false, &name);
    length = folder >= 0 ? strlen(name) : NAME_MAX;
    if (length + 2 <= NAME_MAX && fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0) {
        memcpy(older, name, length);
        memcpy(older + length, ".1", sizeof(".1"));
        moved = now.st_ino != st->st_ino || now.st_dev != st->st_dev || renameat(folder, name, folder, older) == 0;
    }
    if (folder >= 0)
        kernel_close(folder);
    flock(descriptor, LOCK_UN); /* now, not at close: a child forked meanwhile may hold the descriptor open */
    return moved;
}

/*
 * Appends the line. Where only its head found room (full disk, RLIMIT_FSIZE) that is taken back, unless somebody has
 * written behind it: half a line would be glued to the next one, and both be lost.
 */
static bool log_file_append(const struct signal_guard *guard, int descriptor, const char *line, size_t length)
{
    ssize_t written = write_quietly(guard, descriptor, line, length);
    struct stat st;
    off_t end;

    if (written == (ssize_t)length)
        return true;
    if (written <= 0)
        return false;
    end = lseek(descriptor, 0, SEEK_CUR);
    if (end >= written && fstat(descriptor, &st) == 0 && st.st_size == end) {
        /* If even that fails, readers of the log skip what is no JSON. */
        int failed = ftruncate(descriptor, end - written);

        (void)failed;
    }
    return false;
}

static bool log_to_file(const struct signal_guard *guard, const char *path, uint64_t max_size, const char *line,
                        size_t length, uid_t uid)
{
    struct stat st = {0};
    int descriptor = log_file_open(path, uid, &st);
    bool full = max_size > 0 && st.st_size > 0 && (uint64_t)st.st_size + length > max_size;
    bool written;

    if (descriptor >= 0 && full && log_file_rotate(descriptor, path, &st, uid)) {
        kernel_close(descriptor);
        descriptor = log_file_open(path, uid, &st);
    }
    if (descriptor < 0)
        return false;
    written = log_file_append(guard, descriptor, line, length);
    kernel_close(descriptor);
    return written;
}

/* Puts the process' id into a path; false where it does not fit. */
static bool own_path(char *out, const char *path, pid_t pid)
{
    size_t size = 0;

    for (; *path != '\0'; path++) {
        if (size + DECIMAL_TEXT >= PATH_MAX)
            return false;
        if (*path == LOG_PID_MARK)
            size += text_decimal(out + size, (uint64_t)pid);
        else
            out[size++] = *path;
    }
    out[size] = '\0';
    return true;
}

/*
 * The same for a path with the process' id in it. Mapped, not on the stack: with the event's line there, a thread of
 * the smallest size (16 KiB) has no room for a path too.
 */
static bool log_to_own_file(const struct signal_guard *guard, const struct log_place *place, const char *line,
                            size_t length, uid_t uid, pid_t pid)
{
    char *path = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool written;

    if (path == MAP_FAILED)
        return false;
    written = own_path(path, place->path, pid) && log_to_file(guard, path, place->max_size, line, length, uid);
    munmap(path, PATH_MAX);
    return written;
}

/* Standard error */

/*
 * Writes only if that does not block. A pipe that is writable has room for PIPE_BUF bytes, and no line is longer; a
 * socket takes MSG_DONTWAIT; a terminal that is stopped, or a pipe that nobody reads, is not writable.
 */
static bool log_to_stderr(const struct signal_guard *guard, const struct log_place *place, const char *line,
                          size_t length)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)line, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct stat st;

    if (fstat(2, &st) != 0 || st.st_dev != place->stderr_device || st.st_ino != place->stderr_inode)
        return false;
    if (S_ISSOCK(st.st_mode))
        return kernel_sendmsg(2, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
    return kernel_is_writable(2) && write_quietly(guard, 2, line, length) == (ssize_t)length;
}

/* Syslog */

/* One datagram as openlog(3) programs send it, without its time, which the daemon adds: priority 13 is user.notice. */
static bool log_to_syslog(const char *line, size_t length, pid_t pid)
{
    static const char tag[] = "<13>sockade[";
    static const char end[3] = {']', ':', ' '};
    char head[sizeof(tag) + DECIMAL_TEXT + sizeof(end)];
    struct sockaddr_un daemon = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    struct iovec parts[2] = {{.iov_base = head}, {.iov_base = (void *)(uintptr_t)line, .iov_len = length}};
    struct msghdr message = {.msg_name = &daemon, .msg_namelen = sizeof(daemon), .msg_iov = parts, .msg_iovlen = 2};
    int descriptor = descriptor_raise(kernel_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    size_t size = sizeof(tag) - 1;
    ssize_t sent;

    if (descriptor < 0)
        return false;
    memcpy(head, tag, size);
    size += text_decimal(head + size, (uint64_t)pid);
    memcpy(head + size, end, sizeof(end));
    parts[0].iov_len = size + sizeof(end);
    if (line[length - 1] == '\n')
        parts[1].iov_len--;
    sent = kernel_sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    kernel_close(descriptor);
    return sent >= 0;
}

bool log_write(const struct log_place *place, const char *line, size_t length, uid_t uid, pid_t pid)
{
    struct signal_guard guard;
    int error = errno;
    bool written = false;

    if (place->target == LOG_TO_NOWHERE || length == 0 || length > EVENT_MAX)
        return false;
    signals_hold(&guard);
    if (place->target == LOG_TO_STDERR)
        written = log_to_stderr(&guard, place, line, length);
    else if (place->target == LOG_TO_SYSLOG)
        written = log_to_syslog(line, length, pid);
    else if (place->per_process)
        written = log_to_own_file(&guard, place, line, length, uid, pid);
    else
        written = log_to_file(&guard, place->path, place->max_size, line, length, uid);
    signals_release(&guard);
    errno = error;
    return written;
}

/* The limit */

bool log_limit_pass(struct log_limit *limit, uint32_t per_second, unsigned *left_out)
{
    uint64_t window = atomic_load_explicit(&limit->window, memory_order_relaxed);
    struct timespec now = {0};
    uint64_t next;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    do {
        bool same = window >> 32 == (uint32_t)now.tv_sec;
        uint32_t lines = same ? (uint32_t)window : 0;

        if (lines >= per_second) {
            atomic_fetch_add_explicit(&limit->left_out, 1, memory_order_relaxed);
            return false;
        }
        next = (uint64_t)(uint32_t)now.tv_sec << 32 | (lines + 1);
    } while (!atomic_compare_exchange_weak_explicit(&limit->window, &window, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    *left_out = atomic_exchange_explicit(&limit->left_out, 0, memory_order_relaxed);
    return true;
}
