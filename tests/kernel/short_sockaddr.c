/* SPDX-License-Identifier: MIT */
/* How long a sockaddr must and may be: what is too short is refused, what is too long is refused or cut. */
#include "tests/kernel/proof.h"

/* A datagram with `length` bytes of address, by sendmsg. */
static ssize_t send_message(int fd, union address *peer, socklen_t length)
{
    struct iovec data = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_name = peer, .msg_namelen = length, .msg_iov = &data, .msg_iovlen = 1};
    return sendmsg(fd, &message, 0);
}

/* Under `shortest` bytes nothing goes; from there to 128 everything does. */
static void lengths_of(int family, const char *text, socklen_t shortest)
{
    union address peer;
    int receiver = open_bound(family, SOCK_DGRAM, text, &peer);
    int sender = open_socket(family, SOCK_DGRAM);
    for (socklen_t length = 1; length < shortest; length++) {
        prove_fails(sendto(sender, "x", 1, 0, &peer.any, length), EINVAL, "sendto with a short address");
        prove_fails(send_message(sender, &peer, length), EINVAL, "sendmsg with a short address");
        prove_fails(connect(sender, &peer.any, length), EINVAL, "connect with a short address");
    }
    for (socklen_t length = shortest; length <= 128; length++)
        prove(sendto(sender, "x", 1, 0, &peer.any, length) == 1 && arrives(receiver, "x"), "sendto with %u bytes",
              length);
    prove(connect(sender, &peer.any, shortest) == 0, "connect with %u bytes", shortest);
    close(receiver);
    close(sender);
}

/* Over 128 bytes sendto, connect and bind refuse; sendmsg and sendmmsg cut the length to 128 and send. */
static void too_long(void)
{
    union address peer;
    int receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &peer);
    int sender = open_socket(AF_INET, SOCK_DGRAM);
    struct iovec data = {.iov_base = "y", .iov_len = 1};
    struct mmsghdr one = {.msg_hdr = {.msg_name = &peer, .msg_namelen = 250, .msg_iov = &data, .msg_iovlen = 1}};
    prove_fails(sendto(sender, "x", 1, 0, &peer.any, 129), EINVAL, "sendto with 129 bytes");
    prove_fails(connect(sender, &peer.any, 129), EINVAL, "connect with 129 bytes");
    prove_fails(bind(sender, &peer.any, 129), EINVAL, "bind with 129 bytes");
    prove(send_message(sender, &peer, 129) == 1 && arrives(receiver, "x"), "sendmsg with 129 bytes sends");
    prove(sendmmsg(sender, &one, 1, 0) == 1 && arrives(receiver, "y"), "sendmmsg with 250 bytes sends");
    prove_fails(send_message(sender, &peer, (socklen_t)-1), EINVAL, "sendmsg with a negative length");
    close(receiver);
    close(sender);
}

/* A Unix name has 1 to 108 bytes; a peer's name that fills them comes with a NUL more. */
static void unix_names(void)
{
    union address name = {.path = {.sun_family = AF_UNIX}};
    union address peer;
    socklen_t size = sizeof(peer);
    int receiver = open_socket(AF_UNIX, SOCK_DGRAM);
    int sender = open_socket(AF_UNIX, SOCK_DGRAM);
    memset(name.path.sun_path, 'x', sizeof(name.path.sun_path) + 1);
    prove_fails(connect(sender, &name.any, 2), EINVAL, "connect to no name");
    prove_fails(bind(sender, &name.any, 111), EINVAL, "bind to a path of 109 bytes");
    prove(bind(sender, &name.any, 110) == 0, "bind to a path of 108 bytes");
    prove(getsockname(sender, &peer.any, &size) == 0 && size == 111, "its name has 111 bytes, not %u", size);

    name.path.sun_path[0] = '\0';
    prove(bind(receiver, &name.any, 3) == 0 || errno == EADDRINUSE, "bind to the abstract name of no bytes");
    close(receiver);
    receiver = open_socket(AF_UNIX, SOCK_DGRAM);
    size = sizeof(peer);
    prove(bind(receiver, &name.any, 2) == 0 && getsockname(receiver, &peer.any, &size) == 0, "an autobind");
    prove(size == 8 && peer.path.sun_path[0] == '\0', "which chooses an abstract name of five bytes");
    prove(sendto(sender, "x", 1, 0, &peer.any, size) == 1, "sendto an abstract name");
    size = sizeof(peer);
    prove(recvfrom(receiver, peer.bytes + 200, 1, 0, &peer.any, &size) == 1 && size == 111, "the sender's name");
    close(receiver);
    close(sender);
}

int main(void)
{
    char folder[] = "/tmp/sockade-proof-XXXXXX";
    char name[109];
    lengths_of(AF_INET, "127.0.0.1", 16);
    lengths_of(AF_INET6, "::1", 24);
    too_long();
    prove(mkdtemp(folder) && chdir(folder) == 0, "a folder for a socket");
    unix_names();
    memset(name, 'x', 108);
    name[108] = '\0';
    unlink(name);
    rmdir(folder);
    return proved("shortest 16 (IPv4), 24 (IPv6), 3 (Unix); over 128 sendmsg and sendmmsg cut, the others refuse");
}
