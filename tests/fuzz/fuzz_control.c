/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the kernel's control messages, any room, anything asked for: what the program gets is in its room, can
 * be walked by CMSG_NXTHDR, and has nothing that was not asked for.
 */
#include "shim/icmp/control.h"

#include "shim/icmp/socket.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static void message_check(const struct cmsghdr *control, uint32_t asked, bool error)
{
    if (control->cmsg_level == IPPROTO_IP) {
        must(control->cmsg_type != IP_TTL || (asked & ASKED_TTL));
        must(control->cmsg_type != IP_TOS || (asked & ASKED_TOS));
        must(control->cmsg_type != IP_PKTINFO || (asked & ASKED_PKTINFO));
        must(control->cmsg_type != IP_RECVOPTS || (asked & ASKED_OPTIONS));
        must(control->cmsg_type != IP_RECVERR || error);
    } else if (control->cmsg_level == IPPROTO_IPV6) {
        must(control->cmsg_type != IPV6_PKTINFO || (asked & ASKED_PKTINFO));
        must(control->cmsg_type != IPV6_RECVERR || error);
    }
}

static void result_check(struct msghdr *message, size_t room, uint32_t asked, bool error)
{
    size_t walked = 0;

    must(message->msg_controllen <= room);
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        must(at->cmsg_len >= CMSG_LEN(0));
        must((size_t)((unsigned char *)at - (unsigned char *)message->msg_control) + at->cmsg_len <=
             message->msg_controllen);
        message_check(at, asked, error);
        must(++walked <= room / sizeof(*at));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msghdr message = {0};
    uint16_t room, asked;
    void *control, *out;
    bool error;

    if (size < 5)
        return 0;
    memcpy(&room, data, sizeof(room));
    memcpy(&asked, data + 2, sizeof(asked));
    error = data[4] & 1;
    data += 5;
    size -= 5;
    room %= 1024;
    control = malloc(size + 1);
    out = malloc(room + 1u);
    must(control != NULL && out != NULL);
    memcpy(control, data, size);
    memset(out, 0, room + 1u);
    message.msg_control = room > 0 ? out : NULL;
    message.msg_controllen = room;
    control_give(&message, control, size, asked, error);
    must((message.msg_flags & ~MSG_CTRUNC) == 0);
    if (room > 0)
        result_check(&message, room, asked, error);
    free(control);
    free(out);
    return 0;
}
