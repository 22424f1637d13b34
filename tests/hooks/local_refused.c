/* SPDX-License-Identifier: MIT */
/*
 * Local addresses and ports that the policy refuses: bind, listen, bindresvport, rresvport; and families, at socket.
 */
#include "refusal.h"

#include <netdb.h>

static int setup(void **state)
{
    (void)state;
    deadline(20);
    return 0;
}

/* bind of a new socket; 0 where it is to succeed. */
static void assert_bind(int type, int protocol, const char *text, uint16_t port, int error)
{
    union peer own = peer_of(text, port);
    int fd = socket(own.any.sa_family, type, protocol);

    if (fd < 0)
        return;
    if (error != 0)
        assert_refused(error, bind(fd, &own.any, size_of(&own)));
    else
        assert_gives(0, bind(fd, &own.any, size_of(&own)));
    close(fd);
}

static void by_address(void **state)
{
    (void)state;
    assert_bind(SOCK_STREAM, 0, "127.0.0.9", 45600, EADDRNOTAVAIL);
    assert_bind(SOCK_DGRAM, 0, "127.0.0.9", 45600, EADDRNOTAVAIL);
    assert_bind(SOCK_STREAM, 0, "::ffff:127.0.0.9", 45600, EADDRNOTAVAIL);
    assert_bind(SOCK_STREAM, 0, "2001:db8::2", 45600, EADDRNOTAVAIL);
    assert_bind(SOCK_STREAM, 0, "127.0.0.1", 45600, 0);
    assert_bind(SOCK_STREAM, 0, "::1", 45600, 0);
}

static void by_port_and_protocol(void **state)
{
    static const char *const texts[] = {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_bind(SOCK_STREAM, 0, texts[i], 45669, 0);
        assert_bind(SOCK_STREAM, 0, texts[i], 45670, EIO);
        assert_bind(SOCK_DGRAM, 0, texts[i], 45671, EIO);
        assert_bind(SOCK_STREAM, 0, texts[i], 45672, EACCES);
        assert_bind(SOCK_STREAM, IPPROTO_MPTCP, texts[i], 45672, EACCES);
        assert_bind(SOCK_DGRAM, 0, texts[i], 45672, 0);
        assert_bind(SOCK_STREAM, 0, texts[i], 45673, 0);
        assert_bind(SOCK_DGRAM, 0, texts[i], 45673, EACCES);
        assert_bind(SOCK_DGRAM, IPPROTO_UDPLITE, texts[i], 45673, EACCES);
    }
}

/* The wildcard is matched by `any` and by what covers a whole family, and by no address that is one of many. */
static void wildcard(void **state)
{
    (void)state;
    assert_bind(SOCK_STREAM, 0, "0.0.0.0", 45600, 0);
    assert_bind(SOCK_STREAM, 0, "::", 45600, 0);
    assert_bind(SOCK_STREAM, 0, "127.0.0.1", 45674, EACCES);
    assert_bind(SOCK_STREAM, 0, "::1", 45674, EACCES);
    assert_bind(SOCK_STREAM, 0, "127.0.0.8", 45674, 0);
    assert_bind(SOCK_STREAM, 0, "0.0.0.0", 45674, EACCES);
    assert_bind(SOCK_STREAM, 0, "::", 45674, EACCES);
}

/* AF_UNSPEC is AF_INET where the address is the wildcard. */
static void unspecified(void **state)
{
    union peer own = peer_of("0.0.0.0", 45670);
    int fd = open_one(AF_INET, SOCK_STREAM, 0);

    (void)state;
    own.any.sa_family = AF_UNSPEC;
    assert_refused(EIO, bind(fd, &own.any, sizeof(own.inet)));
    own.inet.sin_port = htons(45600);
    assert_gives(0, bind(fd, &own.any, sizeof(own.inet)));
    close(fd);
}

