/* SPDX-License-Identifier: MIT */
/*
 * One line on the terminal while something takes long: drawn by a thread of its own, since the work may be stuck in a
 * place that cannot tell how far it is, such as a large text's parser or a slow disk's fsync(2).
 */
#include "command/progress.h"

#include "config/progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MILLISECONDS 500 /* what is quicker needs no word */
#define NEXT_MILLISECONDS 100
#define USUAL_COLUMNS 80
#define MOST_COLUMNS 500
#define LEAST_NAME 8 /* columns; less of a name tells nothing */

#define ERASE "\r\033[K"

bool progress_wanted = true;

/* What the thread draws, and when. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool running, ended;
    struct progress told;
    char name[256];           /* of `told`, or its end */
    long long first, next;    /* milliseconds of the monotonic clock: of the first beginning, and of the next drawing */
    char drawn[MOST_COLUMNS]; /* what stands there; "": nothing */
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* For the handler, which may come at any time. */
static atomic_bool line_stands, interrupted;

static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static struct sigaction usual_endings[sizeof(endings) / sizeof(endings[0])];

static long long milliseconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- the line ---- */

static const char *work_words(enum work work)
{
    static const char *const words[] = {
        [WORK_WAIT] = "waiting for another process that compiles",
        [WORK_READ] = "reading",
        [WORK_SORT] = "sorting",
        [WORK_JOIN4] = "joining IPv4 addresses",
        [WORK_JOIN6] = "joining IPv6 addresses",
        [WORK_WRITE] = "writing the image",
    };

    return words[work];
}

/* ": 450000 lines, 45%", or what is known of it. */
static void write_amounts(char *out, size_t size, const struct progress *told)
{
    int used = 0;

    out[0] = '\0';
    if (told->lines > 0)
        used = snprintf(out, size, ": %zu lines", told->lines);
    if (told->total > 0)
        snprintf(out + used, size - (size_t)used, "%s%zu%%", used > 0 ? ", " : ": ", told->done * 100 / told->total);
}

/*
 * Writes the line in at most `columns` columns: of a name that is too long the end, without the number of lines where
 * that leaves too little of it, and in a very narrow terminal no name at all. `out` has MOST_COLUMNS bytes.
 */
static void write_line(char *out, size_t columns, const struct progress *told)
{
    const char *words = work_words(told->work);
    struct progress shown = *told;
    const char *name = told->name;
    char amounts[64];
    size_t used, room;

    for (;;) {
        write_amounts(amounts, sizeof(amounts), &shown);
        used = strlen("sockade: ") + strlen(words) + strlen(amounts) + (name != NULL ? 1 : 0);
        room = columns > used ? columns - used : 0;
        if (name == NULL || room >= LEAST_NAME || room >= strlen(name) || shown.lines == 0)
            break;
        shown.lines = 0;
    }
    if (name != NULL && strlen(name) > room && room < LEAST_NAME) {
        name = NULL;
        used--;
    }
    if (name == NULL)
        snprintf(out, columns + 1, "%s%s%s", columns >= used ? "sockade: " : "", words, amounts);
    else if (strlen(name) > room)
        snprintf(out, columns + 1, "sockade: %s ...%s%s", words, name + strlen(name) - (room - 3), amounts);
    else
        snprintf(out, columns + 1, "sockade: %s %s%s", words, name, amounts);
}

/* One column less than there are, since a terminal may go to the next line when the last one is filled. */
static size_t usable_columns(void)
{
    struct winsize size = {0};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size.ws_col = USUAL_COLUMNS;
    return size.ws_col > MOST_COLUMNS ? MOST_COLUMNS - 1 : size.ws_col - 1u;
}

/* A job in the background leaves the line to the shell. Without a controlling terminal there are no jobs. */
static bool in_background(void)
{
    pid_t foreground = tcgetpgrp(STDERR_FILENO);

    return foreground > 0 && foreground != getpgrp();
}

