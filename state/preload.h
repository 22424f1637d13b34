/* SPDX-License-Identifier: MIT */
/* LD_PRELOAD's list, as ld.so(8) splits it: at spaces and colons, with nothing that could quote them. */
#ifndef SOCKADE_STATE_PRELOAD_H
#define SOCKADE_STATE_PRELOAD_H

#include <stdbool.h>
#include <string.h>

#define PRELOAD_SEPARATORS " :"

/* Whether `list` names `object`, letter for letter. */
static inline bool preload_names(const char *list, const char *object)
{
    size_t length = strlen(object);

    for (list += strspn(list, PRELOAD_SEPARATORS); *list != '\0'; list += strspn(list, PRELOAD_SEPARATORS)) {
        size_t next = strcspn(list, PRELOAD_SEPARATORS);

        if (next == length && memcmp(list, object, length) == 0)
            return true;
        list += next;
    }
    return false;
}

#endif
