/* SPDX-License-Identifier: MIT */
/*
 * Each call of libc that looks up names, and what came of it, one line each: lookups NAME ADDRESS
 * [here|threads|fork|jump]
 *
 * jump: a signal handler jumps out of a call that waits for a silent server; the next call must find the servers again.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4

static const char *name;
static const char *number;

/* What one caller saw. */
struct seen {
    char text[8192];
    size_t length;
};

static __attribute__((format(printf, 2, 3))) void tell(struct seen *seen, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    seen->length += (size_t)vsnprintf(seen->text + seen->length, sizeof(seen->text) - seen->length, format, arguments);
    va_end(arguments);
}

static void tell_list(struct seen *seen, const char *call, const char *asked, int result, const struct addrinfo *list)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (result == 0 && list->ai_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)list->ai_addr)->sin_addr, text, sizeof(text));
    tell(seen, "%s %s: %d %s\n", call, asked, result, text);
}

static void tell_host(struct seen *seen, const char *call, const struct hostent *host, int error)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (host != NULL)
        inet_ntop(host->h_addrtype, host->h_addr_list[0], text, sizeof(text));
    tell(seen, "%s: %s %s %d\n", call, host == NULL ? "-" : host->h_name, text, host == NULL ? error : 0);
}

static void by_getaddrinfo(struct seen *seen)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    const char *const asked[] = {name, "localhost", "10.1.2.3", "known.test"};
    struct addrinfo *list;
    struct gaicb request = {.ar_name = name, .ar_request = &hints};
    struct gaicb *requests[] = {&request};
    int result;

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        list = NULL;
        result = getaddrinfo(asked[i], "80", &hints, &list);
        tell_list(seen, "getaddrinfo", asked[i], result, list);
        if (result == 0)
            freeaddrinfo(list);
    }
    result = getaddrinfo_a(GAI_WAIT, requests, 1, NULL);
    tell_list(seen, "getaddrinfo_a", name, result != 0 ? result : gai_error(&request), request.ar_result);
    memset(&request, 0, sizeof(request));
    request.ar_name = "localhost";
    request.ar_request = &hints;
    result = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);
    while (result == 0 && gai_suspend((const struct gaicb *const *)requests, 1, NULL) == EAI_INTR)
        continue;
    tell_list(seen, "getaddrinfo_a", "localhost", result != 0 ? result : gai_error(&request), request.ar_result);
}

static void told_by_thread(union sigval value)
{
    sem_post(value.sival_ptr);
}

static sem_t told;

static void told_by_signal(int which, siginfo_t *info, void *context)
{
    (void)which, (void)context;
    if (info->si_code == SI_ASYNCNL && info->si_value.sival_ptr == &told)
        sem_post(&told);
}

/* Names that are looked up while the program goes on: how it is told that they are there. */
static void by_notice(struct seen *seen)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct sigaction action = {.sa_sigaction = told_by_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent events[] = {{.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1},
                                {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = told_by_thread}};

    sem_init(&told, 0, 0);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 2; i++) {
        struct gaicb request = {.ar_name = name, .ar_request = &hints};
        struct gaicb *requests[] = {NULL, &request};
        int result;

        events[i].sigev_value.sival_ptr = &told;
        result = getaddrinfo_a(GAI_NOWAIT, requests, 2, &events[i]);
        while (result == 0 && sem_wait(&told) != 0)
            continue;
        tell_list(seen, i == 0 ? "told by signal" : "told by thread", name, result != 0 ? result : gai_error(&request),
                  request.ar_result);
    }
}

static void by_gethostby(struct seen *seen)
{
    struct hostent room, *found;
    char buffer[4096], text[NI_MAXHOST];
    struct in_addr address;
    struct sockaddr_in socket_address = {.sin_family = AF_INET};
    int error = 0;
    int result;

    inet_pton(AF_INET, number, &address);
    socket_address.sin_addr = address;
    gethostbyname_r(name, &room, buffer, sizeof(buffer), &found, &error);
    tell_host(seen, "gethostbyname_r", found, error);
    gethostbyname2_r(name, AF_INET, &room, buffer, sizeof(buffer), &found, &error);
    tell_host(seen, "gethostbyname2_r", found, error);
    gethostbyname_r("10.1.2.3", &room, buffer, sizeof(buffer), &found, &error);
    tell_host(seen, "gethostbyname_r", found, error);
    gethostbyaddr_r(&address, sizeof(address), AF_INET, &room, buffer, sizeof(buffer), &found, &error);
    tell_host(seen, "gethostbyaddr_r", found, error);
    result = getnameinfo((struct sockaddr *)&socket_address, sizeof(socket_address), text, sizeof(text), NULL, 0, 0);
    tell(seen, "getnameinfo: %d %s\n", result, result == 0 ? text : "");
    result = getnameinfo((struct sockaddr *)&socket_address, sizeof(socket_address), text, sizeof(text), NULL, 0,
                         NI_NUMERICHOST);
    tell(seen, "getnameinfo: %d %s\n", result, result == 0 ? text : "");
}

