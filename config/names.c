/* SPDX-License-Identifier: MIT */
/*
 * Names of the language for things that have numbers: address sets, errnos, socket families. Tables and nothing else;
 * the manual lists what they hold.
 */
#include "config/names.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#ifndef AF_MCTP
#define AF_MCTP 45 /* Linux 5.15, glibc 2.35 */
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const any_ranges[] = {"0.0.0.0/0", "::/0", NULL};

/* RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3. */
static const char *const loopback_ranges[] = {"127.0.0.0/8", "::1", NULL};

/* RFC 1918, RFC 4193. */
static const char *const private_ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", NULL};

/* RFC 3927, RFC 4291 section 2.5.6. */
static const char *const link_local_ranges[] = {"169.254.0.0/16", "fe80::/10", NULL};

/* RFC 5771, RFC 4291 section 2.7. */
static const char *const multicast_ranges[] = {"224.0.0.0/4", "ff00::/8", NULL};

/*
 * Where clouds hand a machine its credentials. Addresses that are a cloud's resolver and nothing else (Amazon's
 * 169.254.169.253, Azure's 168.63.129.16) are not among them: a program without names is no safer, only broken.
 */
static const char *const metadata_ranges[] = {
    "169.254.169.254",    /* Amazon, Azure, Google, Oracle, OpenStack, Hetzner, DigitalOcean, ... */
    "169.254.170.2",      /* Amazon ECS: credentials of a task */
    "169.254.170.23",     /* Amazon EKS: credentials of a pod */
    "169.254.42.42",      /* Scaleway */
    "169.254.0.23",       /* Tencent */
    "100.100.100.200",    /* Alibaba */
    "192.0.0.192",        /* Oracle Classic */
    "fd00:ec2::254",      /* Amazon */
    "fd00:ec2::23",       /* Amazon EKS */
    "fd20:ce::254",       /* Google */
    "fd00:c1::a9fe:a9fe", /* Oracle */
    "fd00:42::42",        /* Scaleway */
    "fd00:a9fe:a9fe::1",  /* Linode */
    "fe80::a9fe:a9fe",    /* OpenStack */
    NULL,
};

const char *const address_names[] = {"any", "loopback", "private", "link-local", "multicast", "metadata"};
const size_t address_name_count = COUNT(address_names);

/* In the order of address_names. */
static const char *const *const address_ranges[] = {
    any_ranges, loopback_ranges, private_ranges, link_local_ranges, multicast_ranges, metadata_ranges,
};

_Static_assert(COUNT(address_ranges) == COUNT(address_names), "a name for each table of ranges");

bool address_name_add(const char *name, struct range_set *set)
{
    for (size_t i = 0; i < address_name_count; i++) {
        if (strcmp(name, address_names[i]) != 0)
            continue;
        for (const char *const *text = address_ranges[i]; *text; text++) {
            struct address_range range;
            if (range_parse(*text, false, &range, NULL, NULL) == ADDRESS_OK)
                range_set_add(set, &range);
        }
        return true;
    }
    return false;
}

/* One entry a line would make long tables of these two. */
/* clang-format off */

