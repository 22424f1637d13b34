/* SPDX-License-Identifier: MIT */
/*
 * How a program asks whether Sockade watches its network calls, by which policy, and what that says of an endpoint.
 *
 * Nothing is linked for it: the functions below look for the preloaded object at run time, so the same binary works
 * where there is none. For C99 and C++, 32 and 64 bits. `cc $(pkg-config --cflags --libs sockade) ask.c`; the library
 * that is named there is libc's own, for dlsym on glibc before 2.34.
 *
 * - sockade_is_active() is 1 where the object is preloaded, else 0.
 * - sockade_policy() writes a line "LAYER MODE PATH" for each layer of the policy: "system" or "user"; "enforce",
 *   "audit" (it only observes), "off", or "closed" (it cannot be read, and refuses); the file by which it was reached.
 * - sockade_explain() tells what a call to, from or on an address would come to now. It asks as connect, accept, bind
 *   and socket themselves do, reaches nobody, and leaves no event in a log.
 *
 * A program cannot switch anything off by this, nor learn more than that policy file's reader.
 *
 * Threads and signals: everything may be called from any thread. The first call of a source file looks for the object
 * by dlsym(3), which no signal handler may do; after that all of it may be called from handlers, and of a child of
 * vfork(2) too. Nothing is allocated. errno is changed only where -1 is returned.
 *
 * Stability: fields and functions are added at the end, and nothing is taken away, as long as SOCKADE_API is 1.
 */
#ifndef SOCKADE_H
#define SOCKADE_H

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOCKADE_API 1u

/* What is asked about. */
enum sockade_direction {
    SOCKADE_TO = 0,    /* reaching the address: connect, sendto */
    SOCKADE_FROM = 1,  /* being reached from it: accept, recvfrom; its port is that of our own service, 0: not known */
    SOCKADE_ON = 2,    /* being reachable on it: bind, listen */
    SOCKADE_FAMILY = 3 /* opening a socket of its sa_family, which alone counts */
};

/* What comes of it. */
enum sockade_action {
    SOCKADE_ALLOW = 0,
    SOCKADE_DENY = 1, /* the call fails with `error` */
    SOCKADE_DROP = 2  /* a datagram is swallowed in silence; a connection fails with `error` */
};

/* Who says so. */
enum sockade_source {
    SOCKADE_BY_NOTHING = 0, /* no layer has a word about it */
    SOCKADE_BY_RULE = 1,
    SOCKADE_BY_DEFAULT = 2, /* no rule holds, and the default refuses */
    SOCKADE_BY_FAILURE = 3, /* the policy cannot be read, which refuses everything */
    SOCKADE_BY_KERNEL = 4   /* nothing to judge: it reaches nobody, or the kernel refuses it by itself */
};

/* Texts end with a NUL, are empty where there is nothing, and are cut where they are longer. */
struct sockade_verdict {
    int32_t action;       /* enum sockade_action: what the program meets with */
    int32_t error;        /* errno of a refusal; 0 where it is allowed */
    int32_t source;       /* enum sockade_source */
    int32_t audit;        /* 1: allowed by a layer that only observes, which would refuse it: what follows is of that */
    int32_t system_layer; /* 1: the system's layer says so, 0: one of the user's */
    uint32_t line;        /* of the rule, in `file`; 0: not known */
    char rule[96];        /* its name */
    char reason[256];     /* its reason, as the policy gives it */
    char file[320];       /* the file where it stands */
    char layer[512];      /* the path by which the layer was reached */
};

/* What the object has; found by the functions below. */
struct sockade_api {
    uint32_t version; /* SOCKADE_API that the object was built with, or later */
    uint32_t reserved;
    int (*policy)(char *text, size_t size);
    int (*explain)(int direction, const struct sockaddr *address, socklen_t length, int protocol,
                   struct sockade_verdict *verdict, size_t size);
};
typedef const struct sockade_api *sockade_api_function(unsigned version);

/* The object's functions; NULL where it is not preloaded, or older than this header. */
static inline const struct sockade_api *sockade_find(void)
{
    static const struct sockade_api *found;
    static int looked; /* 0: not yet */
    const struct sockade_api *api = NULL;
    sockade_api_function *ask;
    void *symbol;

    if (__atomic_load_n(&looked, __ATOMIC_ACQUIRE))
        return __atomic_load_n(&found, __ATOMIC_RELAXED);
    symbol = dlsym(NULL /* RTLD_DEFAULT, which C does not show everywhere */, "sockade_api");
    if (symbol != NULL) {
        memcpy(&ask, &symbol, sizeof(ask));
        api = ask(SOCKADE_API);
    } else {
        (void)dlerror(); /* ours, and not the program's next question about its own */
    }
    __atomic_store_n(&found, api, __ATOMIC_RELAXED);
    __atomic_store_n(&looked, 1, __ATOMIC_RELEASE);
    return api;
}

/* Whether the object is preloaded; it may be without any policy. */
static inline int sockade_is_active(void)
{
    return sockade_find() != NULL;
}

/*
 * Writes the layers in force as lines, at most `size` bytes with the NUL; `text` may be NULL where `size` is 0.
 * Returns how many bytes all of it takes without the NUL, so 0 where there is no policy; -1 with ENOSYS where the
 * object is not preloaded.
 */
static inline int sockade_policy(char *text, size_t size)
{
    const struct sockade_api *api = sockade_find();

    if (api != NULL)
        return api->policy(text, size);
    if (size > 0)
        text[0] = '\0';
    errno = ENOSYS;
    return -1;
}

/*
 * Fills `verdict` with what a call would come to. `protocol` is one of IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, ...;
 * 0: TCP or UDP, of which the stricter holds. What depends on something that is not known is judged strictly.
 * Returns 0; -1 with ENOSYS where the object is not preloaded, EINVAL for a direction, a length or a protocol that
 * does not exist. `verdict` allows then.
 */
static inline int sockade_explain(enum sockade_direction direction, const struct sockaddr *address, socklen_t length,
                                  int protocol, struct sockade_verdict *verdict)
{
    const struct sockade_api *api = sockade_find();

    if (api != NULL)
        return api->explain((int)direction, address, length, protocol, verdict, sizeof(*verdict));
    memset(verdict, 0, sizeof(*verdict));
    errno = ENOSYS;
    return -1;
}

#ifdef __cplusplus
}
#endif

#endif
