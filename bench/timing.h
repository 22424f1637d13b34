/* SPDX-License-Identifier: MIT */
/* What the measuring programs share: the clock, and order among what they measured. */
#ifndef SOCKADE_BENCH_TIMING_H
#define SOCKADE_BENCH_TIMING_H

#include <stdlib.h>
#include <time.h>

/* Nanoseconds by a clock that nobody sets. */
static inline double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline int order_of_values(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline void sort_values(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), order_of_values);
}

/* The median; sorts the values. */
static inline double median(double *values, size_t count)
{
    sort_values(values, count);
    return values[count / 2];
}

#endif
