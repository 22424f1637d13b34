/* SPDX-License-Identifier: MIT */
/*
 * Many processes of many threads under reloads: no decision is wrong, none is missed.
 *
 * usage: reload_load SOCKADE OBJECT POLICY PROCESSES THREADS RELOADS REST [wait]
 *   starts the processes preloaded, edits POLICY and publishes it RELOADS times, and prints what was seen. A thread
 *   rests for REST microseconds after 16 decisions. With `wait` each thread decides by an edit before the next one
 *   comes; how long that took is told, and how long it takes until each has decided anything at all (for bench/).
 *
 * Each edit refuses 127.0.0.1 with the next errno of a list. A thread notes which edits were under way or published
 * before its call, and which after it; an errno that belongs to none of them is wrong. One that belongs to the edit
 * before is late, which is as bad; the longest such time is told. After the last edit every thread has to decide by it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EDITS_MAX 100000
#define BOARD_FD 100 /* the shared memory, inherited */

static const int errors[] = {EHOSTDOWN, ENETDOWN, ENETRESET, EHOSTUNREACH, ENETUNREACH};
static const char *const names[] = {"EHOSTDOWN", "ENETDOWN", "ENETRESET", "EHOSTUNREACH", "ENETUNREACH"};
#define ERRORS 5

struct board {
    _Atomic uint32_t begun, published; /* edits */
    useconds_t rest;
    _Atomic bool go, finished;
    _Atomic uint32_t running, followed; /* threads: that have started, that decided by the last edit */
    _Atomic uint32_t turn, seen;        /* threads that have decided since this turn began, by what is published, */
    _Atomic uint64_t last;              /* and when the last of them did */
    _Atomic uint64_t decisions, wrong, late;
    _Atomic uint64_t longest; /* nanoseconds from an edit's publishing to the last decision by the one before */
    _Atomic uint64_t times[EDITS_MAX];
};

static struct board *board;

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void raise_to(_Atomic uint64_t *highest, uint64_t value)
{
    uint64_t before = *highest;

    while (value > before && !atomic_compare_exchange_weak(highest, &before, value))
        continue;
}

/* One decision, by connect or by sendto. Returns whether it was by the edit that was published before it. */
static bool decide(int fd, bool send)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    uint32_t published = board->published, begun;
    int result, error;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    result = send ? (int)sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address))
                  : connect(fd, (struct sockaddr *)&address, sizeof(address));
    error = result < 0 ? errno : 0;
    begun = board->begun;
    board->decisions++;
    for (uint32_t edit = published; edit <= begun; edit++) {
        if (error == errors[edit % ERRORS])
            return true;
    }
    if (published > 0 && error == errors[(published - 1) % ERRORS]) {
        board->late++;
        raise_to(&board->longest, now() - board->times[published]);
        return false;
    }
    board->wrong++;
    fprintf(stderr, "%s: errno %d with edits %u to %u\n", send ? "sendto" : "connect", error, published, begun);
    return false;
}

static void *worker(void *unused)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint32_t turn, noted = 0;
    uint64_t deadline;

    board->running++;
    while (!board->go)
        usleep(5000);
    for (unsigned i = 0; !board->finished; i++) {
        turn = board->turn;
        if (decide(fd, i & 1) && turn > noted) {
            noted = turn;
            raise_to(&board->last, now());
            board->seen++;
        }
        if (i % 16 == 0 && board->rest > 0)
            usleep(board->rest);
    }
    deadline = now() + 20000000000u;
    while (now() < deadline) {
        if (decide(fd, true)) {
            board->followed++;
            break;
        }
        usleep(1000);
    }
    close(fd);
    return unused;
}

