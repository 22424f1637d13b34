/* SPDX-License-Identifier: MIT */
/*
 * What a program under a seccomp filter does that KILLs it for any system call but those that it makes by itself: each
 * scene in a process of its own, whose filter allows the numbers that stand beside it and the end of the process.
 * The results are kept in shared memory, since even writing them might be forbidden.
 *
 *     sandboxed prctl|seccomp|number [SCENE]
 *
 * says by which call the filter is installed. MEANWHILE is a command that is run before, when all sockets are there
 * already.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NUMBERS 12
#define VARIABLES 4000

struct note {
    const char *what;
    long result;
    int error;
};

static struct {
    unsigned count;
    struct note notes[64];
} * kept;

static int channel[2];               /* a pipe with a byte in it */
static int pair[2];                  /* Unix streams; one end sends descriptors */
static int client, stream;           /* a TCP connection */
static int receiver, peer, stranger; /* UDP on 127.0.0.1, 127.0.0.1, 127.0.0.2; the receiver has a datagram of each */
static int connected;                /* UDP, to `peer`, with an answer waiting */
static int listener;                 /* with a connection of 127.0.0.2 and one of 127.0.0.1 waiting */
static int epoll;
static struct sockaddr_in receiver_name, listener_name;
static char *many[VARIABLES + 1];
static char bytes[256];

#define NOTE(call) note(#call, (errno = 0, (long)(call)))

static void note(const char *what, long result)
{
    if (kept->count < COUNT(kept->notes))
        kept->notes[kept->count++] = (struct note){what, result, result < 0 ? errno : 0};
}

static struct sockaddr_in name_of(const char *address)
{
    struct sockaddr_in name = {.sin_family = AF_INET};

    inet_pton(AF_INET, address, &name.sin_addr);
    return name;
}

static int bound(const char *address, int type, struct sockaddr_in *out)
{
    struct sockaddr_in name = name_of(address);
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, type, 0);

    bind(fd, (struct sockaddr *)&name, sizeof(name));
    getsockname(fd, (struct sockaddr *)&name, &length);
    if (out != NULL)
        *out = name;
    return fd;
}

static void tell(int from, const struct sockaddr_in *to)
{
    sendto(from, "x", 1, 0, (const struct sockaddr *)to, sizeof(*to));
}

static int connection(const char *from)
{
    int fd = bound(from, SOCK_STREAM, NULL);

    connect(fd, (struct sockaddr *)&listener_name, sizeof(listener_name));
    return fd;
}

static void pass(int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {(char[]){"p"}, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    sendmsg(pair[0], &message, 0);
}

static void prepare(void)
{
    struct sockaddr_in peer_name, own_name;

    if (pipe(channel) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || write(channel[1], "abcdef", 6) != 6)
        exit(99);
    listener = bound("127.0.0.1", SOCK_STREAM, &listener_name);
    listen(listener, 8);
    client = connection("127.0.0.1");
    stream = accept(listener, NULL, NULL);
    connection("127.0.0.2");
    connection("127.0.0.1");
    receiver = bound("127.0.0.1", SOCK_DGRAM, &receiver_name);
    peer = bound("127.0.0.1", SOCK_DGRAM, &peer_name);
    stranger = bound("127.0.0.2", SOCK_DGRAM, NULL);
    connected = bound("127.0.0.1", SOCK_DGRAM, &own_name);
    connect(connected, (struct sockaddr *)&peer_name, sizeof(peer_name));
    tell(peer, &own_name);
    tell(peer, &own_name);
    for (int i = 0; i < 3; i++) {
        tell(stranger, &receiver_name);
        tell(peer, &receiver_name);
    }
    send(client, "hello", 5, 0);
    pass(channel[0]);
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, receiver, &(struct epoll_event){.events = EPOLLIN});
    fcntl(receiver, F_SETFL, O_NONBLOCK);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < VARIABLES; i++)
        many[i] = strdup("A_VARIABLE=with a value");
}

/* Scenes */

