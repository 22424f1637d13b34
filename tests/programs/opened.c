/* SPDX-License-Identifier: MIT */
/*
 * A program and, compiled with -DPLUGIN, the library that it opens in several ways and that connects: opened ADDRESS
 * PORT.
 *
 * The library is found by a RUNPATH alone (the program's "deep", its own "deeper"), so it is opened only if the loader
 * knows who calls dlopen.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef PLUGIN

/* Connects; the errno. Opened once more by itself, it tells whether its own RUNPATH holds too. */
int plugin_connect(const char *address, int port);
int plugin_connect(const char *address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = 0;

    inet_pton(AF_INET, address, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        error = errno;
    close(fd);
    return error;
}

int plugin_opens(const char *name);
int plugin_opens(const char *name)
{
    void *other = dlopen(name, RTLD_NOW | RTLD_DEEPBIND);

    return other != NULL && dlsym(other, "plugin_connect") != NULL;
}

#else

static void ask(const char *how, void *library, const char *address, int port)
{
    int (*ask_plugin)(const char *, int) = NULL;
    int (*opens)(const char *) = NULL;

    if (library == NULL) {
        printf("%s: %s\n", how, dlerror());
        return;
    }
    *(void **)(&ask_plugin) = dlsym(library, "plugin_connect");
    *(void **)(&opens) = dlsym(library, "plugin_opens");
    printf("%s: %s, opens its own: %d\n", how, strerror(ask_plugin(address, port)), opens("libdeeper.so"));
}

int main(int argc, char **argv)
{
    const char *address = argc > 2 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 1;
    Dl_info where;

    ask("plain", dlopen("libplain.so", RTLD_NOW), address, port);
    ask("deep", dlopen("libdeep.so", RTLD_NOW | RTLD_DEEPBIND), address, port);
    ask("local, deep, lazy", dlopen("liblazy.so", RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND), address, port);
    ask("base namespace", dlmopen(LM_ID_BASE, "libbase.so", RTLD_NOW | RTLD_DEEPBIND), address, port);
    ask("new namespace", dlmopen(LM_ID_NEWLM, "libplain.so", RTLD_NOW), address, port);
    printf("nothing: %d, program: %d, no flags: %d\n", dlopen("libnothing.so", RTLD_NOW) != NULL,
           dlopen(NULL, RTLD_NOW) != NULL, dlopen("libplain.so", 0) != NULL);
    printf("the libraries' place: %d\n", dladdr(dlsym(dlopen("libplain.so", RTLD_NOW), "plugin_opens"), &where) != 0 &&
                                             strstr(where.dli_fname, "/deep/") != NULL);
    return 0;
}

#endif
