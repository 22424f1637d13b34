/* SPDX-License-Identifier: MIT */
/*
 * Probes are found by cookie, as translated sockets are, in memory that both sides of a fork share: what one side does
 * to the kernel's socket (a connect undone, an error taken) the other one must know of.
 *
 * The memory is made with the first probe. A place is free again when no descriptor of the process that owns it refers
 * to its socket any more.
 */
#include "shim/icmp/probe_table.h"

#include "shim/descriptors.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

/* Closed probes are looked for when so many places are in use, and again at twice the number that was left. */
#define SWEEP_FROM 16

struct table {
    _Atomic unsigned end; /* behind the last place that was ever used */
    _Atomic uint32_t made;
    struct probe probes[PROBES];
    struct probe_room room;
};

static struct table *_Atomic table;
static _Atomic unsigned sweep_at = SWEEP_FROM;
static _Atomic pid_t sweeper;
static bool alive[PROBES]; /* sweep's own */

struct option probe_option(bool six, enum probe_option which)
{
    static const struct option options[][2] = {
        [OPTION_RECVERR] = {{IPPROTO_IP, IP_RECVERR}, {IPPROTO_IPV6, IPV6_RECVERR}},
        [OPTION_RFC4884] = {{IPPROTO_IP, IP_RECVERR_RFC4884}, {IPPROTO_IPV6, IPV6_RECVERR_RFC4884}},
        [OPTION_TTL] = {{IPPROTO_IP, IP_TTL}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}},
        [OPTION_TOS] = {{IPPROTO_IP, IP_TOS}, {IPPROTO_IPV6, IPV6_TCLASS}},
    };

    return options[which][six];
}

int option_get(int fd, int level, int name, int otherwise)
{
    int value = otherwise;
    socklen_t length = sizeof(value);
    int saved = errno;

    if (real.getsockopt(fd, level, name, &value, &length) != 0 || length != sizeof(value))
        value = otherwise;
    errno = saved;
    return value;
}

void option_set(int fd, int level, int name, int value)
{
    int saved = errno;

    real.setsockopt(fd, level, name, &value, sizeof(value));
    errno = saved;
}

/* What the number was when it was looked at last: in a sandbox nothing else can be told. */
static uint64_t cookie_known(int fd)
{
    struct probe *probe;
    unsigned at = 0;

    while ((probe = probe_next(&at)) != NULL) {
        if (atomic_load_explicit(&probe->fd, memory_order_relaxed) == fd)
            return atomic_load_explicit(&probe->cookie, memory_order_relaxed);
    }
    return 0;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    int saved = errno;

    if (sandboxed())
        return fd < 0 ? 0 : cookie_known(fd);
    if (fd < 0 || real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
        cookie = 0;
    errno = saved;
    return cookie;
}

/* The table, made where there is none yet; NULL where there is no memory. */
static struct table *table_make(void)
{
    struct table *made = atomic_load(&table);
    struct table *none = NULL;
    int saved = errno;

    if (made != NULL)
        return made;
    made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made == MAP_FAILED) {
        made = NULL;
    } else if (!atomic_compare_exchange_strong(&table, &none, made)) {
        munmap(made, sizeof(*made));
        made = none;
    }
    errno = saved;
    return made;
}

struct probe *probe_next(unsigned *at)
{
    struct table *all = atomic_load_explicit(&table, memory_order_acquire);

    while (all != NULL && *at < atomic_load_explicit(&all->end, memory_order_acquire) && *at < PROBES) {
        struct probe *probe = &all->probes[(*at)++];
        uint64_t cookie = atomic_load_explicit(&probe->cookie, memory_order_acquire);

        if (cookie != 0 && cookie != PROBE_CLAIMED)
            return probe;
    }
    return NULL;
}

static struct probe *find_cookie(uint64_t cookie)
{
    struct probe *probe;
    unsigned at = 0;

    while (cookie != 0 && (probe = probe_next(&at)) != NULL) {
        if (atomic_load_explicit(&probe->cookie, memory_order_relaxed) == cookie)
            return probe;
    }
    return NULL;
}

struct probe *probe_find(int fd)
{
    struct probe *probe = atomic_load(&table) == NULL ? NULL : find_cookie(cookie_of(fd));

    if (probe != NULL && atomic_load_explicit(&probe->fd, memory_order_relaxed) != fd)
        atomic_store_explicit(&probe->fd, fd, memory_order_relaxed);
    return probe;
}