static void pipes(void)
{
    NOTE(read(channel[0], bytes, 1));
    NOTE(write(channel[1], "b", 1));
    NOTE(poll(&(struct pollfd){channel[0], POLLIN, 0}, 1, 0));
    NOTE(readv(channel[0], &(struct iovec){bytes, 1}, 1));
    NOTE(writev(channel[1], &(struct iovec){bytes, 1}, 1));
}

static void streams(void)
{
    NOTE(recv(stream, bytes, 1, 0));
    NOTE(read(stream, bytes, 1));
    NOTE(recvmsg(stream, &(struct msghdr){.msg_iov = &(struct iovec){bytes, 1}, .msg_iovlen = 1}, 0));
    NOTE(recvfrom(stream, bytes, 1, MSG_PEEK, NULL, NULL));
    NOTE(send(stream, "x", 1, 0));
    NOTE(write(stream, "x", 1));
}

static void by_recvfrom(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    for (int i = 0; i < 7; i++)
        NOTE(recvfrom(receiver, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length));
}

static void by_recv(void)
{
    NOTE(recv(receiver, bytes, sizeof(bytes), MSG_PEEK));
    for (int i = 0; i < 7; i++)
        NOTE(recv(receiver, bytes, sizeof(bytes), MSG_DONTWAIT));
}

static void by_recvmsg(void)
{
    struct iovec part = {bytes, sizeof(bytes)};

    NOTE(recvmsg(receiver, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, MSG_PEEK));
    for (int i = 0; i < 7; i++)
        NOTE(recvmsg(receiver, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0));
}

