/* SPDX-License-Identifier: MIT */
/*
 * The environment of a child: whatever a program makes of it, it names our object in LD_PRELOAD and carries what the
 * policy is found by. The program's own `environ` is left alone.
 */
#ifndef SOCKADE_SHIM_CHILD_ENVIRONMENT_H
#define SOCKADE_SHIM_CHILD_ENVIRONMENT_H

#include "state/locate.h"

/*
 * Notes what children get. To be called once, at the start, when the pin is known and `surroundings` are copies that
 * stay, with POLICY_NAME in front of `policy` and HOME_NAME in front of `home`.
 */
void child_environment_start(const struct surroundings *surroundings);

/*
 * The file that children are to load, as we were loaded; "": we do not know, and children get what the program gives.
 */
const char *child_object(void);

/* The same as it stands in LD_PRELOAD, perhaps with the loader's $LIB. */
const char *child_object_value(void);

/* Settings that are put back where they are missing: SOCKADE_PINNED, _POLICY, _ON_ERROR, _HOME. */
#define CHILD_SETTINGS 4
#define POLICY_NAME "SOCKADE_POLICY="
#define HOME_NAME "SOCKADE_HOME="

/* What an environment lacks. */
struct lack {
    size_t count;      /* variables that are there */
    size_t added;      /* that come behind them */
    unsigned settings; /* bit i: setting i is missing */
    bool preload;      /* our object is not named */
    bool pin;          /* another pin is there */
    size_t preload_at; /* the LD_PRELOAD that the loader reads; `count`: none */
    size_t pin_at;
    const char *preload_old; /* what these hold now, and their lengths: environments may change under us */
    const char *pin_old;
    size_t preload_length, pin_length;
};

/*
 * Whether something has to be changed. NULL is an empty environment; what is plainly no memory is left to the kernel.
 */
bool environment_lacks(struct lack *out, char *const *envp);

/* How many bytes environment_complete needs. */
size_t environment_size(const struct lack *lack);

/* Writes the whole environment to `memory`, aligned for pointers. */
char *const *environment_complete(void *memory, const struct lack *lack, char *const *envp);

/* One variable that is not as it was: `at` its index, or `count` for one that is new. */
struct environment_change {
    size_t at;
    const char *variable;
};

#define ENVIRONMENT_CHANGES (CHILD_SETTINGS + 1)

/* How long the changed variables are together, at most. */
size_t environment_changes_length(const struct lack *lack);

/* Only the changes; `text` is of environment_size bytes. Returns how many. */
size_t environment_changes(char *text, const struct lack *lack, struct environment_change out[ENVIRONMENT_CHANGES]);

#endif
