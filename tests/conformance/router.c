/* SPDX-License-Identifier: MIT */
/*
 * The router of the conformance laboratory: it reads every packet that leaves by the laboratory's interface and answers
 * as the packet's destination asks (lab.h), UDP probes too; a UDP packet to a REPLY address comes back, which tells the
 * sender that everything before it was answered. usage: router INTERFACE; it goes to the background when it hears, and
 * prints its process id.
 */
#include "tests/conformance/lab.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 2048, LATE_ROOM = 256, QUOTE4 = 528, QUOTE6 = 1232, LIFE_SECONDS = 280 };

/* What came in, taken apart. */
struct request {
    bool six;
    unsigned char *ip;
    size_t length; /* of the whole packet */
    unsigned char *body;
    size_t body_length;
    int protocol;
    unsigned kind;
    unsigned variant;
};

/* What goes out: room for the Ethernet header, the IP header, and then the ICMP message. */
struct answer {
    unsigned char frame[ROOM];
    size_t length;
};

static int line; /* the packet socket */
static unsigned char station[6];
static struct late {
    long long due;
    struct answer answer;
} late[LATE_ROOM];
static size_t late_count;

static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static uint32_t sum_of(const void *bytes, size_t length, uint32_t sum)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
    return sum;
}

static void put_sum(unsigned char *at, uint32_t sum)
{
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = ~sum & UINT16_MAX;
    at[0] = (unsigned char)(sum >> 8);
    at[1] = (unsigned char)sum;
}

static void put32(unsigned char *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof(value));
}

static void transmit(const struct answer *answer)
{
    if (send(line, answer->frame, answer->length, 0) < 0)
        perror("router: send");
}

static void transmit_late(const struct answer *answer)
{
    if (late_count < LATE_ROOM)
        late[late_count++] = (struct late){milliseconds() + LAB_LATE_MS, *answer};
}

/* Sends what is due; the result is how long nothing will be, or -1. */
static int transmit_due(void)
{
    long long now = milliseconds();
    long long wait = -1;
    size_t kept = 0;
    for (size_t i = 0; i < late_count; i++) {
        if (late[i].due <= now) {
            transmit(&late[i].answer);
            continue;
        }
        if (wait < 0 || late[i].due - now < wait)
            wait = late[i].due - now;
        if (kept != i)
            late[kept] = late[i];
        kept++;
    }
    late_count = kept;
    return (int)wait;
}

/* Addresses and ports of a request, turned round. `source` names another sender (NULL: whom the request was for). */
static size_t start_frame(struct answer *answer, const struct request *request, const void *source, int ttl, int tos,
                          int protocol, size_t options)
{
    unsigned char *ip = answer->frame + ETH_HLEN;
    memset(answer, 0, sizeof(*answer));
    memcpy(answer->frame, station, 6);
    memcpy(answer->frame + 6, station, 6);
    answer->frame[12] = request->six ? 0x86 : 0x08;
    answer->frame[13] = request->six ? 0xdd : 0x00;
    if (request->six) {
        ip[0] = (unsigned char)(0x60 | tos >> 4);
        ip[1] = (unsigned char)(tos << 4);
        ip[6] = (unsigned char)protocol;
        ip[7] = (unsigned char)ttl;
        memcpy(ip + 8, source ? source : request->ip + 24, 16);
        memcpy(ip + 24, request->ip + 8, 16);
        return 40;
    }
    ip[0] = (unsigned char)(0x45 + options / 4);
    ip[1] = (unsigned char)tos;
    ip[4] = 0x77;
    ip[8] = (unsigned char)ttl;
    ip[9] = (unsigned char)protocol;
    memcpy(ip + 12, source ? source : request->ip + 16, 4);
    memcpy(ip + 16, request->ip + 12, 4);
    return 20 + options;
}

/* Lengths and checksums, when everything else stands there. The checksum of ICMP is at 2, that of UDP is left out. */
static void finish_frame(struct answer *answer, bool six, size_t header, size_t body_length)
{
    unsigned char *ip = answer->frame + ETH_HLEN;
    unsigned char *body = ip + header;
    answer->length = ETH_HLEN + header + body_length;
    if (six) {
        ip[4] = (unsigned char)(body_length >> 8);
        ip[5] = (unsigned char)body_length;
        size_t at = ip[6] == IPPROTO_UDP ? 6 : 2;
        body[at] = body[at + 1] = 0;
        put_sum(body + at, sum_of(body, body_length, sum_of(ip + 8, 32, (uint32_t)body_length + ip[6])));
        return;
    }
    ip[2] = (unsigned char)((header + body_length) >> 8);
    ip[3] = (unsigned char)(header + body_length);
    ip[10] = ip[11] = 0;
    put_sum(ip + 10, sum_of(ip, header, 0));
    if (ip[9] == IPPROTO_ICMP && (ip[6] & 0x20) == 0 && ip[7] == 0) {
        body[2] = body[3] = 0;
        put_sum(body + 2, sum_of(body, body_length, 0));
    }
}

