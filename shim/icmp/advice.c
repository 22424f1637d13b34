/* SPDX-License-Identifier: MIT */
/*
 * Why a program gets neither a raw ICMP socket nor a ping socket, found out and put into words.
 *
 * The kernel tells only EACCES. That stands for "no group in the range" (net/ipv4/ping.c, ping_init_sock) or for a
 * security module, and a seccomp filter may say anything; so the range and the groups are compared here once more.
 * All memory is static: this happens once a process, and hooks run on small stacks.
 */
#include "shim/icmp/advice.h"

#include "shim/icmp/settings.h"
#include "shim/process.h"
#include "shim/say.h"
#include "state/kernel.h"
#include "state/large.h"
#include "state/text.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define RANGE_FILE "/proc/sys/net/ipv4/ping_group_range"
#define OVERFLOW_GROUP 65534 /* the default of kernel.overflowgid */
#define GROUPS_SHOWN 6
#define GROUPS_KNOWN 1024 /* the kernel allows 65,536; who has more than this many is told of the first ones */

/* Text that grows, cut where it is full. */
struct words {
    char text[320];
    size_t length;
};

static void add(struct words *words, const char *text)
{
    size_t length = strnlen(text, sizeof(words->text) - 1 - words->length);

    memcpy(words->text + words->length, text, length);
    words->length += length;
    words->text[words->length] = '\0';
}

static void add_number(struct words *words, uint64_t number)
{
    char digits[DECIMAL_TEXT + 1];

    digits[text_decimal(digits, number)] = '\0';
    add(words, digits);
}

/* What the file of two or three numbers holds; false where it cannot be read or holds something else. */
static bool read_numbers(const char *path, uint64_t *numbers, size_t count)
{
    char text[96];
    int fd = kernel_open(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t length = fd >= 0 ? kernel_read(fd, text, sizeof(text) - 1) : -1;
    const char *at = text;

    if (fd >= 0)
        kernel_close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    for (size_t i = 0; i < count; i++) {
        at += strspn(at, " \t");
        if (*at < '0' || *at > '9')
            return false;
        for (numbers[i] = 0; *at >= '0' && *at <= '9'; at++) {
            if (numbers[i] > UINT32_MAX)
                return false;
            numbers[i] = numbers[i] * 10 + (uint64_t)(*at - '0');
        }
    }
    return true;
}

/* The groups that the kernel compares with the range: the effective one and the supplementary ones. */
struct groups {
    gid_t ids[GROUPS_KNOWN + 1];
    size_t count;
};

static void groups_read(struct groups *groups)
{
    int more = getgroups(GROUPS_KNOWN, groups->ids + 1);

    groups->ids[0] = getegid();
    groups->count = 1 + (more > 0 ? (size_t)more : 0);
}

static bool groups_meet(const struct groups *groups, const uint64_t range[2])
{
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->ids[i] >= range[0] && groups->ids[i] <= range[1])
            return true;
    }
    return false;
}

static bool stands_before(const struct groups *groups, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (groups->ids[i] == groups->ids[at])
            return true;
    }
    return false;
}

static void add_groups(struct words *words, const struct groups *groups)
{
    size_t shown = 0;

    for (size_t i = 0; i < groups->count; i++) {
        if (stands_before(groups, i))
            continue;
        if (shown == GROUPS_SHOWN) {
            add(words, ", ...");
            return;
        }
        add(words, shown++ > 0 ? ", " : "");
        add_number(words, groups->ids[i]);
    }
}

/* Whether this is a user namespace that does not map every group, so that some cannot be written or told there. */
static bool is_partial_namespace(void)
{
    uint64_t map[3];

    return read_numbers("/proc/self/gid_map", map, 3) && map[2] < UINT32_MAX;
}

