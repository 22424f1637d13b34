/* SPDX-License-Identifier: MIT */
/*
 * Reloads from within: a program that publishes images for itself and checks each decision afterwards, while its
 * threads do what is hard on a library. Run preloaded.
 *
 * usage: reload_inside WHAT COUNT FOLDER/NAME IMAGE-A IMAGE-B
 *   many    COUNT reloads under the load of 8 threads; memory is the same after them
 *   jump    with a timer whose handler leaves the call by siglongjmp
 *   cancel  with threads that are cancelled in the middle, asynchronously
 *   fork    with a thread that forks; each child publishes too, and must follow
 *   vfork   with vfork children that address a socket
 *   cost    tells what a call costs that takes a new image, and one that does not, without any load (for bench/)
 *
 * The images refuse 127.0.0.1:9 by ENETDOWN (A) and EHOSTDOWN (B).
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define IMAGE_ROOM (32 << 20)
#define COSTS_MAX 10000

static char images[2][IMAGE_ROOM];
static size_t sizes[2];
static const int errors[2] = {ENETDOWN, EHOSTDOWN};
static char image_path[PATH_MAX], control_path[PATH_MAX + 16];
static _Atomic long wrong, decisions;

/* Twice the number of images that were published, and one more while there is one under way; shared with children. */
static struct {
    _Atomic unsigned count;
    _Atomic int which;
} * published;

static _Atomic bool finished;
static _Thread_local sigjmp_buf back;
static volatile sig_atomic_t jumping;

/*
 * The one socket, made at the start: socket(2) looks at the sources once a second, and image A is not what they say, so
 * that the shim would compile and publish an image of its own.
 */
static int probe;

static int decide(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(probe, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

/* Large images that were in force lately keep a name, so that no process has to do away with one (config/publish.c). */
static void kept_move(void)
{
    char old[2][PATH_MAX + 8];

    snprintf(old[0], sizeof(old[0]), "%s.old", image_path);
    snprintf(old[1], sizeof(old[1]), "%s.older", image_path);
    rename(old[0], old[1]);
    (void)!link(image_path, old[0]);
}

/* Replaces the image as a writer does, and raises the word. */
static void publish(int which)
{
    char temporary[PATH_MAX + 32];
    uint32_t word;
    int fd;

    published->count++;
    published->which = which;
    snprintf(temporary, sizeof(temporary), "%s.%d", image_path, (int)getpid());
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, images[which], sizes[which]) != (ssize_t)sizes[which] || close(fd) != 0)
        _exit(90);
    kept_move();
    if (rename(temporary, image_path) != 0)
        _exit(90);
    fd = open(control_path, O_RDWR);
    if (fd < 0 || pread(fd, &word, sizeof(word), 12) != sizeof(word))
        _exit(91);
    word++;
    if (pwrite(fd, &word, sizeof(word), 12) != sizeof(word))
        _exit(92);
    close(fd);
    published->count++;
}

/* One decision, which has to be by the image that was published before the call, or by one that came meanwhile. */
static void decide_rightly(const char *who)
{
    unsigned before = published->count;
    int which = published->which;
    int error = decide();

    if (error == errors[which] || (error == errors[!which] && ((before & 1) || published->count != before)))
        return;
    fprintf(stderr, "%s: decided %d\n", who, error);
    wrong++;
}

/* Two threads never rest; the others do now and then, so that the publishing thread comes to its turn. */
static void *load(void *number)
{
    bool rests = (uintptr_t)number >= 2;

    for (unsigned i = 0; !finished; i++) {
        decide_rightly("a thread under load");
        decisions++;
        if (rests && i % 16 == 0)
            usleep(200);
    }
    return NULL;
}

static void *load_until_cancelled(void *unused)
{
    (void)unused;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        decide();
    return NULL;
}

static long count_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    long count = 0;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        count++;
    if (maps != NULL)
        fclose(maps);
    return count;
}

static long resident_pages(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long size = 0, resident = 0;

    if (statm == NULL || fscanf(statm, "%ld %ld", &size, &resident) != 2)
        size = 0;
    if (statm != NULL)
        fclose(statm);
    return resident;
}

/* Publishes `count` times; each image is that of the next call. */
static void rounds(int count)
{
    for (int i = 0; i < count; i++) {
        publish(i & 1);
        decide_rightly("the thread that published");
    }
}

