/* SPDX-License-Identifier: MIT */
/* read of no bytes leaves a datagram where it is; recv of no bytes takes it. */
#include "tests/kernel/proof.h"

#include <sys/uio.h>

static int receiver;
static int sender;
static union address own;

static void send_one(void)
{
    prove(sendto(sender, "datagram", 8, 0, &own.any, 16) == 8, "sendto");
}

static void reads_leave_it(void)
{
    char byte;
    struct iovec nothing = {.iov_base = &byte, .iov_len = 0};
    send_one();
    prove(read(receiver, &byte, 0) == 0, "read of no bytes");
    prove(readv(receiver, &nothing, 1) == 0, "readv of no bytes");
    prove(arrives(receiver, "datagram"), "the datagram is still there");
    prove(fcntl(receiver, F_SETFL, O_NONBLOCK) == 0 && read(receiver, &byte, 0) == 0,
          "read of no bytes says 0 where nothing waits");
    prove(fcntl(receiver, F_SETFL, 0) == 0, "fcntl");
}

static void receives_take_it(void)
{
    char byte;
    struct iovec nothing = {.iov_base = &byte, .iov_len = 0};
    struct msghdr message = {.msg_iov = &nothing, .msg_iovlen = 1};
    send_one();
    prove(recv(receiver, &byte, 0, 0) == 0 && nothing_waits(receiver), "recv of no bytes takes the datagram");
    send_one();
    prove(recvfrom(receiver, &byte, 0, 0, NULL, NULL) == 0 && nothing_waits(receiver), "recvfrom of no bytes too");
    send_one();
    prove(recvmsg(receiver, &message, 0) == 0 && nothing_waits(receiver), "recvmsg of no bytes too");
}

int main(void)
{
    receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &own);
    sender = open_socket(AF_INET, SOCK_DGRAM);
    reads_leave_it();
    receives_take_it();
    return proved("read and readv of no bytes leave a datagram, recv, recvfrom and recvmsg of no bytes take it");
}
