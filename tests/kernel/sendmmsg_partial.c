/* SPDX-License-Identifier: MIT */
/* sendmmsg stops at the first entry that fails and tells how many went; an error it gives only if that is the first. */
#include "tests/kernel/proof.h"

#define ENTRIES 3

static int receiver;
static int sender;
static union address own;

/* Sends three datagrams of which number `bad` has an address that the kernel refuses. */
static int send_three(int bad)
{
    static char texts[ENTRIES][2] = {"0", "1", "2"};
    struct iovec data[ENTRIES];
    struct mmsghdr entries[ENTRIES] = {0};
    for (int i = 0; i < ENTRIES; i++) {
        data[i] = (struct iovec){.iov_base = texts[i], .iov_len = 1};
        entries[i].msg_hdr = (struct msghdr){
            .msg_name = &own, .msg_namelen = i == bad ? 15 : 16, .msg_iov = &data[i], .msg_iovlen = 1};
        entries[i].msg_len = 77;
    }
    int sent = sendmmsg(sender, entries, ENTRIES, 0);
    int error = errno;
    for (int i = 0; i < ENTRIES; i++)
        prove(entries[i].msg_len == (i < sent ? 1u : 77u), "msg_len is written for what was sent, and for no other");
    errno = error;
    return sent;
}

int main(void)
{
    receiver = open_bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &own);
    sender = open_socket(AF_INET, SOCK_DGRAM);

    prove_fails(send_three(0), EINVAL, "the first entry fails");
    prove(nothing_waits(receiver), "and nothing was sent");
    prove(send_three(1) == 1, "the second entry fails: 1");
    prove(arrives(receiver, "0") && nothing_waits(receiver), "the first alone was sent");
    prove(send_three(2) == 2, "the third entry fails: 2");
    prove(arrives(receiver, "0") && arrives(receiver, "1") && nothing_waits(receiver), "the first two were sent");
    prove(send_three(-1) == 3, "none fails: 3, so no error was kept for the next call");
    return proved("sendmmsg returns how many entries went before the one that failed, an error only for the first");
}
