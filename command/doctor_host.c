/* SPDX-License-Identifier: MIT */
/* What the machine grants: ping sockets, what of the kernel the object rests on, and who else looks up names. */
#include "command/doctor.h"

#include "config/memory.h"
#include "state/kernel.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>

#define RANGE "net.ipv4.ping_group_range"
#define RANGE_FILE "/proc/sys/net/ipv4/ping_group_range"
#define OVERFLOW_GROUP 65534 /* what the kernel shows for a group that a user namespace does not map */
#define GROUPS_SHOWN 6
#define OLDEST_KERNEL 409u /* 4.9: SO_COOKIE is of 4.6, what else is used older; 4.9 is the oldest that was in use */

/* One try of a socket: 0 or errno. Past libc, since under Sockade itself a raw one would be translated. */
static int try_socket(int domain, int type, int protocol)
{
    int fd = kernel_socket(domain, type | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* The groups that the kernel compares with the range; the caller frees it. */
static char *own_groups(void)
{
    gid_t groups[GROUPS_SHOWN];
    int more = getgroups(0, NULL);
    int count = more <= GROUPS_SHOWN ? getgroups(GROUPS_SHOWN, groups) : 0;
    char *text = memory_print("%ld", (long)getegid());

    for (int i = 0; i < count; i++) {
        char *longer;

        if (groups[i] == getegid())
            continue;
        longer = memory_print("%s, %ld", text, (long)groups[i]);
        free(text);
        text = longer;
    }
    if (more > GROUPS_SHOWN) {
        free(text);
        text = memory_print("%ld and %d more", (long)getegid(), more);
    }
    return text;
}

static bool read_range(long range[2])
{
    FILE *file = fopen(RANGE_FILE, "re");
    bool read = file != NULL && fscanf(file, "%20ld %20ld", &range[0], &range[1]) == 2;

    if (file != NULL)
        fclose(file);
    return read;
}

/* Whether this process' network belongs to a user namespace further out, whose root alone may write the range. */
static bool is_foreign_network(void)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int owner = fd >= 0 ? ioctl(fd, NS_GET_USERNS) : -1;
    bool foreign = fd >= 0 && owner < 0 && errno == EPERM;

    if (owner >= 0)
        close(owner);
    if (fd >= 0)
        close(fd);
    return foreign;
}

/*
 * Whether not every group has a number here, so that only `*group` can be written to the range: by the number that it
 * has for whoever may write.
 */
static bool in_partial_namespace(long *group)
{
    FILE *file = fopen("/proc/self/gid_map", "re");
    long inside, outside, count;
    bool partial = false;

    while (file != NULL && fscanf(file, "%20ld %20ld %20ld", &inside, &outside, &count) == 3) {
        partial = partial || inside != 0 || count < UINT32_MAX;
        if (partial && *group >= inside && *group - inside < count && is_foreign_network()) {
            *group = outside + (*group - inside);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
    return partial;
}

/* Neither raw nor ping socket. */
static void add_refusal(struct diagnosis *diagnosis, const char *check, int error)
{
    long range[2] = {0, 0};
    long group = (long)getegid(), written = group;
    bool partial = in_partial_namespace(&written);
    char *groups = own_groups();

    if (error != EACCES && error != EPERM) {
        diagnosis_add(diagnosis, MARK_PROBLEM, check, "no ping sockets for it here: %s", strerror(error));
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "use a kernel with ping sockets, or lift the filter that hides them");
    } else if (read_range(range) && group >= range[0] && group <= range[1] &&
               !(partial && range[0] == OVERFLOW_GROUP)) {
        diagnosis_add(diagnosis, MARK_PROBLEM, check,
                      "group %ld is in " RANGE " (%ld %ld), but something else refuses ping sockets", group, range[0],
                      range[1]);
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "allow socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) in the seccomp filter or security module");
    } else {
        diagnosis_add(diagnosis, MARK_PROBLEM, check,
                      "not possible: no group of yours (%s) is in " RANGE ", which is '%ld %ld'%s", groups, range[0],
                      range[1],
                      partial && range[0] == OVERFLOW_GROUP ? ", groups that this namespace does not map" : "");
        diagnosis_remedy(diagnosis, REMEDY_ROOT_COMMAND, "sysctl -w " RANGE "=\"%ld %ld\"", partial ? written : 0L,
                         partial ? written : (long)INT32_MAX);
    }
    free(groups);
}

/* One family: what is granted, in words; NULL and `*error` where neither kind of socket is. */
static const char *granted(int domain, int protocol, int *error)
{
    int raw = try_socket(domain, SOCK_RAW, protocol);

    *error = try_socket(domain, SOCK_DGRAM, protocol);
    if (raw == EAFNOSUPPORT && *error == EAFNOSUPPORT)
        return "this machine has none of it";
    if (raw == 0)
        return "real raw sockets are granted, so there is nothing to translate";
    return *error == 0 ? "possible: ping sockets are granted" : NULL;
}

void doctor_translation(struct diagnosis *diagnosis, bool wanted)
{
    const char *four, *six;
    int error_four, error_six;

    if (!wanted) {
        diagnosis_add(diagnosis, MARK_OK, "ping", "a policy says icmp.translate = \"never\"");
        return;
    }
    four = granted(AF_INET, IPPROTO_ICMP, &error_four);
    six = granted(AF_INET6, IPPROTO_ICMPV6, &error_six);
    if (four == six && (four != NULL || error_four == error_six)) {
        if (four != NULL)
            diagnosis_add(diagnosis, MARK_OK, "ping", "%s", four);
        else
            add_refusal(diagnosis, "ping", error_four);
        return;
    }
    if (four != NULL)
        diagnosis_add(diagnosis, MARK_OK, "ping, IPv4", "%s", four);
    else
        add_refusal(diagnosis, "ping, IPv4", error_four);
    if (six != NULL)
        diagnosis_add(diagnosis, MARK_OK, "ping, IPv6", "%s", six);
    else
        add_refusal(diagnosis, "ping, IPv6", error_six);
}

/* Kernel */

static bool socket_option_works(int option, void *value, socklen_t size, bool set)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool works = fd >= 0 && (!set || setsockopt(fd, SOL_SOCKET, option, value, size) == 0) &&
                 getsockopt(fd, SOL_SOCKET, option, value, &size) == 0;

    if (fd >= 0)
        close(fd);
    return works;
}

