/* SPDX-License-Identifier: MIT */
/*
 * Whose datagrams are refused: by address, local port, protocol and Unix name, but never an answer.
 */
#include "refused.h"

#include <sys/un.h>

/* Who was asked may answer, from the port that was asked; nobody else on that host. */
static void answers(void **state)
{
    struct sockaddr_in peer = inet_address("127.0.0.2", port_of(stranger));
    int neighbour = bound("127.0.0.2", 0, SOCK_DGRAM);

    (void)state;
    must("sendto", sendto(in, "question", 8, 0, (struct sockaddr *)&peer, sizeof(peer)));
    for (enum form form = 0; form < FORMS; form++) {
        send_text(neighbour, port_of(in), "no");
        from_stranger("answer");
        assert_gives(form, in, "answer");
    }
    assert_int_equal(recv(stranger, buffer, 16, 0), 8);
    close(neighbour);
}

static void connected(void **state)
{
    struct sockaddr_in peer = inet_address("127.0.0.2", port_of(stranger));
    int neighbour = bound("127.0.0.2", 0, SOCK_DGRAM);

    (void)state;
    /* What was in the queue before is no answer. */
    send_text(neighbour, port_of(in), "no");
    must("connect", connect(in, (struct sockaddr *)&peer, sizeof(peer)));
    for (enum form form = 0; form < FORMS; form++) {
        from_stranger("answer");
        assert_gives(form, in, "answer");
    }
    close(neighbour);
}

static void drop_and_audit(void **state)
{
    int swallowed = bound("127.0.0.3", 0, SOCK_DGRAM);
    int watched = bound("127.0.0.4", 0, SOCK_DGRAM);
    int other = bound("127.0.0.6", 0, SOCK_DGRAM);

    (void)state;
    send_text(swallowed, port_of(in), "no");
    send_text(watched, port_of(in), "watched");
    send_text(other, port_of(in), "not tcp");
    assert_gives(BY_RECV, in, "watched");
    assert_gives(BY_READ, in, "not tcp");
    close(swallowed);
    close(watched);
    close(other);
}

/* The port of a rule is the receiver's own. */
static void local_port(void **state)
{
    int client = bound("127.0.0.5", 0, SOCK_DGRAM);
    int service = bound("127.0.0.1", GUARDED_PORT, SOCK_DGRAM);

    (void)state;
    send_text(client, GUARDED_PORT, "no");
    send_text(friend_, GUARDED_PORT, "yes");
    assert_gives(BY_RECVFROM, service, "yes");
    for (int i = 0; i < 3; i++) {
        send_text(client, port_of(in), "elsewhere");
        assert_gives(BY_RECVFROM, in, "elsewhere");
        send_text(client, GUARDED_PORT, "no");
        send_text(friend_, GUARDED_PORT, "yes");
        assert_gives(BY_RECVFROM, service, "yes");
    }
    close(service);
    close(client);
}

/* A port that was asked for is remembered, until the number is another socket's or the socket has another port. */
static void another_port(void **state)
{
    int client = bound("127.0.0.5", 0, SOCK_DGRAM);
    struct sockaddr_in peer = inet_address("127.0.0.6", 9);
    struct sockaddr_in guarded = inet_address("127.0.0.1", GUARDED_PORT);
    int free_ = bound("127.0.0.1", 0, SOCK_DGRAM);
    int service, other;

    (void)state;
    send_text(client, port_of(free_), "allowed");
    assert_gives(BY_RECVFROM, free_, "allowed");
    /* the same number, a guarded socket */
    service = bound("127.0.0.1", GUARDED_PORT, SOCK_DGRAM);
    must("dup2", dup2(service, free_));
    close(service);
    send_text(client, GUARDED_PORT, "no");
    send_text(friend_, GUARDED_PORT, "yes");
    assert_gives(BY_RECVFROM, free_, "yes");
    close(free_);
    /* a client's port, which ends with its connection; then it is bound */
    other = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    must("connect", connect(other, (struct sockaddr *)&peer, sizeof(peer)));
    peer.sin_family = AF_UNSPEC;
    must("connect", connect(other, (struct sockaddr *)&peer, sizeof(peer)));
    must("send", sendto(other, "x", 1, 0, (struct sockaddr *)&guarded, sizeof(guarded)));
    send_text(client, port_of(other), "allowed");
    assert_gives(BY_RECVFROM, other, "allowed");
    must("connect", connect(other, (struct sockaddr *)&peer, sizeof(peer)));
    must("bind", bind(other, (struct sockaddr *)&guarded, sizeof(guarded)));
    send_text(client, GUARDED_PORT, "no");
    send_text(friend_, GUARDED_PORT, "yes");
    assert_gives(BY_RECVFROM, other, "yes");
    close(other);
    close(client);
}

