#!/bin/sh
# SPDX-License-Identifier: MIT
# A thread that another library's constructor has made forks while our start is at work in the main thread: the children, in
# which nobody is at work, start by themselves.
. "${0%/*}/../lib.sh"
scratch
cat >early.c <<'END'
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#define CHILDREN 40
static pthread_t thread;
static pid_t children[CHILDREN];
static int reached(void)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, "127.9.9.9", &peer.sin_addr);
    return connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&peer, sizeof(peer)) == 0 ? 0 : errno;
}
static void *forks(void *nothing)
{
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            alarm(20);
            _exit(reached());
        }
        usleep(1000);
    }
    return nothing;
}
__attribute__((constructor)) static void early(void)
{
    pthread_create(&thread, NULL, forks, NULL);
}
int run(void)
{
    int status, killed = 0, refused = 0;
    pthread_join(thread, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        waitpid(children[i], &status, 0);
        killed += WIFSIGNALED(status);
        refused += WIFEXITED(status) && WEXITSTATUS(status) == EHOSTDOWN;
    }
    printf("%d killed, %d refused\n", killed, refused);
    return reached() != EHOSTDOWN;
}
END
${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o early.so early.c -lpthread
# All of it is the library's: what a program is linked with is initialised before what is preloaded.
printf 'int run(void);\nint main(void) { return run(); }\n' >program.c
${CC:-cc} -o program program.c -L. -l:early.so
# Large enough to be compiled for some time, which is what the children are forked in.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "10.%d.%d.%d\n", i / 65536, i / 256 % 256, i % 256 }' >list.netset
cat >policy.conf <<'END'
version = 1;
log = { what = "none"; };
sets = { list = { file = "list.netset"; }; };
rules = ( { action = "deny"; to = [ "@list", "127.9.9.9" ]; errno = "EHOSTDOWN"; } );
END
capture as_user timeout 60 env LD_LIBRARY_PATH="$SCRATCH" LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/policy.conf" "$SCRATCH/program"
is "$STATUS $OUT$ERR" '0 0 killed, 40 refused' 'each child has the policy'
done_testing
