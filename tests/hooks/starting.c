/* SPDX-License-Identifier: MIT */
/*
 * Every way to start a program: run bare and with the shim, what the child is given and what fails must be the same,
 * but for the variables that keep the shim.
 */
#include "starting.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <wordexp.h>

static char self[PATH_MAX];

static bool is_ours(const char *variable)
{
    return strncmp(variable, "LD_PRELOAD=", 11) == 0 || strncmp(variable, "SOCKADE_", 8) == 0 ||
           strncmp(variable, "PWD=", 4) == 0 || strncmp(variable, "OLDPWD", 6) == 0 ||
           strncmp(variable, "SHLVL", 5) == 0 || strncmp(variable, "_=", 2) == 0;
}

/* What the child sees of itself. */
static int child(int argc, char **argv)
{
    size_t count = 0;
    unsigned long sum = 0;

    printf("  %d arguments:", argc);
    for (int i = 0; i < argc; i++)
        printf(" <%.40s>", argv[i]);
    for (char **at = environ; *at != NULL; at++) {
        if (is_ours(*at))
            continue;
        count++;
        for (char *letter = *at; *letter != '\0'; letter++)
            sum = sum * 31 + (unsigned char)*letter;
    }
    printf(", %zu variables, sum %lu\n", count, sum);
    return 7;
}

static void matrix(void)
{
    char *argv[] = {(char *)"name", (char *)"child", (char *)"it's", NULL};

    for (int kind = 0; kind < SURROUNDS; kind++) {
        if (kind == OTHER_PRELOAD && sanitizer_options() != NULL)
            continue; /* its runtime does not bear another object in front */
        for (int way = 0; way < WAYS; way++) {
            for (int place = 0; place < PLACES; place++) {
                struct start start = {(enum way)way, self, argv, surround((enum surround)kind)};

                if (!can_start((enum place)place, (enum way)way))
                    continue;
                printf("%s from %s, environment %s\n", way_names[way], place_names[place], surround_names[kind]);
                fflush(stdout);
                say_value("  exit status", start_from((enum place)place, &start));
            }
        }
    }
}

static void file_make(const char *name, const char *text, mode_t mode)
{
    int fd = (int)must(name, open(name, O_WRONLY | O_CREAT | O_TRUNC, 0700));

    must(name, write(fd, text, strlen(text)));
    close(fd);
    must(name, chmod(name, mode));
}

static int spawn(const char *file, char *const *argv, char *const *envp)
{
    pid_t pid = -1;
    int error = posix_spawn(&pid, file, NULL, NULL, argv, envp);

    if (error == 0)
        waitpid(pid, NULL, 0);
    return error;
}

static int spawnp(const char *file, char *const *argv, char *const *envp)
{
    pid_t pid = -1;
    int error = posix_spawnp(&pid, file, NULL, NULL, argv, envp);

    if (error == 0)
        waitpid(pid, NULL, 0);
    return error;
}

/* One file that cannot be executed, by every call. */
static void fails_everywhere(const char *file)
{
    char *argv[] = {(char *)"x", NULL};
    int fd = open(file, O_PATH | O_CLOEXEC);

    printf("%.60s\n", file);
    CHECK("  execve", execve(file, argv, environ));
    CHECK("  execve, no environment", execve(file, argv, NULL));
    CHECK("  execv", execv(file, argv));
    CHECK("  execvp", execvp(file, argv));
    CHECK("  execvpe", execvpe(file, argv, environ));
    CHECK("  execl", execl(file, "x", (char *)NULL));
    CHECK("  execle", execle(file, "x", (char *)NULL, environ));
    CHECK("  execlp", execlp(file, "x", (char *)NULL));
    CHECK("  fexecve", fexecve(fd, argv, environ));
    CHECK("  execveat", execveat(AT_FDCWD, file, argv, environ, 0));
    CHECK("  execveat, of a link", execveat(AT_FDCWD, file, argv, environ, AT_SYMLINK_NOFOLLOW));
    CHECK("  posix_spawn", spawn(file, argv, environ));
    CHECK("  posix_spawnp", spawnp(file, argv, environ));
    if (fd >= 0)
        close(fd);
}

