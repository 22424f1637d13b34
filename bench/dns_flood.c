/* SPDX-License-Identifier: MIT */
/*
 * A flood of DNS queries in a closed loop: so many are under way, and each answer makes room for the next, so the
 * server is always busy and its queue never overflows.
 *
 * usage: dns_flood PORT OUTSTANDING CLIENTS MILLISECONDS [ANSWERS]
 *
 * Asks 127.0.0.1 for the address of host.test until the time or the number of answers is over, as so many clients:
 * query after query comes from the next of the addresses from 127.1.0.1 on (IP_PKTINFO, one socket); one client is
 * 127.0.0.1. Prints the answers, the seconds that they took and how many queries stayed without one.
 */
#include "timing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define BATCH 64
#define ANSWER_SIZE 512
#define FIRST_CLIENT 0x7f010001u /* 127.1.0.1 */

/* RFC 1035, 4.1: recursion desired, one question, host.test A IN; the first two bytes are the query's number. */
static const unsigned char question[] = "\0\0\1\0\0\1\0\0\0\0\0\0\4host\4test\0\0\1\0\1";
#define QUESTION_SIZE (sizeof(question) - 1)

struct query {
    unsigned char text[QUESTION_SIZE];
    struct iovec part;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct flood {
    int fd;
    unsigned clients;
    unsigned asked;
    unsigned under_way;
    unsigned long answers;
    unsigned long lost;
    struct sockaddr_in server;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The source that the next query is to come from. */
static struct in_addr next_client(const struct flood *flood)
{
    if (flood->clients == 1)
        return (struct in_addr){htonl(INADDR_LOOPBACK)};
    return (struct in_addr){htonl(FIRST_CLIENT + flood->asked % flood->clients)};
}

static void query_make(struct flood *flood, struct query *query, struct msghdr *header)
{
    struct in_pktinfo from = {.ipi_spec_dst = next_client(flood)};
    uint16_t number = (uint16_t)flood->asked++;
    struct cmsghdr *control;

    memcpy(query->text, question, QUESTION_SIZE);
    memcpy(query->text, &number, sizeof(number));
    query->part = (struct iovec){query->text, QUESTION_SIZE};
    *header = (struct msghdr){.msg_name = &flood->server,
                              .msg_namelen = sizeof(flood->server),
                              .msg_iov = &query->part,
                              .msg_iovlen = 1,
                              .msg_control = query->control,
                              .msg_controllen = sizeof(query->control)};
    control = CMSG_FIRSTHDR(header);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(from));
    memcpy(CMSG_DATA(control), &from, sizeof(from));
}

static void ask(struct flood *flood, unsigned count)
{
    static struct query queries[BATCH];
    static struct mmsghdr headers[BATCH];
    int sent;

    for (unsigned i = 0; i < count; i++)
        query_make(flood, &queries[i], &headers[i].msg_hdr);
    sent = sendmmsg(flood->fd, headers, count, 0);
    if (sent < 0)
        die("sendmmsg");
    flood->under_way += (unsigned)sent;
}

/* Takes what has come, and waits for the first; where none comes, all that is under way is lost. */
static void hear(struct flood *flood)
{
    static unsigned char answers[BATCH][ANSWER_SIZE];
    static struct iovec parts[BATCH];
    static struct mmsghdr headers[BATCH];
    int got;

    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){answers[i], ANSWER_SIZE};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    got = recvmmsg(flood->fd, headers, BATCH, MSG_WAITFORONE, NULL);
    if (got < 0 && errno != EAGAIN && errno != ECONNREFUSED)
        die("recvmmsg");
    if (got < 0) {
        flood->lost += flood->under_way;
        flood->under_way = 0;
    }
    for (int i = 0; i < got; i++) {
        /* A response, without an error, with one answer. */
        if (headers[i].msg_len < QUESTION_SIZE || !(answers[i][2] & 0x80) || (answers[i][3] & 0x0f) != 0 ||
            answers[i][7] != 1) {
            fprintf(stderr, "dns_flood: an answer is not what was expected\n");
            exit(1);
        }
        flood->answers++;
        flood->under_way -= flood->under_way > 0;
    }
}

static void flood_open(struct flood *flood, uint16_t port)
{
    struct timeval patience = {.tv_sec = 2};

    flood->fd = socket(AF_INET, SOCK_DGRAM, 0);
    flood->server.sin_family = AF_INET;
    flood->server.sin_port = htons(port);
    flood->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (flood->fd < 0 || setsockopt(flood->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
        die("socket");
}

static unsigned long number(const char *text, unsigned long most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value > most) {
        fprintf(stderr, "dns_flood: not a number up to %lu: %s\n", most, text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct flood flood = {0};
    unsigned long outstanding;
    unsigned long wanted;
    double start;
    double end;

    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: dns_flood PORT OUTSTANDING CLIENTS MILLISECONDS [ANSWERS]\n");
        return 2;
    }
    flood_open(&flood, (uint16_t)number(argv[1], UINT16_MAX));
    outstanding = number(argv[2], BATCH);
    flood.clients = (unsigned)number(argv[3], UINT16_MAX - 1);
    wanted = argc > 5 ? number(argv[5], 1000000000) : 1000000000;
    if (outstanding == 0 || flood.clients == 0) {
        fprintf(stderr, "dns_flood: at least one query and one client\n");
        return 2;
    }
    start = now_ns();
    end = start + (double)number(argv[4], 3600000) * 1e6;
    while (flood.answers < wanted && now_ns() < end) {
        if (flood.under_way < outstanding)
            ask(&flood, (unsigned)outstanding - flood.under_way);
        hear(&flood);
    }
    printf("%lu %.6f %lu\n", flood.answers, (now_ns() - start) / 1e9, flood.lost);
    return 0;
}