/* Those that keep their answer in memory of their own: not from several threads. */
static void by_static(struct seen *seen)
{
    struct in_addr address;

    inet_pton(AF_INET, number, &address);
    tell_host(seen, "gethostbyname", gethostbyname(name), h_errno);
    tell_host(seen, "gethostbyname", gethostbyname("localhost"), h_errno);
    tell_host(seen, "gethostbyname2", gethostbyname2(name, AF_INET), h_errno);
    tell_host(seen, "gethostbyaddr", gethostbyaddr(&address, sizeof(address), AF_INET), h_errno);
}

static void tell_answer(struct seen *seen, const char *call, int length, int error)
{
    tell(seen, "%s: %s %d\n", call, length > 0 ? "answered" : "-", length > 0 ? 0 : error);
}

static void by_questions(struct seen *seen)
{
    unsigned char answer[1024], question[512];
    struct __res_state state;
    int length;

    tell_answer(seen, "res_query", res_query(name, C_IN, T_A, answer, sizeof(answer)), h_errno);
    tell_answer(seen, "res_search", res_search(name, C_IN, T_A, answer, sizeof(answer)), h_errno);
    tell_answer(seen, "res_querydomain", res_querydomain("name", "test", C_IN, T_A, answer, sizeof(answer)), h_errno);
    length = res_mkquery(QUERY, name, C_IN, T_A, NULL, 0, NULL, question, sizeof(question));
    tell_answer(seen, "res_send", res_send(question, length, answer, sizeof(answer)), 0);
    memset(&state, 0, sizeof(state));
    res_ninit(&state);
    tell_answer(seen, "res_nquery", res_nquery(&state, name, C_IN, T_A, answer, sizeof(answer)), h_errno);
    tell_answer(seen, "res_nsearch", res_nsearch(&state, name, C_IN, T_A, answer, sizeof(answer)), h_errno);
    tell_answer(seen, "res_nquerydomain", res_nquerydomain(&state, "name", "test", C_IN, T_A, answer, sizeof(answer)),
                h_errno);
    tell_answer(seen, "res_nsend", res_nsend(&state, question, length, answer, sizeof(answer)), 0);
    tell(seen, "servers of the own state: %d\n", state.nscount);
    res_nclose(&state);
}

static void by_all(struct seen *seen)
{
    by_questions(seen); /* first, since these make the state ready in their own way */
    by_getaddrinfo(seen);
    by_gethostby(seen);
    tell(seen, "servers: %d, options %#lx\n", _res.nscount, _res.options);
}

static void *in_thread(void *data)
{
    by_all(data);
    return NULL;
}

static void in_threads(void)
{
    static struct seen seen[THREADS];
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, in_thread, &seen[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++) {
        if (strcmp(seen[i].text, seen[0].text) != 0)
            printf("thread %d saw something else:\n%s", i, seen[i].text);
    }
    printf("%s", seen[0].text);
}

static sigjmp_buf out;

static void jump_out(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

/* By calls that hold no lock of libc's while they wait. */
static void jumps(void)
{
    static struct seen seen; /* static: it is used behind the jump */
    static struct addrinfo *list;

    signal(SIGALRM, jump_out);
    if (sigsetjmp(out, 1) == 0) {
        ualarm(300000, 0);
        getaddrinfo(name, NULL, NULL, &list);
        printf("nothing to jump out of\n");
    }
    tell(&seen, "getaddrinfo: %d\n", getaddrinfo("localhost", NULL, NULL, &list));
    tell(&seen, "servers: %d, options %#lx\n", _res.nscount, _res.options);
    printf("%s", seen.text);
}

int main(int argc, char **argv)
{
    const char *where = argc > 3 ? argv[3] : "here";
    static struct seen seen;

    if (argc < 3)
        return 2;
    name = argv[1];
    number = argv[2];
    if (strcmp(where, "jump") == 0) {
        jumps();
        return 0;
    }
    if (strcmp(where, "threads") == 0) {
        in_threads();
        return 0;
    }
    if (strcmp(where, "fork") == 0) {
        getaddrinfo("localhost", NULL, NULL, &(struct addrinfo *){NULL});
        if (fork() > 0)
            return wait(NULL) < 0;
    }
    by_all(&seen);
    by_notice(&seen);
    by_static(&seen);
    printf("%s", seen.text);
    return 0;
}
