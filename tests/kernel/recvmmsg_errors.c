/* SPDX-License-Identifier: MIT */
/* recvmmsg returns how many datagrams came before an error; but for EAGAIN the error waits for the next call. */
#include "tests/kernel/proof.h"

#include <sys/mman.h>

#define ENTRIES 3

static int receiver;
static union address own;

/* Receives up to three, of which number `bad` has its iovec where nothing can be read. */
static int receive_three(int bad, int flags)
{
    static char bytes[ENTRIES];
    static void *nowhere;
    struct iovec data[ENTRIES];
    struct mmsghdr entries[ENTRIES] = {0};
    if (!nowhere)
        nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prove(nowhere != MAP_FAILED, "mmap");
    for (int i = 0; i < ENTRIES; i++) {
        data[i] = (struct iovec){.iov_base = &bytes[i], .iov_len = 1};
        entries[i].msg_hdr = (struct msghdr){.msg_iov = i == bad ? nowhere : &data[i], .msg_iovlen = 1};
    }
    return recvmmsg(receiver, entries, ENTRIES, flags, NULL);
}

static void send_some(int count)
{
    int sender = open_socket(AF_INET, SOCK_DGRAM);
    for (int i = 0; i < count; i++)
        prove(sendto(sender, "x", 1, 0, &own.any, 16) == 1, "sendto");
    close(sender);
}

int main(void)
{
    char byte;
    receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &own);

    prove_fails(receive_three(-1, MSG_DONTWAIT), EAGAIN, "nothing waits");
    send_some(1);
    prove(receive_three(-1, MSG_DONTWAIT) == 1, "one waits: 1, though the second receive would wait");
    prove_fails(recv(receiver, &byte, 1, MSG_DONTWAIT), EAGAIN, "EAGAIN is not kept: the next call");
    send_some(2);
    prove(receive_three(-1, MSG_WAITFORONE) == 2, "two wait: MSG_WAITFORONE gives 2");

    send_some(3);
    prove(receive_three(1, 0) == 1, "the second entry fails: 1");
    prove_fails(receive_three(-1, 0), EFAULT, "the error is kept: the next recvmmsg");
    prove(receive_three(-1, MSG_DONTWAIT) == 2, "and is gone then; what waited is still there");
    send_some(1);
    prove_fails(receive_three(0, 0), EFAULT, "the first entry fails");
    prove(recv(receiver, &byte, 1, MSG_DONTWAIT) == 1, "and took nothing");
    return proved("recvmmsg returns the count before a failing receive; the error comes with the next call");
}
