/* SPDX-License-Identifier: MIT */
/* A ping socket's identifier is its bound port: how it is chosen, when it is taken, and who gets the replies. */
#include "tests/kernel/ping.h"

static void chosen_before_the_first_send(int family)
{
    static const uint16_t ids[] = {1, 80, 1023, 4711, UINT16_MAX};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        int fd = open_ping(family);
        prove(id_of(fd) == 0, "a fresh socket has no identifier");
        prove(bind_id(fd, family, ids[i]) == 0 && id_of(fd) == ids[i], "bind to %d", ids[i]);
        prove_fails(bind_id(fd, family, 9), EINVAL, "a second bind");
        prove(send_echo(fd, family, 1234, 7) == ECHO_SIZE, "send");
        prove(next_reply(fd, family).id == htons(ids[i]), "the reply has the bound identifier");
        close(fd);
    }

    int fd = open_ping(family);
    prove(bind_id(fd, family, 0) == 0 && id_of(fd) != 0, "0 lets the kernel choose");
    close(fd);
    fd = open_ping(family);
    prove(send_echo(fd, family, 1234, 7) == ECHO_SIZE && id_of(fd) != 0, "so does a send");
    prove_fails(bind_id(fd, family, 9), EINVAL, "bind after a send");
    close(fd);
    fd = open_ping(family);
    union address peer = loopback_of(family);
    prove(connect(fd, &peer.any, address_size(family)) == 0, "connect");
    prove_fails(bind_id(fd, family, 9), EINVAL, "bind after connect");
    close(fd);
}

static void last_bound_gets_all(int family)
{
    int first = open_ping(family);
    int second = open_ping(family);
    int reuse = 0;
    socklen_t size = sizeof(reuse);
    prove(getsockopt(first, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) == 0 && reuse == 1,
          "SO_REUSEADDR is on from the start");
    prove(bind_id(first, family, 901) == 0 && bind_id(second, family, 901) == 0, "two sockets on one identifier");
    prove(send_echo(first, family, 0, 1) == ECHO_SIZE, "send");
    prove(next_reply(second, family).sequence == htons(1), "the last one bound gets the reply");
    prove(nothing_waits(first), "the sender does not");
    close(first);
    close(second);
}

/* `cleared`: the option is off on the first (1), the second (2) or both. */
static void taken(int first_family, int second_family, int cleared)
{
    int first = open_ping(first_family);
    int second = open_ping(second_family);
    if (cleared & 1)
        set_option(first, SOL_SOCKET, SO_REUSEADDR, 0);
    if (cleared & 2)
        set_option(second, SOL_SOCKET, SO_REUSEADDR, 0);
    prove(bind_id(first, first_family, 902) == 0, "bind");
    prove_fails(bind_id(second, second_family, 902), EADDRINUSE, "bind of a taken identifier");
    prove(bind_id(second, second_family, 903) == 0, "another identifier can be bound after that");
    close(first);
    prove(bind_id(first = open_ping(first_family), first_family, 902) == 0, "a closed socket's identifier is free");
    close(first);
    close(second);
}

int main(void)
{
    static const int families[] = {AF_INET, AF_INET6};
    enter_ping_network();
    for (int i = 0; i < 2; i++) {
        chosen_before_the_first_send(families[i]);
        last_bound_gets_all(families[i]);
        for (int j = 0; j < 2; j++)
            for (int cleared = 1; cleared <= 3; cleared++)
                taken(families[i], families[j], cleared);
    }
    return proved("bind fixes the identifier before the first send; without SO_REUSEADDR a taken one is EADDRINUSE, "
                  "across families");
}