/* The address from which errors of a kind come. */
static const void *offender(const struct request *request)
{
    static unsigned char four[4] = {198, 18, 254};
    static unsigned char six[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x18, 0, 0, 0, 0, 0, 0, 0, 0xfe};
    four[3] = six[15] = (unsigned char)request->kind;
    return request->six ? six : four;
}

/* An RFC 4884 extension structure with MPLS labels (RFC 4950); the result is its length. */
static size_t put_extension(unsigned char *at, unsigned variant)
{
    size_t labels = variant == TWO_LABELS ? 2 : 1;
    size_t length = 4 + 4 + 4 * labels;
    memset(at, 0, length);
    at[0] = 0x20;
    at[5] = (unsigned char)(length - 4);
    at[6] = at[7] = 1;
    for (size_t i = 0; i < labels; i++)
        put32(at + 8 + 4 * i, (uint32_t)(16001 + i) << 12 | (uint32_t)(i + 1 == labels) << 8 | 1);
    put_sum(at + 2, sum_of(at, length, 0));
    if (variant == BROKEN_EXTENSION)
        at[2] ^= 0x55;
    return length;
}

/* An ICMP error about the request. */
static void make_error(struct answer *answer, const struct request *request, int type, int code, uint32_t rest)
{
    size_t most = request->six ? QUOTE6 : QUOTE4;
    size_t header = start_frame(answer, request, offender(request), 60, request->six ? 0 : 0xc0,
                                request->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 0);
    unsigned char *body = answer->frame + ETH_HLEN + header;
    size_t quoted = request->length < most ? request->length : most;
    if (request->kind == SHORT_QUOTE)
        quoted = (size_t)(request->body - request->ip) + 8;
    body[0] = (unsigned char)type;
    body[1] = (unsigned char)code;
    put32(body + 4, rest);
    memcpy(body + 8, request->ip, quoted);
    if (request->kind == EXTENDED) {
        quoted = 128; /* padded with zeros, told in words of 4 bytes (IPv4) or 8 (IPv6) */
        body[request->six ? 4 : 5] = request->six ? 16 : 32;
        quoted += put_extension(body + 8 + quoted, request->variant);
    }
    finish_frame(answer, request->six, header, 8 + quoted);
}

static void exceeded(struct answer *answer, const struct request *request, unsigned code)
{
    make_error(answer, request, request->six ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED, (int)code, 0);
}

static void make_reply(struct answer *answer, const struct request *request)
{
    bool marked = request->variant == MARKED;
    static const unsigned char route[8] = {IPOPT_RR, 7, 8, 198, 18, 254, 1, IPOPT_NOP};
    size_t options = request->variant == ROUTED && !request->six ? sizeof(route) : 0;
    unsigned char *body;
    size_t length = request->body_length;
    size_t header = start_frame(answer, request, request->variant == ELSEWHERE ? offender(request) : NULL,
                                marked ? 42 : 61, marked ? 0x28 : 0, request->protocol, options);

    memcpy(answer->frame + ETH_HLEN + header - options, route, options);
    body = answer->frame + ETH_HLEN + header;
    memcpy(body, request->body, length);
    if (request->protocol == IPPROTO_UDP) {
        memcpy(body, request->body + 2, 2);
        memcpy(body + 2, request->body, 2);
        body[6] = body[7] = 0;
    } else {
        body[0] = request->six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
        if (request->variant == PROBED)
            body[0] = request->six ? 161 : 43;
        body[1] = request->variant == CODED;
    }
    if (request->variant == TRUNCATED)
        length = 8;
    if (request->variant == GROWN)
        length += 4;
    if (request->variant == DONT_FRAGMENT && !request->six)
        answer->frame[ETH_HLEN + 6] = 0x40;
    if (request->variant == SWOLLEN)
        length += 200;
    if (request->variant == MIRROR) {
        length = 8 + request->length;
        memcpy(body + 8, request->ip, request->length);
    }
    finish_frame(answer, request->six, header, length);
}

/* A finished reply once more as two fragments, the second first. */
static void transmit_fragments(struct answer *whole)
{
    size_t half = 16;
    struct answer part = *whole;
    unsigned char *ip = part.frame + ETH_HLEN;
    size_t body_length = whole->length - ETH_HLEN - 20;
    memmove(ip + 20, ip + 20 + half, body_length - half);
    ip[7] = (unsigned char)(half / 8);
    finish_frame(&part, false, 20, body_length - half);
    transmit(&part);
    part = *whole;
    ip[6] = 0x20;
    finish_frame(&part, false, 20, half);
    transmit(&part);
}

