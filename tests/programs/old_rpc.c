/* SPDX-License-Identifier: MIT */
/*
 * An old program: Sun RPC as libc itself has it, by the versions that nothing is linked with any more (x86-64's).
 * Compiled with -DTIRPC the same by libtirpc. old_rpc ADDRESS; a line for each call.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PROGRAM 0x20000099UL

void *tcp(struct sockaddr_in *to, unsigned long program, unsigned long version, int *fd, unsigned out, unsigned in);
void *udp(struct sockaddr_in *to, unsigned long program, unsigned long version, struct timeval wait, int *fd);
uint16_t mapped(struct sockaddr_in *to, unsigned long program, unsigned long version, unsigned protocol);
void *host_client(const char *host, unsigned long program, unsigned long version, const char *protocol);
int *server(int fd, unsigned out, unsigned in);
#ifdef TIRPC
__asm__(".symver tcp, clnttcp_create@TIRPC_0.3.0");
__asm__(".symver udp, clntudp_create@TIRPC_0.3.0");
__asm__(".symver mapped, pmap_getport@TIRPC_0.3.0");
__asm__(".symver host_client, clnt_create@TIRPC_0.3.0");
__asm__(".symver server, svctcp_create@TIRPC_0.3.0");
#else
__asm__(".symver tcp, clnttcp_create@GLIBC_2.2.5");
__asm__(".symver udp, clntudp_create@GLIBC_2.2.5");
__asm__(".symver mapped, pmap_getport@GLIBC_2.2.5");
__asm__(".symver host_client, clnt_create@GLIBC_2.2.5");
__asm__(".symver server, svctcp_create@GLIBC_2.2.5");
#endif

static struct sockaddr_in there(const char *address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, address, &to.sin_addr);
    return to;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1";
    struct sockaddr_in to = there(address, 8111);
    struct timeval wait = {.tv_sec = 1};
    void *made;
    int fd = -1;

    printf("tcp: %s\n", tcp(&to, PROGRAM, 1, &fd, 0, 0) == NULL ? "refused" : "made");
    fd = -1;
    printf("udp: %s\n", udp(&to, PROGRAM, 1, wait, &fd) == NULL ? "refused" : "made");
    to = there(address, 0);
    printf("mapped: %d\n", mapped(&to, PROGRAM, 1, IPPROTO_TCP));
    to = there(address, 0);
    fd = -1;
    made = tcp(&to, PROGRAM, 1, &fd, 0, 0);
    printf("tcp, mapped: %s, port %d\n", made == NULL ? "refused" : "made", ntohs(to.sin_port));
    printf("host: %s\n", host_client(address, PROGRAM, 1, "tcp") == NULL ? "refused" : "made");
    printf("server: %s\n", server(-1, 0, 0) == NULL ? "refused" : "made");
    return 0;
}
