/* SPDX-License-Identifier: MIT */
/*
 * Asks the object about its policy by include/sockade.h, and prints what it says.
 *
 *   asking policy [SIZE]                   the layers, in a buffer of SIZE bytes
 *   asking to|from|on ADDRESS PORT PROTO   the verdict
 *   asking unix PATH | family NUMBER
 *   asking refused                         what cannot be asked
 *   asking agrees FIRST COUNT              whether connect says the same of COUNT addresses from FIRST on
 *   asking handler ADDRESS PORT            from a signal handler, a thread with a small stack and a child of vfork
 *   asking twice ADDRESS PORT              before and after a line from stdin
 */
#include "include/sockade.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un local;
};

static socklen_t read_address(union address *out, const char *text, const char *port)
{
    memset(out, 0, sizeof(*out));
    out->inet.sin_port = htons((uint16_t)atoi(port)); /* sin6_port stands in the same place */
    out->any.sa_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (out->any.sa_family == AF_INET6)
        return inet_pton(AF_INET6, text, &out->inet6.sin6_addr) == 1 ? sizeof(out->inet6) : 0;
    return inet_pton(AF_INET, text, &out->inet.sin_addr) == 1 ? sizeof(out->inet) : 0;
}

static const char *error_name(int error)
{
    return error == 0              ? "0"
           : error == EACCES       ? "EACCES"
           : error == ECONNREFUSED ? "ECONNREFUSED"
           : error == EAFNOSUPPORT ? "EAFNOSUPPORT"
           : error == ENOSYS       ? "ENOSYS"
           : error == EINVAL       ? "EINVAL"
                                   : "other";
}

static int explain(enum sockade_direction direction, const struct sockaddr *address, socklen_t length, int protocol)
{
    static const char *const actions[] = {"allow", "deny", "drop"};
    static const char *const sources[] = {"nothing", "rule", "default", "failure", "kernel"};
    struct sockade_verdict verdict;

    errno = 0;
    if (sockade_explain(direction, address, length, protocol, &verdict) != 0) {
        printf("-1 %s\n", error_name(errno));
        return 1;
    }
    printf("%s%s %s by %s", actions[verdict.action], verdict.audit ? " (audit)" : "", error_name(verdict.error),
           sources[verdict.source]);
    if (verdict.layer[0] != '\0')
        printf(" of %s %s", verdict.system_layer ? "system" : "user", verdict.layer);
    if (verdict.source == SOCKADE_BY_RULE)
        printf(": '%s' (%s) %s:%u", verdict.rule, verdict.reason, verdict.file, (unsigned)verdict.line);
    printf("%s\n", errno != 0 ? " and errno was changed" : "");
    return verdict.action != SOCKADE_ALLOW;
}

static int show_policy(size_t size)
{
    char text[4096] = "?";
    int length = sockade_policy(size > 0 ? text : NULL, size);

    printf("%s%d%s\n", size > 0 ? text : "", length, length < 0 ? error_name(errno) : "");
    return 0;
}

static int ask_endpoint(enum sockade_direction direction, char **words)
{
    union address address;
    socklen_t length = read_address(&address, words[0], words[1]);

    return explain(direction, &address.any, length, atoi(words[2]));
}

static int ask_refused(void)
{
    union address address;
    socklen_t length = read_address(&address, "192.0.2.1", "1");

    explain((enum sockade_direction)9, &address.any, length, 0);
    explain((enum sockade_direction) - 1, &address.any, length, 0);
    explain(SOCKADE_TO, NULL, length, 0);
    explain(SOCKADE_TO, &address.any, 1, 0);
    explain(SOCKADE_TO, &address.any, 4096, 0);
    explain(SOCKADE_TO, &address.any, length, -1);
    explain(SOCKADE_TO, &address.any, length, 300);
    explain(SOCKADE_TO, &address.any, 4, 0); /* too short an address: the kernel's business */
    return 0;
}

/* Datagram sockets: connecting one reaches nobody. */
static int ask_agrees(const char *first, int count)
{
    union address address;
    socklen_t length = read_address(&address, first, "53");
    uint32_t base = ntohl(address.inet.sin_addr.s_addr);
    int refused = 0;

    for (int i = 0; i < count; i++) {
        struct sockade_verdict verdict;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

        address.inet.sin_addr.s_addr = htonl(base + (uint32_t)i);
        address.inet.sin_port = htons((uint16_t)(50 + i % 10));
        if (connect(fd, &address.any, length) != 0 && errno == EACCES)
            error = EACCES;
        close(fd);
        if (sockade_explain(SOCKADE_TO, &address.any, length, IPPROTO_UDP, &verdict) != 0 || verdict.error != error)
            return printf("%d: connect %d, explain %d\n", i, error, verdict.error), 1;
        refused += error != 0;
    }
    printf("%d of %d refused by both\n", refused, count);
    return 0;
}

static union address asked;
static socklen_t asked_length;
static volatile sig_atomic_t answers[3];

static int answer(void)
{
    struct sockade_verdict verdict;

    return sockade_explain(SOCKADE_TO, &asked.any, asked_length, IPPROTO_TCP, &verdict) == 0 ? verdict.error : -1;
}

static void on_signal(int number)
{
    (void)number;
    answers[0] = answer();
}

static void *in_thread(void *unused)
{
    answers[1] = answer();
    return unused;
}

static int ask_everywhere(char **words)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pid_t child;

    asked_length = read_address(&asked, words[0], words[1]);
    signal(SIGUSR1, on_signal);
    if (!sockade_is_active()) /* looks for the object, which a handler may not */
        return 1;
    raise(SIGUSR1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    if (pthread_create(&thread, &attributes, in_thread, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    child = vfork();
    if (child == 0) {
        answers[2] = answer();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("%s %s %s\n", error_name(answers[0]), error_name(answers[1]), error_name(answers[2]));
    return 0;
}

static int ask_twice(char **words)
{
    char line[16];

    asked_length = read_address(&asked, words[0], words[1]);
    printf("%s\n", error_name(answer()));
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        return 1;
    printf("%s\n", error_name(answer()));
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const directions[] = {"to", "from", "on"};
    union address address = {0};
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "policy") == 0)
        return show_policy(argc > 2 ? (size_t)atoi(argv[2]) : 4096);
    for (int i = 0; i < 3; i++) {
        if (strcmp(what, directions[i]) == 0 && argc == 5)
            return ask_endpoint((enum sockade_direction)i, argv + 2);
    }
    if (strcmp(what, "unix") == 0 && argc == 3) {
        address.any.sa_family = AF_UNIX;
        strncpy(address.local.sun_path, argv[2], sizeof(address.local.sun_path) - 1);
        return explain(SOCKADE_TO, &address.any, sizeof(address.local), 0);
    }
    if (strcmp(what, "family") == 0 && argc == 3) {
        address.any.sa_family = (sa_family_t)atoi(argv[2]);
        return explain(SOCKADE_FAMILY, &address.any, sizeof(address.any), 0);
    }
    if (strcmp(what, "refused") == 0)
        return ask_refused();
    if (strcmp(what, "agrees") == 0 && argc == 4)
        return ask_agrees(argv[2], atoi(argv[3]));
    if (strcmp(what, "handler") == 0 && argc == 4)
        return ask_everywhere(argv + 2);
    if (strcmp(what, "twice") == 0 && argc == 4)
        return ask_twice(argv + 2);
    return 2;
}