/* In a user namespace only groups that are mapped there can be written; elsewhere everybody may ping. */
static void add_remedy(struct words *hint, const struct groups *groups, bool partial)
{
    add(hint, "as root: sysctl -w net.ipv4.ping_group_range=\"");
    add_number(hint, partial ? groups->ids[0] : 0);
    add(hint, " ");
    add_number(hint, partial ? groups->ids[0] : INT32_MAX);
    add(hint, "\" (for a container: docker run --sysctl, or securityContext.sysctls in Kubernetes)");
}

/* The range as it is read here; the kernel shows a group that has no number here as the overflow one. */
static void add_range(struct words *words, const uint64_t range[2], bool foreign)
{
    add(words, ") is in net.ipv4.ping_group_range (");
    if (foreign) {
        add(words, "groups that this user namespace does not map)");
        return;
    }
    add_number(words, range[0]);
    add(words, " ");
    add_number(words, range[1]);
    add(words, ")");
}

/* A privilege is missing: the group, or what else says no. */
static void explain_refusal(struct words *reason, struct words *hint, const char *socket_call)
{
    LARGE static struct groups groups;
    uint64_t range[2] = {1, 0};
    bool readable = read_numbers(RANGE_FILE, range, 2);
    bool partial = is_partial_namespace();
    bool foreign = partial && range[0] == OVERFLOW_GROUP;
    bool meets;

    groups_read(&groups);
    meets = readable && !foreign && groups_meet(&groups, range);
    add(reason, meets ? "a group of the process (" : "no group of the process (");
    add_groups(reason, &groups);
    if (readable)
        add_range(reason, range, foreign);
    else
        add(reason, ") seems to be in net.ipv4.ping_group_range, which cannot be read here");
    if (!meets) {
        add_remedy(hint, &groups, partial);
        return;
    }
    add(reason, ", but something else refuses ping sockets");
    add(hint, "allow ");
    add(hint, socket_call);
    add(hint, " in the seccomp filter or security module that refuses it");
}

static void explain(struct words *reason, struct words *hint, int domain, int error)
{
    bool six = domain == AF_INET6;

    if (error == EACCES || error == EPERM) {
        explain_refusal(reason, hint,
                        six ? "socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)"
                            : "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)");
        return;
    }
    add(reason, "this kernel has no ping sockets for ");
    add(reason, six ? "IPv6" : "IPv4");
    add(reason, ", or a seccomp filter hides them");
}

/* The event goes to each layer that wants to know of refusals. */
static void log_advice(int domain, const struct words *reason, const struct words *hint)
{
    LARGE static char line[EVENT_MAX];
    struct image_settings settings;
    struct event event = {.port = -1,
                          .domain = -1,
                          .pid = getpid(),
                          .exe = process.exe,
                          .op = "socket",
                          .proto = domain == AF_INET6 ? "icmp6" : "icmp",
                          .verdict = "error",
                          .reason = reason->text,
                          .hint = hint->length > 0 ? hint->text : NULL};

    clock_gettime(CLOCK_REALTIME, &event.time);
    for (int i = 0; i < process.layer_count; i++) {
        const struct layer *layer = &process.layers[i];

        if (!layer_settings(layer, &settings) || settings.log_what == LOG_NONE ||
            layer_log(layer)->target == LOG_TO_NOWHERE ||
            !log_limit_pass(&process.limit, settings.log_limit, &event.left_out))
            continue;
        event.layer = layer->system ? "system" : "user";
        log_write(layer_log(layer), line, event_format(&event, line), process.uid, event.pid);
    }
}

void icmp_advise(int domain, int error, bool on_stderr)
{
    static atomic_flag given = ATOMIC_FLAG_INIT;
    static struct words reason;
    static struct words hint;
    int saved = errno;

    if (atomic_flag_test_and_set(&given))
        return;
    explain(&reason, &hint, domain, error);
    log_advice(domain, &reason, &hint);
    if (on_stderr && say_reaches_terminal())
        say((const char *const[]){"sockade: no raw ICMP socket without CAP_NET_RAW, and no ping socket in its place: ",
                                  reason.text, hint.length > 0 ? "; " : "", hint.text, ".", NULL});
    errno = saved;
}