static void ipv6(void **state)
{
    int six = bound("::", 0, SOCK_DGRAM);
    int service = bound("::1", GUARDED_PORT, SOCK_DGRAM);
    int client = bound("::1", 0, SOCK_DGRAM);

    (void)state;
    send_text(stranger, port_of(six), "no"); /* ::ffff:127.0.0.2 */
    send_text(friend_, port_of(six), "mapped");
    assert_gives(BY_RECV, six, "mapped");
    send_text(client, port_of(six), "six");
    assert_gives(BY_READ, six, "six");
    send_text(client, GUARDED_PORT, "no");
    nonblocking(service, true);
    for (enum form form = 0; form < FORMS; form++) {
        send_text(client, GUARDED_PORT, "no");
        assert_fails(form, service, EAGAIN);
    }
    close(six);
    close(service);
    close(client);
}

/* Unix datagrams by the sender's name; what came with a refused one is closed. */
static void unix_datagrams(void **state)
{
    int service = unix_bound("sockade-test-service", SOCK_DGRAM);
    int client = unix_bound("sockade-test-client", SOCK_DGRAM);
    int other = unix_bound("sockade-stranger-1", SOCK_DGRAM);
    struct carrier parcel, taken;
    struct sockaddr_un address;
    socklen_t length;
    int before;

    (void)state;
    for (enum form form = 0; form < FORMS; form++) {
        unix_send(other, "sockade-test-service", "no");
        unix_send(client, "sockade-test-service", "yes");
        assert_gives(form, service, "yes");
    }
    address = abstract_address("sockade-test-service", &length);
    for (int flags = 0; flags <= MSG_PEEK; flags += MSG_PEEK) {
        carrier_make(&parcel, "pipe", 0);
        parcel.header.msg_name = &address;
        parcel.header.msg_namelen = length;
        must("sendmsg", sendmsg(other, &parcel.header, 0));
        carrier_make(&taken, "", -1);
        before = open_descriptors();
        assert_int_equal(recvmsg(service, &taken.header, MSG_DONTWAIT | flags), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(open_descriptors(), before);
        assert_false(is_readable(service));
    }
    close(service);
    close(client);
    close(other);
}

/* Unix streams name their peer with every receive, but were judged when they were connected. */
static void unix_streams(void **state)
{
    int client = (int)must("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    int listener = unix_bound("sockade-stranger-2", SOCK_STREAM);
    socklen_t length;
    struct sockaddr_un address = abstract_address("sockade-stranger-2", &length);
    int server;

    (void)state;
    must("listen", listen(listener, 1));
    must("connect", connect(client, (struct sockaddr *)&address, length));
    server = (int)must("accept", accept(listener, NULL, NULL));
    for (enum form form = 0; form < FORMS; form++) {
        must("write", write(server, "yes", 3));
        assert_gives(form, client, "yes");
    }
    close(client);
    close(server);
    close(listener);
}

/* A ping socket hears nothing but answers. */
static void pings(void **state)
{
    struct sockaddr_in peer = inet_address("127.0.0.2", 0);
    unsigned char request[8] = {8};
    int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

    (void)state;
    if (fd < 0) {
        print_message("ping sockets are not granted here\n");
        skip();
    }
    receive_timeout(fd, 1000);
    for (enum form form = 0; form < FORMS; form++) {
        must("sendto", sendto(fd, request, sizeof(request), 0, (struct sockaddr *)&peer, sizeof(peer)));
        assert_int_equal(receive_by(form, fd), 8);
    }
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers), TEST(connected),      TEST(drop_and_audit), TEST(local_port), TEST(another_port),
        TEST(ipv6),    TEST(unix_datagrams), TEST(unix_streams),   TEST(pings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