static void answer_with_reply(const struct request *request)
{
    struct answer answer;
    make_reply(&answer, request);
    if (request->variant == LATE)
        transmit_late(&answer);
    else if (request->variant == FRAGMENTS && !request->six && request->protocol == IPPROTO_ICMP)
        transmit_fragments(&answer);
    else
        transmit(&answer);
    if (request->variant == TWICE)
        transmit(&answer);
}

static void answer_with_both(struct request *request)
{
    struct answer error;
    struct answer reply;
    unsigned variant = request->variant;
    exceeded(&error, request, 0);
    request->variant = PLAIN;
    make_reply(&reply, request);
    transmit(variant == REPLY_FIRST ? &reply : &error);
    if (variant == REPLY_LATE)
        transmit_late(&reply);
    else
        transmit(variant == REPLY_FIRST ? &error : &reply);
    if (variant == TWO_ERRORS)
        transmit(&error);
}

static void answer_with_error(const struct request *request)
{
    struct answer answer;
    int v = (int)request->variant;
    bool six = request->six;
    switch (request->kind) {
    case UNREACHABLE:
        make_error(&answer, request, six ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH, v, 0);
        break;
    case TOO_BIG:
        make_error(&answer, request, six ? ICMP6_PACKET_TOO_BIG : ICMP_DEST_UNREACH, six ? 0 : ICMP_FRAG_NEEDED,
                   1280 + (uint32_t)v);
        break;
    case REDIRECT:
        make_error(&answer, request, ICMP_REDIRECT, v, 0xc612fe63);
        break;
    case QUENCH:
        make_error(&answer, request, ICMP_SOURCE_QUENCH, v, 0);
        break;
    case SHORT_QUOTE:
        make_error(&answer, request, six ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH, 1, 0);
        break;
    case PARAMETER:
        make_error(&answer, request, six ? ICMP6_PARAM_PROB : ICMP_PARAMETERPROB, 0,
                   six ? (uint32_t)v : (uint32_t)v << 24);
        break;
    case BAD_PARAMETER:
        make_error(&answer, request, six ? ICMP6_PARAM_PROB : ICMP_PARAMETERPROB, v, 0);
        break;
    default:
        exceeded(&answer, request, request->kind == EXCEEDED ? request->variant : 0);
        break;
    }
    if (request->kind == LATE_ERROR)
        transmit_late(&answer);
    else
        transmit(&answer);
}

/* Takes a packet apart; false: none that is for us. */
static bool understand(struct request *request, unsigned char *ip, size_t length)
{
    request->ip = ip;
    request->six = ip[0] >> 4 == 6;
    size_t header = request->six ? 40 : (size_t)(ip[0] & 15) * 4;
    if (length < header + 8)
        return false;
    size_t told = request->six ? 40 + (size_t)(ip[4] << 8 | ip[5]) : (size_t)(ip[2] << 8 | ip[3]);
    request->length = told < length ? told : length;
    request->body = ip + header;
    request->body_length = request->length - header;
    request->protocol = request->six ? ip[6] : ip[9];
    request->kind = request->six ? ip[37] : ip[18];
    request->variant = request->six ? ip[39] : ip[19];
    if (request->six ? ip[24] != 0x20 : (ip[16] != 198 || ip[17] != 18))
        return false;
    int echo = request->six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    return request->protocol == IPPROTO_UDP || request->protocol == IPPROTO_TCP || request->body[0] == echo;
}

static void serve(void)
{
    unsigned char frame[ROOM + 64];
    for (;;) {
        struct pollfd entry = {.fd = line, .events = POLLIN};
        struct sockaddr_ll from;
        socklen_t size = sizeof(from);
        struct request request;
        if (poll(&entry, 1, transmit_due()) <= 0)
            continue;
        ssize_t length = recvfrom(line, frame, ROOM - 256, 0, (struct sockaddr *)&from, &size);
        if (length < ETH_HLEN + 20 || from.sll_pkttype == PACKET_OUTGOING)
            continue;
        memcpy(station, frame, 6);
        if (!understand(&request, frame + ETH_HLEN, (size_t)length - ETH_HLEN))
            continue;
        if (request.kind == REPLY)
            answer_with_reply(&request);
        else if (request.kind == BOTH)
            answer_with_both(&request);
        else if (request.kind != SILENT)
            answer_with_error(&request);
    }
}

int main(int argc, char **argv)
{
    int room = 8 << 20;
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    line = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    where.sll_ifindex = (int)if_nametoindex(argc > 1 ? argv[1] : "");
    if (line < 0 || where.sll_ifindex == 0 || bind(line, (struct sockaddr *)&where, sizeof(where)) != 0) {
        perror("router");
        return 1;
    }
    setsockopt(line, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    setsockopt(line, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    pid_t child = fork();
    if (child != 0) {
        printf("%d\n", (int)child);
        return child < 0;
    }
    alarm(LIFE_SECONDS);
    close(1);
    serve();
}