/* Errnos that a socket call can give, or that a policy has reason to choose. First name of a number is its text. */
#define ERRNOS(X)                                                                                                      \
    X(EACCES) X(EPERM) X(ECONNREFUSED) X(EHOSTUNREACH) X(ENETUNREACH) X(ETIMEDOUT) X(ECONNRESET) X(ECONNABORTED)       \
    X(EHOSTDOWN) X(ENETDOWN) X(ENETRESET) X(EADDRNOTAVAIL) X(EADDRINUSE) X(EAFNOSUPPORT) X(EPFNOSUPPORT)               \
    X(EPROTONOSUPPORT) X(ESOCKTNOSUPPORT) X(EPROTOTYPE) X(ENOPROTOOPT) X(EOPNOTSUPP) X(ENOTSUP) X(EPROTO) X(EIO)       \
    X(EPIPE) X(EINVAL) X(ENOTCONN) X(EISCONN) X(ESHUTDOWN) X(ENOBUFS) X(ENOMEM) X(EMFILE) X(ENFILE) X(EMSGSIZE)        \
    X(EDESTADDRREQ) X(ENOENT) X(ENODEV) X(ENXIO) X(ENOSYS) X(EBUSY) X(EFAULT) X(EBADF) X(ENOTSOCK) X(EEXIST)           \
    X(ENOTDIR) X(ELOOP) X(ENAMETOOLONG) X(EROFS) X(ENOSPC) X(EDQUOT) X(ENOLINK) X(ECOMM) X(EREMOTEIO) X(ENONET)        \
    X(EKEYREJECTED) X(EKEYEXPIRED) X(ESTALE) X(ENODATA) X(ETIME) X(EDOM) X(ERANGE) X(E2BIG) X(ECHILD) X(ESRCH)         \
    X(ECANCELED) X(EINTR) X(EAGAIN) X(EWOULDBLOCK) X(EINPROGRESS) X(EALREADY)

/* clang-format on */

#define ERRNO_NAME(name) #name,
#define ERRNO_NUMBER(name) name,

const char *const errno_names[] = {ERRNOS(ERRNO_NAME)};
const size_t errno_name_count = COUNT(errno_names);
static const int errno_numbers[] = {ERRNOS(ERRNO_NUMBER)};

int errno_by_name(const char *name)
{
    for (size_t i = 0; i < errno_name_count; i++) {
        if (strcmp(name, errno_names[i]) == 0)
            return errno_numbers[i];
    }
    return 0;
}

const char *errno_name(int error)
{
    for (size_t i = 0; i < errno_name_count; i++) {
        if (errno_numbers[i] == error)
            return errno_names[i];
    }
    return NULL;
}

/* EISCONN is of their like: connect(2) gives it to a caller that asks again, and programs take it for success. */
bool errno_makes_loops(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS || error == EALREADY ||
           error == EISCONN;
}

/* clang-format off */
#define FAMILIES(X)                                                                                                    \
    X("inet", AF_INET) X("inet6", AF_INET6) X("unix", AF_UNIX) X("local", AF_UNIX) X("packet", AF_PACKET)              \
    X("netlink", AF_NETLINK) X("vsock", AF_VSOCK) X("bluetooth", AF_BLUETOOTH) X("can", AF_CAN) X("alg", AF_ALG)       \
    X("tipc", AF_TIPC) X("rds", AF_RDS) X("key", AF_KEY) X("nfc", AF_NFC) X("x25", AF_X25) X("ax25", AF_AX25)          \
    X("ipx", AF_IPX) X("appletalk", AF_APPLETALK) X("netrom", AF_NETROM) X("rose", AF_ROSE) X("decnet", AF_DECnet)     \
    X("llc", AF_LLC) X("atmpvc", AF_ATMPVC) X("atmsvc", AF_ATMSVC) X("irda", AF_IRDA) X("pppox", AF_PPPOX)             \
    X("rxrpc", AF_RXRPC) X("isdn", AF_ISDN) X("phonet", AF_PHONET) X("ieee802154", AF_IEEE802154) X("caif", AF_CAIF)   \
    X("kcm", AF_KCM) X("qipcrtr", AF_QIPCRTR) X("smc", AF_SMC) X("xdp", AF_XDP) X("mctp", AF_MCTP) X("ib", AF_IB)

/* clang-format on */

#define FAMILY_NAME(name, number) name,
#define FAMILY_NUMBER(name, number) number,

const char *const family_names[] = {FAMILIES(FAMILY_NAME)};
const size_t family_name_count = COUNT(family_names);
static const int family_numbers[] = {FAMILIES(FAMILY_NUMBER)};

int family_by_name(const char *name)
{
    for (size_t i = 0; i < family_name_count; i++) {
        if (strcmp(name, family_names[i]) == 0)
            return family_numbers[i];
    }
    return -1;
}
