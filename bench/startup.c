/* SPDX-License-Identifier: MIT */
/*
 * What a start of a program costs: COUNT times vfork and exec of PROGRAM with this process' environment.
 *
 * Linked statically, so that a preloaded object weighs on the children alone; on one CPU, so that a child begins where
 * its parent waits. Prints the medians: microseconds by the clock, microseconds of CPU time, page faults.
 *
 * usage: startup COUNT PROGRAM [ARG...]
 */
#include "timing.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct cost {
    double clock, cpu, faults;
};

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct cost start_one(char **argv)
{
    double begun = now_ns();
    struct rusage usage;
    int status = -1;
    pid_t child = vfork();

    if (child == 0) {
        execve(argv[0], argv, environ);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "startup: %s: status %d\n", argv[0], status);
        exit(1);
    }
    return (struct cost){(now_ns() - begun) / 1e3, (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * 1e6,
                         (double)usage.ru_minflt};
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    double *values = calloc(3 * count + 1, sizeof(*values));
    cpu_set_t one;

    if (count == 0 || values == NULL)
        return 2;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
    start_one(argv + 2);
    for (size_t i = 0; i < count; i++) {
        struct cost cost = start_one(argv + 2);

        values[i] = cost.clock;
        values[count + i] = cost.cpu;
        values[2 * count + i] = cost.faults;
    }
    printf("%.1f %.1f %.0f\n", median(values, count), median(values + count, count), median(values + 2 * count, count));
    return 0;
}