static int run_threads(int count)
{
    pthread_t threads[64];
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], &small, worker, NULL) != 0)
            return 90;
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* An edit of the policy by rename; every other one is large, so that the slots are filled to different heights. */
static void edit(const char *policy, uint32_t number)
{
    char temporary[4200];
    FILE *file;

    snprintf(temporary, sizeof(temporary), "%s.new", policy);
    file = fopen(temporary, "w");
    if (file == NULL)
        exit(91);
    fprintf(file, "version = 1; log = { what = \"none\"; };\nsets = { many = [ \"198.51.100.1\"");
    for (uint32_t i = 0; i < (number & 1 ? 3000 : 10); i++)
        fprintf(file, ", \"10.%u.%u.%u\"", i >> 15, i >> 7 & 255, i << 1 & 255);
    fprintf(file,
            " ]; };\nrules = ( { action = \"deny\"; to = \"127.0.0.1\"; errno = \"%s\"; },\n"
            "{ action = \"deny\"; to = \"@many\"; } );\n",
            names[number % ERRORS]);
    if (fclose(file) != 0 || rename(temporary, policy) != 0)
        exit(92);
}

static void publish(const char *command, const char *policy)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        execl(command, command, "reload", "--quiet", "--policy", policy, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        exit(93);
}

static void start_processes(char **argv, int count)
{
    for (int i = 0; i < count; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* none works on where the test was ended */
            setenv("LD_PRELOAD", argv[2], 1);
            setenv("SOCKADE_POLICY", argv[3], 1);
            execl("/proc/self/exe", argv[0], argv[5], (char *)NULL);
            _exit(127);
        }
    }
}

/* Milliseconds until every thread has decided by what is published, ten seconds at most. */
static double take_turn(uint32_t all)
{
    uint64_t begun = now();

    board->seen = 0;
    board->turn++;
    while (board->seen < all && now() < begun + 10000000000u)
        usleep(1000);
    if (board->seen < all)
        board->wrong++;
    return (double)(board->last - begun) / 1e6;
}

/* One edit; with `waits` nobody is left behind. */
static void reload(char **argv, uint32_t number, uint32_t all, bool waits)
{
    double before = waits ? take_turn(all) : 0;
    uint64_t begun;

    board->begun = number;
    edit(argv[3], number);
    begun = now();
    publish(argv[1], argv[3]);
    board->times[number] = now();
    board->published = number;
    if (waits)
        printf("edit %u: %.3f ms to publish it, %.3f ms until each thread decided by it, %.3f ms without an edit\n",
               number, (double)(board->times[number] - begun) / 1e6, take_turn(all), before);
    else
        usleep(20000);
}

static int drive(char **argv, bool waits)
{
    int processes = atoi(argv[4]), threads = atoi(argv[5]), reloads = atoi(argv[6]);
    uint32_t all = (uint32_t)processes * (uint32_t)threads;
    int status, failed = 0;

    board->rest = (useconds_t)atoi(argv[7]);
    edit(argv[3], 0);
    publish(argv[1], argv[3]);
    start_processes(argv, processes);
    while (board->running < all)
        usleep(10000);
    board->go = true;
    for (uint32_t number = 1; number <= (uint32_t)reloads && number < EDITS_MAX; number++)
        reload(argv, number, all, waits);
    board->finished = true;
    while (wait(&status) > 0)
        failed += status != 0;
    printf("%d processes of %d threads, %d reloads: %llu decisions, %llu wrong, %llu late by at most %.1f ms, "
           "%u of %u threads followed, %d processes failed\n",
           processes, threads, reloads, (unsigned long long)board->decisions, (unsigned long long)board->wrong,
           (unsigned long long)board->late, (double)board->longest / 1e6, board->followed, all, failed);
    return board->wrong != 0 || board->late != 0 || board->followed != all || failed != 0;
}

int main(int argc, char **argv)
{
    bool driver = argc == 8 || argc == 9;
    int fd = driver ? memfd_create("board", 0) : BOARD_FD;

    if (driver && (ftruncate(fd, sizeof(struct board)) != 0 || dup2(fd, BOARD_FD) < 0))
        return 94;
    board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED || argc < 2)
        return 95;
    return driver ? drive(argv, argc == 9) : run_threads(atoi(argv[1]) < 64 ? atoi(argv[1]) : 64);
}