bool probe_is(const struct probe *probe, int fd)
{
    uint64_t cookie = cookie_of(fd);

    return cookie != 0 && cookie == atomic_load(&probe->cookie);
}

/* Sweeping */

static void mark_alive(int fd)
{
    struct probe *probe = find_cookie(cookie_of(fd));

    if (probe == NULL)
        return;
    alive[probe - atomic_load(&table)->probes] = true;
    atomic_store_explicit(&probe->fd, fd, memory_order_relaxed);
}

/* Whether a process is gone that could still have the socket open, though we have not. */
static bool is_gone(int process_id)
{
    return kernel_call(SYS_kill, process_id, 0) != 0 && errno == ESRCH;
}

/* Returns how many are left. */
static unsigned sweep_dead(void)
{
    int self = (int)getpid();
    struct probe *probe;
    unsigned left = 0;
    unsigned at = 0;

    while ((probe = probe_next(&at)) != NULL) {
        bool ours = probe->owner == self;
        bool orphan = !ours && is_gone(probe->owner);
        /* Without /proc, or a descriptor to read it by, high numbers were not visited. */
        bool here = alive[at - 1] || probe_is(probe, probe->fd);

        if (here && orphan)
            probe->owner = self;
        else if (!here && (ours || orphan))
            probe_free(probe);
        left += probe->cookie != 0;
    }
    return left;
}

static void sweep(void)
{
    int saved = errno;
    unsigned left;

    if (!descriptors_claim(&sweeper))
        return;
    /* A probe that is made meanwhile is there before its descriptor is visited, or is not freed. */
    memset(alive, true, sizeof(alive));
    for (unsigned at = 0; probe_next(&at) != NULL;)
        alive[at - 1] = false;
    descriptors_each(mark_alive);
    left = sweep_dead();
    atomic_store(&sweep_at, left * 2 > SWEEP_FROM ? left * 2 : SWEEP_FROM);
    atomic_store(&sweeper, 0);
    errno = saved;
}

int probe_descriptor(struct probe *probe)
{
    int fd = atomic_load_explicit(&probe->fd, memory_order_relaxed);

    if (probe_is(probe, fd))
        return fd;
    if (atomic_load(&probe->owner) != (int)getpid())
        return -1;
    /* Closed, or only under another number. */
    sweep();
    fd = atomic_load_explicit(&probe->fd, memory_order_relaxed);
    return probe_is(probe, fd) ? fd : -1;
}

/* Making */

static unsigned in_use(void)
{
    unsigned count = 0;

    for (unsigned at = 0; probe_next(&at) != NULL;)
        count++;
    return count;
}

/* Zeroes all of a place that only we know of, but for its cookie. */
static void clear(struct probe *probe)
{
    const size_t head = sizeof(probe->cookie);

    memset((unsigned char *)probe + head, 0, sizeof(*probe) - head);
}

struct probe *probe_claim(void)
{
    struct table *all = table_make();

    if (all == NULL)
        return NULL;
    if (in_use() >= atomic_load(&sweep_at))
        sweep();
    for (unsigned i = 0; i < PROBES; i++) {
        struct probe *probe = &all->probes[i];
        unsigned end = atomic_load(&all->end);
        uint64_t none = 0;

        if (!atomic_compare_exchange_strong(&probe->cookie, &none, PROBE_CLAIMED))
            continue;
        clear(probe);
        probe->owner = (int)getpid();
        probe->made = atomic_fetch_add(&all->made, 1);
        while (end <= i && !atomic_compare_exchange_strong(&all->end, &end, i + 1))
            ;
        return probe;
    }
    return NULL;
}

bool probe_publish(struct probe *probe, int fd)
{
    uint64_t cookie = cookie_of(fd);

    atomic_store_explicit(&probe->fd, fd, memory_order_relaxed);
    atomic_store_explicit(&probe->cookie, cookie, memory_order_release);
    if (cookie != 0)
        atomic_fetch_or_explicit(&process.watch, WATCH_PROBES, memory_order_relaxed);
    return cookie != 0;
}

void probe_free(struct probe *probe)
{
    atomic_store_explicit(&probe->cookie, 0, memory_order_release);
}

/* Room to pull */

struct probe_room *probe_room_lock(struct inbox_guard *guard)
{
    struct table *all = atomic_load(&table);

    return all != NULL && inbox_lock(&all->room.lock, guard) ? &all->room : NULL;
}

void probe_room_unlock(struct probe_room *room, const struct inbox_guard *guard)
{
    inbox_unlock(&room->lock, guard);
}