static bool cookie_works(void)
{
    uint64_t cookie = 0;

    return socket_option_works(SO_COOKIE, &cookie, sizeof(cookie), false);
}

static bool label_works(void)
{
    unsigned long rate = 1ul << 20;

    return socket_option_works(SO_MAX_PACING_RATE, &rate, sizeof(rate), true);
}

static bool proc_works(void)
{
    struct stat st;

    return stat("/proc/self/maps", &st) == 0 && stat("/proc/self/exe", &st) == 0;
}

static bool privileges_work(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
}

/* Moving an image over a slot, see image_file_move. */
static bool moving_works(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *slot = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *from = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool works = slot != MAP_FAILED && from != MAP_FAILED &&
                 mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, slot) == slot;

    if (slot != MAP_FAILED)
        munmap(slot, size);
    if (!works && from != MAP_FAILED)
        munmap(from, size);
    return works;
}

void doctor_kernel(struct diagnosis *diagnosis)
{
    static const struct {
        bool (*works)(void);
        const char *name, *what_for;
    } features[] = {
        {cookie_works, "SO_COOKIE", "to tell sockets apart"},
        {label_works, "SO_MAX_PACING_RATE", "to label translated sockets"},
        {privileges_work, "no_new_privs", "for 'sockade run'"},
        {moving_works, "mremap over a reserved range", "to follow newer policies"},
        {proc_works, "/proc", "to know a program by its files"},
    };
    struct utsname name;
    unsigned major = 0, minor = 0;
    size_t missing = 0;

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (features[i].works())
            continue;
        missing++;
        diagnosis_add(diagnosis, MARK_PROBLEM, "kernel", "%s does not work, which is needed %s", features[i].name,
                      features[i].what_for);
        if (features[i].works == proc_works)
            diagnosis_remedy(diagnosis, REMEDY_ROOT_COMMAND, "mount -t proc proc /proc");
        else
            diagnosis_remedy(diagnosis, REMEDY_ADVICE, "use a newer kernel, or lift the seccomp filter that hides it");
    }
    if (uname(&name) != 0 || sscanf(name.release, "%4u.%4u", &major, &minor) != 2)
        return;
    if (major * 100 + minor < OLDEST_KERNEL)
        diagnosis_add(diagnosis, MARK_WARNING, "kernel", "%s %s is older than any that Sockade was tried on",
                      name.sysname, name.release);
    else if (missing == 0)
        diagnosis_add(diagnosis, MARK_OK, "kernel", "%s %s has all that the object rests on", name.sysname,
                      name.release);
}