/* Port 0 is a client's bind; listen sees what port it became. */
static void port_of_the_kernels_choice(void **state)
{
    int fd = bound("127.0.0.6", 0, SOCK_STREAM);
    int other = bound("127.0.0.7", 0, SOCK_DGRAM);
    int udp = bound("127.0.0.6", 0, SOCK_DGRAM);

    (void)state;
    assert_refused(EPERM, listen(fd, 1));
    assert_refused(EPERM, listen(fd, 1));
    close(fd);
    fd = bound("127.0.0.7", 0, SOCK_STREAM);
    assert_refused(EACCES, listen(fd, 1));
    close(fd);
    fd = bound("127.0.0.1", 0, SOCK_STREAM);
    assert_gives(0, listen(fd, 1));
    close(fd);
    assert_bind(SOCK_STREAM, 0, "127.0.0.6", 45600, EPERM);
    assert_bind(SOCK_DGRAM, 0, "127.0.0.6", 45600, 0);
    fd = open_one(AF_INET, SOCK_STREAM, 0); /* not bound: any address, and a port that nobody knows yet */
    assert_gives(0, listen(fd, 1));
    close(fd);
    close(udp);
    close(other);
}

/* bindresvport takes a port that is left; only root may have one at all. */
static void reserved_ports(void **state)
{
    struct sockaddr_in address = inet_address("127.0.0.1", 0);
    struct sockaddr_in refused = inet_address("127.0.0.7", 0);

    (void)state;
    for (int i = 0; i < 3; i++) {
        int fd = open_one(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in *asked = i == 0 ? NULL : &address;
        int result;

        errno = UNTOUCHED;
        result = bindresvport(fd, asked);
        if (result == 0) {
            assert_int_equal(errno, UNTOUCHED);
            assert_in_range(port_of(fd), 512, 599);
            assert_true(asked == NULL || ntohs(address.sin_port) == port_of(fd));
        } else {
            assert_int_equal(errno, EACCES);
        }
        assert_refused(EACCES, bindresvport(fd, &refused));
        close(fd);
    }
}

/* rresvport makes the socket too, and looks for its port downwards. */
static void reserved_ports_of_new_sockets(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        int port = 700;
        int fd;

        errno = UNTOUCHED;
        fd = i == 0 ? rresvport(&port) : rresvport_af(&port, i == 1 ? AF_INET : AF_INET6);
        if (fd < 0) {
            assert_int_equal(errno, EACCES);
            continue;
        }
        assert_int_equal(errno, UNTOUCHED);
        assert_in_range(port, 512, 599);
        assert_int_equal(port_of(fd), port);
        close(fd);
    }
}

static void families(void **state)
{
    (void)state;
    assert_refused(EAFNOSUPPORT, socket(AF_PACKET, SOCK_RAW, 0));
    assert_refused(EAFNOSUPPORT, socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    assert_refused(EPERM, socket(AF_VSOCK, SOCK_STREAM, 0));
    assert_refused(EPERM, socket(AF_VSOCK, 12345, -1));
    assert_bind(SOCK_STREAM, 0, "127.0.0.1", 45600, 0);
}

/* SCTP binds by a socket option; the kernel's own errno where no rule refuses. */
static void socket_options(void **state)
{
    union peer addresses[1] = {peer_of("127.0.0.9", 45600)};
    int fd = open_one(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_refused(EADDRNOTAVAIL, setsockopt(fd, IPPROTO_SCTP, 100, addresses, sizeof(addresses->inet)));
    addresses[0] = peer_of("2001:db8::2", 45600);
    assert_refused(EADDRNOTAVAIL, setsockopt(fd, IPPROTO_SCTP, 100, addresses, sizeof(addresses->inet6)));
    addresses[0] = peer_of("127.0.0.1", 45672); /* refused to TCP alone */
    assert_refused(ENOPROTOOPT, setsockopt(fd, IPPROTO_SCTP, 100, addresses, sizeof(addresses->inet)));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_address),
        cmocka_unit_test(by_port_and_protocol),
        cmocka_unit_test(wildcard),
        cmocka_unit_test(unspecified),
        cmocka_unit_test(port_of_the_kernels_choice),
        cmocka_unit_test(reserved_ports),
        cmocka_unit_test(reserved_ports_of_new_sockets),
        cmocka_unit_test(families),
        cmocka_unit_test(socket_options),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
