/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets that the policy refuses, however their path is written: connect, datagrams and bind.
 */
#include "refusal.h"

#include "state/call.c" /* past the hooks */

#include <sys/stat.h>

static char folder[80]; /* where we are, by its whole path */

static union peer unix_peer(const char *path, socklen_t *length)
{
    union peer peer = {.path = {.sun_family = AF_UNIX}};

    snprintf(peer.path.sun_path, sizeof(peer.path.sun_path), "%s", path);
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    return peer;
}

static const char *whole(const char *name)
{
    static char path[108];

    snprintf(path, sizeof(path), "%.80s/%.20s", folder, name);
    return path;
}

static int bound_at(const char *path, int type)
{
    socklen_t length;
    union peer peer = unix_peer(path, &length);
    int fd = open_one(AF_UNIX, type, 0);

    must("bind", bind(fd, &peer.any, length));
    if (type != SOCK_DGRAM)
        must("listen", listen(fd, 50));
    return fd;
}

static int setup(void **state)
{
    (void)state;
    deadline(20);
    umask(022);
    return getcwd(folder, sizeof(folder)) == NULL;
}

/*
 * connect and the sends, of every type, by this path; 0: the policy lets it pass, and the kernel may say what it likes.
 */
static void assert_path(const char *path, int error)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    struct iovec part = {(char[]){"data"}, 4};
    socklen_t length;
    union peer peer = unix_peer(path, &length);
    struct mmsghdr entry = {.msg_hdr = {.msg_name = &peer, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1}};

    for (size_t i = 0; i < COUNT(types); i++) {
        int fd = open_one(AF_UNIX, types[i], 0);

        if (error != 0) {
            assert_refused(error, connect(fd, &peer.any, length));
            assert_refused(error, connect(fd, &peer.any, sizeof(peer.path)));
        } else if (connect(fd, &peer.any, length) != 0) {
            assert_int_equal(errno, EPROTOTYPE);
        }
        close(fd);
    }
    if (error != 0) {
        int fd = open_one(AF_UNIX, SOCK_DGRAM, 0);

        assert_refused(error, sendto(fd, "data", 4, 0, &peer.any, length));
        assert_refused(error, sendmsg(fd, &entry.msg_hdr, 0));
        assert_refused(error, sendmmsg(fd, &entry, 1, 0));
        close(fd);
    }
}

static void refused_by_any_path(void **state)
{
    char long_path[108];
    int engine = bound_at("engine", SOCK_STREAM);
    int plain = bound_at("plain", SOCK_STREAM);

    (void)state;
    must("symlink", symlink("engine", "link"));
    must("symlink", symlink(".", "here"));
    must("link", link("engine", "hard"));
    must("mkdir", mkdir("below", 0755));
    assert_path(whole("engine"), EPERM);
    assert_path("engine", EPERM);
    assert_path("./engine", EPERM);
    assert_path("below/../engine", EPERM);
    assert_path("here/here/engine", EPERM);
    assert_path("link", EPERM);
    assert_path("hard", EPERM);
    snprintf(long_path, sizeof(long_path), "%.70s//././engine", folder);
    assert_path(long_path, EPERM);
    assert_path("plain", 0);
    assert_path(whole("plain"), 0);
    must("chdir", chdir("below"));
    assert_path("../engine", EPERM);
    must("chdir", chdir(".."));
    assert_false(is_readable(engine, 0));
    /* a path that takes all the room there is has no NUL */
    assert_int_equal(connect(plain, &(struct sockaddr){.sa_family = AF_UNIX}, 1), -1);
    close(engine);
    close(plain);
}

/* What is no longer there, or not yet, is refused by its text. */
static void refused_by_text(void **state)
{
    (void)state;
    unlink("engine");
    assert_path(whole("engine"), EPERM);
    close(bound_at("engine-not", SOCK_STREAM));
    assert_path(whole("engine-not"), ECONNREFUSED); /* a neighbour: the kernel's answer */
}

static void patterns(void **state)
{
    int door, window;

    (void)state;
    must("mkdir", mkdir("private", 0755));
    door = bound_at("private/door", SOCK_STREAM);
    window = bound_at("private/window", SOCK_STREAM);
    assert_path(whole("private/window"), EACCES);
    assert_path(whole("private/door"), 0);
    assert_path("@", ENOENT);
    close(door);
    close(window);
}

static void abstract_names(void **state)
{
    static const struct {
        const char *name;
        bool refused;
    } names[] = {
        {"sockade-private", true}, {"sockade-private-2", true}, {"sockade-privat", false}, {"sockade-p", false}};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        int there = unix_bound(names[i].name, SOCK_STREAM);
        int fd = open_one(AF_UNIX, SOCK_STREAM, 0);
        socklen_t length;
        struct sockaddr_un address = abstract_address(names[i].name, &length);

        must("listen", listen(there, 5));
        if (names[i].refused)
            assert_refused(EACCES, connect(fd, (struct sockaddr *)&address, length));
        else
            assert_gives(0, connect(fd, (struct sockaddr *)&address, length));
        close(there);
        close(fd);
    }
}

static void dropped(void **state)
{
    int there = bound_at("hole", SOCK_DGRAM);
    int fd = open_one(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t length;
    union peer peer = unix_peer("hole", &length);

    (void)state;
    assert_gives(4, sendto(fd, "data", 4, 0, &peer.any, length));
    assert_refused(ETIMEDOUT, connect(fd, &peer.any, length));
    assert_false(is_readable(there, 0));
    close(fd);
    close(there);
}

static void local(void **state)
{
    socklen_t length;
    socklen_t abstract_length;
    union peer peer = unix_peer(whole("taken"), &length);
    struct sockaddr_un address = abstract_address("sockade-taken", &abstract_length);
    int fd = open_one(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_refused(EADDRINUSE, bind(fd, (struct sockaddr *)&address, abstract_length));
    assert_refused(EADDRINUSE, bind(fd, &peer.any, sizeof(peer.path)));
    assert_int_equal(access("taken", F_OK), -1);
    address = abstract_address("sockade-taken-not", &abstract_length);
    assert_gives(0, bind(fd, (struct sockaddr *)&address, abstract_length));
    assert_gives(0, listen(fd, 1));
    close(fd);
    /* bound and listening out of the policy's sight, as what is inherited */
    fd = open_one(AF_UNIX, SOCK_STREAM, 0);
    must("bind", kernel_call(SYS_bind, fd, &peer, length));
    assert_refused(EADDRINUSE, listen(fd, 1));
    must("listen", kernel_call(SYS_listen, fd, 1));
    assert_refused(EADDRINUSE, accept(fd, NULL, NULL));
    close(fd);
    unlink("taken");
}

/* Pairs, unnamed sockets, netlink and files are none of the default's business. */
static void untouched(void **state)
{
    struct sockaddr_in peer = inet_address("127.0.0.1", 9);
    int pair[2], fd = open_one(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_gives(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    assert_gives(1, sendto(pair[0], "x", 1, 0, NULL, 0));
    assert_gives(1, read(pair[1], (char[1]){0}, 1));
    assert_refused(EACCES, connect(fd, (struct sockaddr *)&peer, sizeof(peer)));
    close(pair[0]);
    close(pair[1]);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_by_any_path), cmocka_unit_test(refused_by_text), cmocka_unit_test(patterns),
        cmocka_unit_test(abstract_names),      cmocka_unit_test(dropped),         cmocka_unit_test(local),
        cmocka_unit_test(untouched),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