static long count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    long count = 0;

    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static void many(int count)
{
    long maps, pages, descriptors;

    rounds(200);
    maps = count_maps();
    pages = resident_pages();
    descriptors = count_descriptors();
    rounds(count);
    if (count_maps() > maps + 4 || resident_pages() > pages + 512 || count_descriptors() > descriptors + 3) {
        fprintf(stderr, "%ld maps, now %ld; %ld pages, now %ld; %ld descriptors, now %ld\n", maps, count_maps(), pages,
                resident_pages(), descriptors, count_descriptors());
        wrong++;
    }
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    if (jumping)
        siglongjmp(back, 1);
}

static void jump(int count)
{
    struct itimerval often = {.it_interval.tv_usec = 170, .it_value.tv_usec = 170}, never = {0};
    volatile int i = 0;

    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    sigsetjmp(back, 1);
    while (i < count) {
        jumping = 0;
        publish(i++ & 1);
        jumping = 1;
        decide();
        decide();
    }
    jumping = 0;
    setitimer(ITIMER_REAL, &never, NULL);
}

static void cancel(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, load_until_cancelled, NULL) != 0)
            _exit(93);
        usleep(50);
        publish(i & 1);
        usleep((useconds_t)(rand() % 100));
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
}

/* The parent's own publishing rests meanwhile: the child's must be the last. */
static void forks(int count)
{
    for (int i = 0; i < count; i++) {
        int status = -1;
        pid_t child;

        publish(i & 1);
        child = fork();
        if (child == 0) {
            decide_rightly("a child that was forked in the middle");
            rounds(4);
            _exit(wrong != 0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            wrong++;
    }
}

static void vforks(int count)
{
    for (volatile int i = 0; i < count; i++) {
        pid_t child;

        publish(i & 1);
        child = vfork();
        if (child == 0) {
            decide();
            _exit(0);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            wrong++;
    }
}

static int compare_times(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return (a > b) - (a < b);
}

static double microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void cost(int count)
{
    static double times[2][COSTS_MAX];
    count = count < COSTS_MAX ? count : COSTS_MAX;
    for (int i = 0; i < count; i++) {
        publish(i & 1);
        for (int which = 0; which < 2; which++) {
            double begun = microseconds();

            decide();
            times[which][i] = microseconds() - begun;
        }
    }
    for (int which = 0; which < 2; which++)
        qsort(times[which], (size_t)count, sizeof(double), compare_times);
    printf("%.3f us with a reload, %.3f us without\n", times[0][count / 2], times[1][count / 2]);
}

static size_t read_file(const char *path, char *out)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, out, IMAGE_ROOM);

    if (size <= 0)
        exit(94);
    close(fd);
    return (size_t)size;
}

static void start_load(pthread_t threads[], int count)
{
    sigset_t alarms;

    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, load, (void *)(uintptr_t)i);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(int count);
    } all[] = {{"many", many}, {"jump", jump}, {"cancel", cancel}, {"fork", forks}, {"vfork", vforks}, {"cost", cost}};
    pthread_t threads[THREADS];
    int load_threads;
    size_t what = 0;

    while (what < 5 && argc == 6 && strcmp(all[what].name, argv[1]) != 0)
        what++;
    if (argc != 6 || strlen(argv[3]) >= PATH_MAX)
        return 95;
    published = mmap(NULL, sizeof(*published), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (published == MAP_FAILED)
        return 96;
    strcpy(image_path, argv[3]);
    snprintf(control_path, sizeof(control_path), "%.*s/control-1", (int)(strrchr(argv[3], '/') - argv[3]), argv[3]);
    sizes[0] = read_file(argv[4], images[0]);
    sizes[1] = read_file(argv[5], images[1]);
    probe = socket(AF_INET, SOCK_DGRAM, 0);
    publish(0);
    load_threads = all[what].run == cost ? 0 : THREADS;
    start_load(threads, load_threads);
    all[what].run(atoi(argv[2]));
    if (load_threads > 0)
        rounds(4); /* whatever happened, the process follows */
    finished = true;
    for (int i = 0; i < load_threads; i++)
        pthread_join(threads[i], NULL);
    printf("%s %ld decisions, %ld wrong\n", argv[1], (long)decisions, (long)wrong);
    return wrong != 0;
}