static void by_recvmmsg(void)
{
    struct iovec part = {bytes, sizeof(bytes)};
    struct mmsghdr entries[4] = {0};

    for (int i = 0; i < 4; i++)
        entries[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    NOTE(recvmmsg(receiver, entries, 1, MSG_PEEK, NULL));
    NOTE(recvmmsg(receiver, entries, 4, 0, NULL));
    NOTE(recvmmsg(receiver, entries, 4, 0, NULL));
    NOTE(recvmmsg(receiver, entries, 4, 0, NULL));
}

static void connected_reads(void)
{
    NOTE(read(connected, bytes, sizeof(bytes)));
    NOTE(readv(connected, &(struct iovec){bytes, sizeof(bytes)}, 1));
}

static void unconnected_read(void)
{
    NOTE(read(receiver, bytes, sizeof(bytes)));
}

static void passed(void)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {bytes, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fd = -1;

    NOTE(recvmsg(pair[1], &message, 0));
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    NOTE(read(fd, bytes, 1));
    pass(fd);
}

static void duplicates(void)
{
    int fd = dup(channel[0]);

    note("dup", fd < 0 ? fd : 0);
    NOTE(read(fd, bytes, 1));
    NOTE(dup2(channel[0], receiver) == receiver);
    NOTE(read(receiver, bytes, 1));
    NOTE(dup3(channel[0], stranger, O_CLOEXEC) == stranger);
    NOTE(read(stranger, bytes, 1));
    fd = fcntl(channel[0], F_DUPFD_CLOEXEC, 100);
    NOTE(read(fd, bytes, 1));
    fd = dup(connected);
    NOTE(read(fd, bytes, 1));
}

static void accepts(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    NOTE(accept(listener, (struct sockaddr *)&from, &length) < 0 ? -1 : 0);
    NOTE(accept(listener, NULL, NULL) < 0 ? -1 : 0);
    NOTE(accept(listener, NULL, NULL) < 0 ? -1 : 0);
}

static void accepts4(void)
{
    NOTE(accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 ? -1 : 0);
    NOTE(accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 ? -1 : 0);
    NOTE(accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 ? -1 : 0);
}

static void sockets(void)
{
    struct sockaddr_in any_port = name_of("127.0.0.1");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    int both[2];

    note("socket", fd < 0 ? fd : 0);
    NOTE(connect(fd, (struct sockaddr *)&listener_name, sizeof(listener_name)));
    NOTE(bind(other, (struct sockaddr *)&any_port, sizeof(any_port)));
    NOTE(socketpair(AF_UNIX, SOCK_DGRAM, 0, both));
    NOTE(send(both[0], "x", 1, 0));
    NOTE(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 && errno != EPERM ? -1 : 0);
}

static void listens(void)
{
    NOTE(listen(listener, 4));
    NOTE(listen(receiver, 4));
}

static void sends(void)
{
    struct iovec part = {bytes, 1};
    struct msghdr message = {
        .msg_name = &receiver_name, .msg_namelen = sizeof(receiver_name), .msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr entries[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    struct sockaddr_in unspecific = receiver_name;

    NOTE(sendto(peer, bytes, 1, 0, (struct sockaddr *)&receiver_name, sizeof(receiver_name)));
    NOTE(sendmsg(peer, &message, 0));
    NOTE(sendmmsg(peer, entries, 2, 0));
    unspecific.sin_family = AF_UNSPEC;
    NOTE(sendto(peer, bytes, 1, 0, (struct sockaddr *)&unspecific, sizeof(unspecific)));
    NOTE(sendto(client, bytes, 1, 0, (struct sockaddr *)&receiver_name, sizeof(receiver_name)));
}

static void waits(void)
{
    struct timeval none = {0};
    struct epoll_event event;
    fd_set set;

    FD_ZERO(&set);
    FD_SET(receiver, &set);
    NOTE(poll(&(struct pollfd){receiver, POLLIN, 0}, 1, 0));
    NOTE(ppoll(&(struct pollfd){receiver, POLLIN, 0}, 1, &(struct timespec){0}, NULL));
    NOTE(select(receiver + 1, &set, NULL, NULL, &none));
    NOTE(pselect(receiver + 1, &set, NULL, NULL, &(struct timespec){0}, NULL));
    NOTE(epoll_wait(epoll, &event, 1, 0));
    NOTE(recvfrom(receiver, bytes, 1, 0, NULL, NULL));
    NOTE(epoll_pwait(epoll, &event, 1, 0, NULL));
    NOTE(recvfrom(receiver, bytes, 1, 0, NULL, NULL));
    NOTE(epoll_ctl(epoll, EPOLL_CTL_DEL, receiver, NULL));
}

static void options(void)
{
    struct sockaddr_in name;
    socklen_t length = sizeof(name), size = sizeof(int);
    int value = 1;

    NOTE(setsockopt(receiver, IPPROTO_IP, IP_TTL, &value, sizeof(value)));
    NOTE(getsockopt(receiver, IPPROTO_IP, IP_TTL, &value, &size));
    NOTE(getsockname(receiver, (struct sockaddr *)&name, &length));
    NOTE(getpeername(client, (struct sockaddr *)&name, &length));
    NOTE(ioctl(channel[0], FIONREAD, &value));
    NOTE(fcntl(channel[0], F_GETFL));
}

static void execs(void)
{
    char *argv[] = {(char *)"name", NULL};

    NOTE(execve("/proc/nonexistent", argv, argv + 1));
    NOTE(execve("/proc/nonexistent", argv, many));
    NOTE(execv("/proc/nonexistent", argv));
    NOTE(execl("/proc/nonexistent", "name", NULL));
    NOTE(execvp("/proc/nonexistent", argv));
    NOTE(syscall(SYS_execve, "/proc/nonexistent", argv, many));
}

static void identity(void)
{
    NOTE(getuid() == (uid_t)-1);
    NOTE(geteuid() == (uid_t)-1);
    NOTE(setgroups(0, NULL) == 0 || errno == EPERM);
}

static void numbers(void)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    NOTE(syscall(SYS_getpid) > 0);
    NOTE(syscall(SYS_read, channel[0], bytes, 1));
    NOTE(syscall(SYS_recvfrom, receiver, bytes, sizeof(bytes), 0, &from, &length));
    NOTE(syscall(SYS_dup, channel[0]) < 0);
    NOTE(syscall(SYS_io_uring_setup, 0, NULL) < 0);
    NOTE(syscall(SYS_futex, bytes, 1, 1, NULL, NULL, 0));
}

/* It stays told of: a second filter. */
static void again(void)
{
    NOTE(prctl(PR_GET_SECCOMP));
    NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
    NOTE(read(channel[0], bytes, 1));
}

#define ALLOW(...) ((const int[]){__VA_ARGS__, SYS_exit_group, -1})

static const struct scene {
    const char *name;
    void (*play)(void);
    const int *numbers;
} scenes[] = {
    {"pipes", pipes, ALLOW(SYS_read, SYS_write, SYS_poll, SYS_readv, SYS_writev)},
    {"streams", streams, ALLOW(SYS_recvfrom, SYS_read, SYS_recvmsg, SYS_sendto, SYS_write)},
    {"by_recvfrom", by_recvfrom, ALLOW(SYS_recvfrom)},
    {"by_recv", by_recv, ALLOW(SYS_recvfrom)},
    {"by_recvmsg", by_recvmsg, ALLOW(SYS_recvmsg)},
    {"by_recvmmsg", by_recvmmsg, ALLOW(SYS_recvmmsg)},
    {"connected_reads", connected_reads, ALLOW(SYS_read, SYS_readv)},
    {"unconnected_read", unconnected_read, ALLOW(SYS_read)},
    {"passed", passed, ALLOW(SYS_recvmsg, SYS_read, SYS_sendmsg)},
    {"duplicates", duplicates, ALLOW(SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_read)},
    {"accepts", accepts, ALLOW(SYS_accept, SYS_close)},
    {"accepts4", accepts4, ALLOW(SYS_accept4, SYS_close)},
    {"sockets", sockets, ALLOW(SYS_socket, SYS_connect, SYS_bind, SYS_socketpair, SYS_sendto)},
    {"listens", listens, ALLOW(SYS_listen)},
    {"sends", sends, ALLOW(SYS_sendto, SYS_sendmsg, SYS_sendmmsg)},
    {"waits", waits,
     ALLOW(SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl,
           SYS_recvfrom)},
    {"options", options, ALLOW(SYS_setsockopt, SYS_getsockopt, SYS_getsockname, SYS_getpeername, SYS_ioctl, SYS_fcntl)},
    {"execs", execs, ALLOW(SYS_execve)},
    {"identity", identity, ALLOW(SYS_getuid, SYS_geteuid, SYS_setgroups)},
    {"numbers", numbers, ALLOW(SYS_getpid, SYS_read, SYS_recvfrom, SYS_dup, SYS_io_uring_setup, SYS_futex)},
    {"again", again, ALLOW(SYS_prctl, SYS_read)},
};

/* KILL for all but the scene's numbers and the end. */
static bool install(const struct scene *scene, const char *way)
{
    struct sock_filter code[2 * NUMBERS + 8];
    struct sock_fprog program = {.filter = code};
    unsigned short length = 0;

    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (const int *number = scene->numbers; *number >= 0; number++) {
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)*number, 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    program.len = length;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    if (strcmp(way, "prctl") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    if (strcmp(way, "number") == 0)
        return syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static void play(const struct scene *scene, const char *way)
{
    const char *meanwhile = getenv("MEANWHILE");

    prepare();
    if (meanwhile != NULL && system(meanwhile) != 0)
        exit(98);
    if (!install(scene, way))
        exit(97);
    scene->play();
    _exit(0);
}

/* What happened, with nothing that differs from run to run. */
static void report(const struct scene *scene, int status)
{
    printf("%s: %s\n", scene->name,
           WIFSIGNALED(status)        ? "KILLED"
           : WEXITSTATUS(status) == 0 ? "lived"
                                      : "could not be prepared");
    for (unsigned i = 0; i < kept->count; i++)
        printf("  %s: %ld %s\n", kept->notes[i].what, kept->notes[i].result, strerrorname_np(kept->notes[i].error));
    fflush(stdout);
}

int main(int count, char **arguments)
{
    const char *way = count > 1 ? arguments[1] : "prctl";

    signal(SIGPIPE, SIG_IGN);
    alarm(60);
    kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < COUNT(scenes); i++) {
        int status = 0;
        pid_t child;

        if (count > 2 && strcmp(arguments[2], scenes[i].name) != 0)
            continue;
        memset(kept, 0, sizeof(*kept));
        fflush(stdout);
        child = fork();
        if (child == 0)
            play(&scenes[i], way);
        waitpid(child, &status, 0);
        report(&scenes[i], status);
    }
    return 0;
}