/* Environment */

void doctor_variables(struct diagnosis *diagnosis)
{
    static const char *const known[] = {"SOCKADE_POLICY=", "SOCKADE_ON_ERROR=", "SOCKADE_PINNED=", "SOCKADE_HOME="};
    static const size_t count = sizeof(known) / sizeof(known[0]);
    const char *policy = getenv("SOCKADE_POLICY");
    const char *on_error = getenv("SOCKADE_ON_ERROR");

    for (char **at = environ; *at != NULL; at++) {
        bool is = false;

        if (strncmp(*at, "SOCKADE_", 8) != 0)
            continue;
        for (size_t i = 0; i < count; i++)
            is = is || strncmp(*at, known[i], strlen(known[i])) == 0;
        if (is)
            continue;
        diagnosis_add(diagnosis, MARK_WARNING, "variables", "nothing reads %.*s", (int)strcspn(*at, "="), *at);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "unset %.*s", (int)strcspn(*at, "="), *at);
    }
    if (policy != NULL && policy[0] != '\0' && policy[0] != '/') {
        diagnosis_add(diagnosis, MARK_PROBLEM, "variables",
                      "SOCKADE_POLICY is '%s', which is no absolute path: programs are refused everything", policy);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "export SOCKADE_POLICY=\"$PWD/$SOCKADE_POLICY\"");
    }
    if (on_error == NULL || on_error[0] == '\0')
        return;
    if (strcmp(on_error, "allow") == 0)
        diagnosis_add(diagnosis, MARK_WARNING, "variables",
                      "SOCKADE_ON_ERROR=allow: a broken policy allows everything");
    else
        diagnosis_add(diagnosis, MARK_WARNING, "variables", "SOCKADE_ON_ERROR is '%s'; it knows only 'allow'",
                      on_error);
    diagnosis_remedy(diagnosis, REMEDY_COMMAND, "unset SOCKADE_ON_ERROR");
}

/* Whether some process takes connections on a Unix socket; past libc, so that it is no event under Sockade itself. */
static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool there;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    there = fd >= 0 && KERNEL_SOCKET_CALL(connect, SYS_CONNECT, fd, &address, sizeof(address)) == 0;
    if (fd >= 0)
        close(fd);
    return there;
}

/* Whether a line of nsswitch.conf(5) for hosts names a service. */
static bool hosts_asks(const char *service)
{
    FILE *file = fopen("/etc/nsswitch.conf", "re");
    char line[512];
    bool names = false;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *at = line + strspn(line, " \t");

        if (strncmp(at, "hosts:", 6) == 0)
            names = names || strstr(at, service) != NULL;
    }
    if (file != NULL)
        fclose(file);
    return names;
}

void doctor_names(struct diagnosis *diagnosis)
{
    static const struct {
        const char *path, *service, *name;
    } helpers[] = {
        {"/run/nscd/socket", NULL, "nscd"},
        {"/var/run/nscd/socket", NULL, "nscd"},
        {"/run/systemd/resolve/io.systemd.Resolve", "resolve", "systemd-resolved"},
        {"/run/avahi-daemon/socket", "mdns", "avahi"},
    };
    const char *found = NULL, *path = NULL;

    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]) && found == NULL; i++) {
        if ((helpers[i].service == NULL || hosts_asks(helpers[i].service)) && answers(helpers[i].path)) {
            found = helpers[i].name;
            path = helpers[i].path;
        }
    }
    if (found == NULL) {
        diagnosis_add(diagnosis, MARK_OK, "names", "programs look up names by themselves, under the policy");
        return;
    }
    diagnosis_add(diagnosis, MARK_WARNING, "names",
                  "%s looks up names for programs, so the policy's word on name servers does not hold for those",
                  found);
    diagnosis_remedy(diagnosis, REMEDY_ADVICE, "if that matters, add { action = \"deny\"; to = \"unix:%s\"; }", path);
}