static void failures(void)
{
    static char longest[5000];
    char *argv[] = {(char *)"x", NULL};

    mkdir("folder", 0755);
    file_make("plain", "text\n", 0644);
    file_make("lost", "#!/no/such/interpreter\n", 0755);
    file_make("circle", "#!./circle\n", 0755);
    file_make("header", "\177ELF", 0755);
    file_make("hashbang", "#!\n", 0755);
    must("symlink", symlink("nowhere", "dangling"));
    must("symlink", symlink("loop", "loop"));
    memset(longest, 'x', sizeof(longest) - 1);
    fails_everywhere("./nothing");
    fails_everywhere("/no/such/folder/file");
    fails_everywhere("./plain/below");
    fails_everywhere("./folder");
    fails_everywhere("./plain");
    fails_everywhere("./lost");
    fails_everywhere("./circle");
    fails_everywhere("./dangling");
    fails_everywhere("./loop");
    fails_everywhere("");
    fails_everywhere("not-along-PATH");
    fails_everywhere(longest);
    CHECK("execve of what is no program", execve("./header", argv, environ));
    CHECK("execve of half a line", execve("./hashbang", argv, environ));
    CHECK("posix_spawn of what is no program", spawn("./header", argv, environ));
    CHECK("posix_spawnp of what is no program", spawnp("./header", argv, environ));
    CHECK("fexecve of nothing", fexecve(-1, argv, environ));
    CHECK("fexecve of a number", fexecve(400, argv, environ));
    CHECK("fexecve without arguments", fexecve(0, NO_POINTER, environ));
    CHECK("fexecve without environment", fexecve(0, argv, NO_POINTER));
    CHECK("execveat of a number", execveat(400, "x", argv, environ, 0));
    CHECK("execveat, odd flags", execveat(AT_FDCWD, "/bin/true", argv, environ, 1 << 30));
    CHECK("execve, no path", execve(NO_POINTER, argv, environ));
    CHECK("execve, bad path", execve(BAD_POINTER, argv, environ));
    CHECK("execve, bad arguments", execve("/bin/true", BAD_POINTER, environ));
    CHECK("execve, bad environment", execve("/bin/true", argv, BAD_POINTER));
    CHECK("execve, bad variable", execve("/bin/true", argv, (char *[]){BAD_POINTER, NULL}));
    CHECK("posix_spawn, bad environment", spawn("/bin/true", argv, BAD_POINTER));
}

/* Runs `call` in a child process, and says what came of it. */
#define IN_CHILD(name, call)                                                                                           \
    do {                                                                                                               \
        int child_status = 0;                                                                                          \
        pid_t child_pid;                                                                                               \
        printf("%s\n", name);                                                                                          \
        fflush(stdout);                                                                                                \
        child_pid = (pid_t)must("fork", fork());                                                                       \
        if (child_pid == 0) {                                                                                          \
            CHECK("  result", call);                                                                                   \
            _exit(100);                                                                                                \
        }                                                                                                              \
        waitpid(child_pid, &child_status, 0);                                                                          \
        say_value("  status", child_status);                                                                           \
    } while (0)

/* PATH, and the shell that stands in for files without an interpreter. */
static void searches(void)
{
    char *argv[] = {(char *)"tool", (char *)"a b", NULL};

    mkdir("first", 0755);
    mkdir("second", 0755);
    mkdir("closed", 0755);
    file_make("second/tool", "#!/bin/sh\necho \"second $0 $1\"\n", 0755);
    file_make("second/plainly", "echo \"shell $0 $1\"\n", 0755);
    file_make("first/tool", "nothing\n", 0644);
    file_make("first/lost", "#!/no/such/interpreter\n", 0755);
    file_make("second/lost", "#!/bin/sh\necho found\n", 0755);
    file_make("here", "#!/bin/sh\necho here\n", 0755);
    file_make("closed/only", "#!/bin/sh\n", 0644);
    must("chmod", chmod("closed", 0));
    setenv("PATH", "first:/no/such/folder:second", 1);
    IN_CHILD("passes over what cannot be executed", execvp("tool", argv));
    IN_CHILD("and a script without its interpreter", execvp("lost", argv));
    IN_CHILD("the shell takes the rest", execvp("plainly", argv));
    IN_CHILD("by execlp too", execlp("plainly", "tool", "a b", (char *)NULL));
    IN_CHILD("posix_spawnp", spawnp("tool", argv, environ));
    IN_CHILD("posix_spawnp has no shell", spawnp("plainly", argv, environ));
    IN_CHILD("with a slash nothing is searched", execvp("second/tool", argv));
    IN_CHILD("nor the current folder", execvp("here", argv));
    IN_CHILD("PATH is the caller's",
             execvpe("tool", argv, (char *[]){(char *)"PATH=/nowhere", sanitizer_options(), NULL}));
    setenv("PATH", "", 1);
    IN_CHILD("an empty PATH is the current folder", execvp("here", argv));
    setenv("PATH", "/nowhere::second", 1);
    IN_CHILD("so is an empty part", execvp("here", argv));
    setenv("PATH", "closed:first", 1);
    IN_CHILD("what could have been", execvp("tool", argv));
    IN_CHILD("a closed folder", execvp("only", argv));
    unsetenv("PATH");
    IN_CHILD("no PATH at all", execvp("sh", (char *[]){(char *)"sh", (char *)"-c", (char *)"echo found", NULL}));
    must("chmod", chmod("closed", 0755));
    setenv("PATH", "/usr/bin:/bin", 1);
}

