/* SPDX-License-Identifier: MIT */
/*
 * Runs a program's main somewhere else: preloaded into it, with PLACE in the environment.
 *
 *   constructor  in a constructor that runs before all others, also before the object's
 *   destructor   when everything else has ended
 *   thread       in a thread with a small stack
 *   handler      in a signal handler, on an alternate stack
 *   fork, vfork  in a child
 *
 * Built as a shared object. The program's exit status is main's. In a vfork child pthread functions know the parent's
 * thread only, so what a program says there need not be what it says elsewhere; but it is the same bare and preloaded.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREAD_STACK (256 << 10)
#define SIGNAL_STACK (1 << 20)

typedef int main_function(int argc, char **argv, char **envp);

static main_function *program;
static int arguments, result;
static char **argument_list, **environment;

static bool is_place(const char *name)
{
    const char *place = getenv("PLACE");

    return place != NULL && strcmp(place, name) == 0;
}

static void run(void)
{
    result = program(arguments, argument_list, environment);
    fflush(stdout);
}

static void *run_in_thread(void *unused)
{
    run();
    return unused;
}

static void run_in_handler(int number)
{
    (void)number;
    run();
}

static void in_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    if (pthread_create(&thread, &attributes, run_in_thread, NULL) != 0)
        _exit(90);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* the program waits for its timers in the thread */
    pthread_join(thread, NULL);
}

static void in_handler(void)
{
    stack_t stack = {.ss_sp = malloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK};
    struct sigaction action = {.sa_handler = run_in_handler, .sa_flags = SA_ONSTACK | SA_NODEFER};

    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGWINCH, &action, NULL) != 0 || raise(SIGWINCH) != 0)
        _exit(91);
}

static void wait_for(pid_t child)
{
    int status;

    if (child < 0 || waitpid(child, &status, 0) != child)
        _exit(92);
    result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int main_elsewhere(int argc, char **argv, char **envp)
{
    arguments = argc;
    argument_list = argv;
    environment = envp;
    if (is_place("thread")) {
        in_thread();
    } else if (is_place("handler")) {
        in_handler();
    } else if (is_place("fork")) {
        pid_t child = fork();

        if (child == 0) {
            run();
            _exit(result);
        }
        wait_for(child);
    } else if (is_place("vfork")) {
        pid_t child = vfork();

        if (child == 0) {
            run();
            _exit(result);
        }
        wait_for(child);
    } else if (is_place("destructor")) {
        return 0;
    } else {
        run();
    }
    return result;
}

static __attribute__((destructor)) void last(void)
{
    if (!is_place("destructor") || program == NULL)
        return;
    run();
    _exit(result);
}

/* main's address, by the symbols of the program's file. */
static main_function *main_find(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const struct link_map *map = dlopen(NULL, RTLD_NOW);
    const unsigned char *file;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    main_function *found = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return NULL;
    file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED)
        return NULL;
    header = (const void *)file;
    sections = (const void *)(file + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum && found == NULL; i++) {
        const Elf64_Sym *symbols = (const void *)(file + sections[i].sh_offset);

        for (size_t at = 0; sections[i].sh_type == SHT_SYMTAB && at < sections[i].sh_size / sizeof(*symbols); at++) {
            const char *name = (const char *)file + sections[sections[i].sh_link].sh_offset + symbols[at].st_name;

            if (strcmp(name, "main") == 0)
                *(uintptr_t *)(void *)&found = map->l_addr + symbols[at].st_value;
        }
    }
    munmap((void *)(uintptr_t)file, (size_t)st.st_size);
    return found;
}

static __attribute__((constructor)) void first(int argc, char **argv, char **envp)
{
    program = is_place("constructor") ? main_find() : NULL;
    if (program == NULL)
        return;
    arguments = argc;
    argument_list = argv;
    environment = envp;
    run();
    exit(result);
}

int __libc_start_main(main_function *program_main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack);
int __libc_start_main(main_function *program_main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack)
{
    __typeof__(__libc_start_main) *real;

    *(void **)(&real) = dlsym(RTLD_NEXT, "__libc_start_main");
    program = program_main;
    return real(main_elsewhere, argc, argv, init, fini, loader_fini, stack);
}
