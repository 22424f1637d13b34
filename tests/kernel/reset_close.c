/* SPDX-License-Identifier: MIT */
/* A refused connection is taken, reset and closed: the peer is known when accept returns and hears ECONNRESET. */
#include "tests/kernel/proof.h"

static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

/* A connected pair; accept's own answer about the peer is `peer`. */
static int take(int family, const char *text, int *client, union address *peer)
{
    union address own;
    socklen_t size = sizeof(*peer);
    int listener = open_bound(family, SOCK_STREAM, text, &own);
    *client = open_socket(family, SOCK_STREAM);
    prove(connect(*client, &own.any, address_size(family)) == 0, "connect");
    int accepted = accept(listener, &peer->any, &size);
    prove(accepted >= 0 && size == address_size(family), "accept");
    close(listener);
    return accepted;
}

static void peer_is_known_and_reset(int family, const char *text)
{
    union address peer;
    union address own;
    socklen_t size = sizeof(own);
    char byte;
    int client;
    int accepted = take(family, text, &client, &peer);
    prove(getsockname(client, &own.any, &size) == 0 && memcmp(&own, &peer, size) == 0,
          "accept gives the client's address");
    prove(setsockopt(accepted, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0, "SO_LINGER of 0 seconds");
    prove(close(accepted) == 0, "close");
    prove_fails(recv(client, &byte, 1, 0), ECONNRESET, "the peer's next receive");
    close(client);
}

/* Without the option the peer hears an orderly end: that is what makes the option necessary. */
static void plain_close_is_an_end(void)
{
    union address peer;
    char byte;
    int client;
    int accepted = take(AF_INET, "127.0.0.1", &client, &peer);
    close(accepted);
    prove(recv(client, &byte, 1, 0) == 0, "a plain close is the end of the stream");
    close(client);
}

/* A peer that went away by a reset is still named by accept, and no longer by getpeername. */
static void peer_that_left_is_known(void)
{
    union address own;
    union address client_own;
    union address peer;
    socklen_t size = sizeof(client_own);
    int listener = open_bound(AF_INET, SOCK_STREAM, "127.0.0.1", &own);
    int client = open_socket(AF_INET, SOCK_STREAM);
    prove(connect(client, &own.any, 16) == 0 && getsockname(client, &client_own.any, &size) == 0, "connect");
    prove(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0, "SO_LINGER on the client");
    close(client);
    size = sizeof(peer);
    int accepted = accept(listener, &peer.any, &size);
    prove(accepted >= 0 && size == 16 && memcmp(&peer, &client_own, 16) == 0, "accept names a peer that left");
    prove_fails(getpeername(accepted, &peer.any, &size), ENOTCONN, "getpeername of a peer that left");
    close(accepted);
    close(listener);
}

int main(void)
{
    peer_is_known_and_reset(AF_INET, "127.0.0.1");
    peer_is_known_and_reset(AF_INET6, "::1");
    plain_close_is_an_end();
    peer_that_left_is_known();
    return proved("accept names the peer, even one that left; SO_LINGER of 0 and close give it ECONNRESET");
}