/* Arguments of all kinds. */
static void arguments(void)
{
    static char *many[3001], *more[10];
    char *none[] = {NULL};
    struct rlimit limit = {.rlim_cur = 512 * 1024, .rlim_max = 512 * 1024};

    for (size_t i = 0; i < 3000; i++)
        many[i] = (char *)"child";
    IN_CHILD("3000 arguments", execv(self, many));
    IN_CHILD("no argument", execve("/bin/true", none, environ));
    IN_CHILD("no list of arguments", execve("/bin/true", NO_POINTER, environ));
    IN_CHILD("execl without a name", execl("/bin/true", NO_POINTER, (char *)NULL));
    IN_CHILD("execl of seventy",
             execl(self, "x", "child", "3", "4", "5", "6", "7", "8", "9", "10", "1", "2", "3", "4", "5", "6", "7", "8",
                   "9", "20", "1", "2", "3", "4", "5", "6", "7", "8", "9", "30", "1", "2", "3", "4", "5", "6", "7", "8",
                   "9", "40", "1", "2", "3", "4", "5", "6", "7", "8", "9", "50", "1", "2", "3", "4", "5", "6", "7", "8",
                   "9", "60", "1", "2", "3", "4", "5", "6", "7", "8", "9", "70", (char *)NULL));
    more[0] = self;
    more[1] = malloc(140000);
    memset(more[1], 'x', 139999);
    more[1][139999] = '\0';
    IN_CHILD("one that is too long", execv(self, more));
    setrlimit(RLIMIT_STACK, &limit);
    more[1][100000] = '\0';
    more[2] = more[3] = more[1];
    IN_CHILD("too long together", execv(self, more));
}

static void shells(void)
{
    wordexp_t words;
    char buffer[100] = "";
    FILE *stream;

    CHECK("system asks for a shell", system(NULL) != 0);
    CHECK("system", system("exit 9"));
    CHECK("system of a failure", system("kill -9 $$"));
    CHECK("system of nothing", system("no-such-command-here"));
    CHECK("system of what cannot be read", system("'"));
    stream = popen("echo \"$0\" 'it'\\''s' \"$@\"", "r");
    CHECK("popen reads", fread(buffer, 1, sizeof(buffer) - 1, stream) > 0);
    say_text("  read", buffer, strlen(buffer));
    CHECK("pclose", pclose(stream));
    stream = popen("cat >/dev/null; exit 3", "w");
    CHECK("popen writes", fputs("text", stream) >= 0);
    CHECK("pclose", pclose(stream));
    CHECK("popen, odd mode", popen("true", "x") == NULL);
    CHECK("wordexp", wordexp("a $(echo b c)", &words, 0));
    say_value("  words", (long)words.we_wordc);
    CHECK("wordexp without commands", wordexp("$(echo b)", &words, WRDE_NOCMD));
}

/* What a program makes of its own environment stays as it made it. */
static void own_environment(void)
{
    CHECK("clearenv", clearenv());
    CHECK("  nothing is left", environ == NULL);
    CHECK("system with nothing", system("exit 4"));
    CHECK("  nothing has come back", environ == NULL);
    CHECK("setenv", setenv("A", "1", 1));
    CHECK("system with one", system("test \"$A\" = 1"));
    CHECK("  one is left", environ[1] == NULL);
    CHECK("unsetenv", unsetenv("LD_PRELOAD"));
    CHECK("  not there", getenv("LD_PRELOAD") == NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return child(argc, argv);
    must("readlink", readlink("/proc/self/exe", self, sizeof(self) - 1));
    deadline(100);
    matrix();
    failures();
    searches();
    shells();
    if (sanitizer_options() == NULL)
        own_environment();
    arguments();
    return 0;
}