static void put(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));

    (void)written; /* a terminal that is gone needs no line */
}

/* Brings what stands there up to date; "" takes it away. */
static void draw(const char *line)
{
    char text[sizeof(ERASE) + MOST_COLUMNS];

    if (strcmp(line, state.drawn) == 0 || atomic_load(&interrupted) || in_background())
        return;
    snprintf(text, sizeof(text), ERASE "%s", line);
    atomic_store(&line_stands, line[0] != '\0');
    put(text);
    snprintf(state.drawn, sizeof(state.drawn), "%s", line);
}

/* ---- the thread ---- */

static void draw_told(void)
{
    char line[MOST_COLUMNS];

    state.told.name = state.name[0] != '\0' ? state.name : NULL;
    write_line(line, usable_columns(), &state.told);
    draw(line);
    state.next = milliseconds_now() + NEXT_MILLISECONDS;
}

static void *keep_drawing(void *unused)
{
    pthread_mutex_lock(&state.mutex);
    while (!state.ended) {
        const struct timespec until = {.tv_sec = state.next / 1000, .tv_nsec = state.next % 1000 * 1000000};

        if (pthread_cond_timedwait(&state.changed, &state.mutex, &until) == ETIMEDOUT)
            draw_told();
    }
    pthread_mutex_unlock(&state.mutex);
    return unused;
}

/* Takes a copy of what the work tells. What a name holds comes from a text, and may not reach the terminal as it is. */
static void note(const struct progress *progress)
{
    const char *name = progress->name != NULL ? progress->name : "";
    size_t length = strlen(name);

    if (length >= sizeof(state.name))
        name += length - (sizeof(state.name) - 1);
    pthread_mutex_lock(&state.mutex);
    state.told = *progress;
    snprintf(state.name, sizeof(state.name), "%s", name);
    for (char *c = state.name; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    pthread_mutex_unlock(&state.mutex);
}

/* All signals are the other thread's: they may end the program, or wait until an image is in its place. */
static bool thread_start(void)
{
    sigset_t all, before;
    pthread_condattr_t clock;
    bool started;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&state.changed, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    started = pthread_create(&state.thread, NULL, keep_drawing, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* ---- beginning and end ---- */

/* A signal that ends the program takes the line away first. */
static void end_by_signal(int number)
{
    int error = errno;

    atomic_store(&interrupted, true);
    if (atomic_load(&line_stands))
        put(ERASE);
    errno = error;
    raise(number); /* its usual effect is set again already; it comes when this handler returns */
}

static void signals_watch(void)
{
    struct sigaction action = {.sa_handler = end_by_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        sigaction(endings[i], NULL, &usual_endings[i]);
        if (usual_endings[i].sa_handler == SIG_DFL)
            sigaction(endings[i], &action, NULL);
    }
}

static void signals_leave(void)
{
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        sigaction(endings[i], &usual_endings[i], NULL);
}

static bool can_show(void)
{
    const char *terminal = getenv("TERM");

    return progress_wanted && isatty(STDERR_FILENO) && terminal != NULL && terminal[0] != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

void progress_begin(void)
{
    int error = errno;

    if (state.first == 0) {
        state.first = milliseconds_now();
        state.next = state.first + FIRST_MILLISECONDS;
    }
    if (can_show()) {
        state.ended = false;
        state.told = (struct progress){.work = WORK_READ};
        state.name[0] = '\0';
        state.running = thread_start();
    }
    if (state.running) {
        signals_watch();
        progress_listener = note;
    }
    errno = error;
}

void progress_end(void)
{
    int error = errno;

    if (state.running) {
        progress_listener = NULL;
        pthread_mutex_lock(&state.mutex);
        state.ended = true;
        pthread_cond_signal(&state.changed);
        pthread_mutex_unlock(&state.mutex);
        pthread_join(state.thread, NULL);
        pthread_cond_destroy(&state.changed);
        state.running = false;
        draw("");
        signals_leave();
    }
    errno = error;
}
