/* SPDX-License-Identifier: MIT */
/*
 * select(2) refuses a closed descriptor whose number is within the process' table of descriptors, and leaves out the
 * numbers behind it; so it tells where the table ends, which is at a multiple of 64.
 */
#include "tests/kernel/proof.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HIGHEST 1024

/* What select says of the one number; fd_set is large enough for those below HIGHEST. */
static int select_one(int fd)
{
    struct timespec none = {0, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return (int)syscall(SYS_pselect6, fd + 1, &set, NULL, NULL, &none, NULL);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* The first closed number that select leaves out; all above it are left out too. */
static int table_end(void)
{
    int end = 0;
    while (end < HIGHEST && (is_open(end) || (select_one(end) == -1 && errno == EBADF)))
        end++;
    for (int fd = end; fd < HIGHEST; fd++)
        prove(!is_open(fd) && select_one(fd) == 0, "%d is behind the table", fd);
    return end;
}

static void grows(void)
{
    static const int numbers[] = {63, 64, 70, 127, 128, 200, 255, 256, 300, 511};
    int least = table_end();
    prove(least % 64 == 0, "a table of %d places", least);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int fd = numbers[i];
        prove(is_open(fd) || dup2(0, fd) == fd, "dup2");
        int end = table_end();
        prove(end % 64 == 0 && end > fd && end >= least, "%d open: a table of %d places", fd, end);
        least = end;
        close(fd);
        prove(table_end() == least, "it does not shrink");
    }
}

int main(void)
{
    struct rlimit limit = {HIGHEST, HIGHEST};
    int status;
    prove(setrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
    for (int fd = 3; fd < HIGHEST; fd++)
        close(fd);
    prove(is_open(0) || open("/dev/null", O_RDWR) == 0, "descriptor 0");
    grows();
    pid_t child = fork();
    if (child == 0) {
        grows();
        exit(0);
    }
    prove(waitpid(child, &status, 0) == child && status == 0, "in a child");
    return proved("select tells where the table of descriptors ends, at a multiple of 64");
}
