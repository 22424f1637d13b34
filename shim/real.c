/* SPDX-License-Identifier: MIT */
/*
 * Binding: the next definition of each hooked name behind our own object, found by a walk over the loader's link map
 * and the GNU hash tables in it.
 *
 * dlsym(3) would take locks, may allocate, takes three times as long for all names, and ties the object to the glibc
 * it was linked with (dlsym@GLIBC_2.34). It is asked only for what the walk does not find, and is itself found by the
 * walk. The map is read without the loader's lock: what stands in front of libc in it is there from the program's
 * start and is never unloaded.
 */
#include "shim/real.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct real real;
struct rare rare;

/* The loader's list of objects; weak, so that naming it adds no needed library. */
extern struct r_debug _r_debug __attribute__((weak));
extern ElfW(Dyn) _DYNAMIC[];

/*
 * Which version of a name will do. Names that no program is linked with any more have none but an old, hidden one,
 * which old programs ask for.
 */
enum wanted { FUNCTION, FUNCTION_OF_ANY_VERSION, VARIABLE };

/* What a look-up in one object needs. */
struct object {
    uintptr_t base;
    uintptr_t own_name; /* DT_SONAME, an offset into `strings` */
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Versym) * versions;
    const uint32_t *hash; /* DT_GNU_HASH */
};

/*
 * The names in the order of their pointers in `real`. One text, not a table of pointers, each of which had to be
 * relocated.
 */
static const char bindings[] =
#define HOOK(name, family, why) #name "\0"
#define RARE(name, family, why)
#include "hooks.def"
#undef HOOK
#undef RARE
    ;

#define BINDINGS (sizeof(struct real) / sizeof(void *))

/*
 * The loader relocates pointers in the dynamic section on most machines, but not where that section is read-only (the
 * vDSO, MIPS, RISC-V).
 */
static const void *dynamic_pointer(uintptr_t base, uintptr_t value)
{
    return (const void *)(value < base ? base + value : value);
}

static bool object_read(struct object *object, const struct link_map *map)
{
    memset(object, 0, sizeof(*object));
    object->base = map->l_addr;
    for (const ElfW(Dyn) *entry = map->l_ld; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        const void *pointer = dynamic_pointer(map->l_addr, entry->d_un.d_ptr);

        if (entry->d_tag == DT_SYMTAB)
            object->symbols = pointer;
        else if (entry->d_tag == DT_STRTAB)
            object->strings = pointer;
        else if (entry->d_tag == DT_VERSYM)
            object->versions = pointer;
        else if (entry->d_tag == DT_GNU_HASH)
            object->hash = pointer;
        else if (entry->d_tag == DT_SONAME)
            object->own_name = entry->d_un.d_val;
    }
    return object->symbols != NULL && object->strings != NULL && object->hash != NULL;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* A definition that can be used as it is. */
static bool symbol_fits(const struct object *object, uint32_t i, const char *name, enum wanted wanted)
{
    const ElfW(Sym) *symbol = &object->symbols[i];

    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0)
        return false;
    if (ELF64_ST_TYPE(symbol->st_info) != (wanted == VARIABLE ? STT_OBJECT : STT_FUNC)) /* ELF32_ST_TYPE is the same */
        return false;
    if (wanted != FUNCTION_OF_ANY_VERSION && object->versions != NULL && (object->versions[i] & 0x8000))
        return false;
    return strcmp(object->strings + symbol->st_name, name) == 0;
}

/* Looks a name up by the object's GNU hash table: bloom filter, bucket, chain. */
static void *object_find(const struct object *object, const char *name, uint32_t hash, enum wanted wanted)
{
    uint32_t bucket_count = object->hash[0];
    uint32_t first = object->hash[1];
    uint32_t bloom_size = object->hash[2];
    uint32_t bloom_shift = object->hash[3];
    const ElfW(Addr) *bloom = (const void *)(object->hash + 4);
    const uint32_t *buckets = (const void *)(bloom + bloom_size);
    const uint32_t *chain = buckets + bucket_count;
    unsigned bits = sizeof(ElfW(Addr)) * 8;
    ElfW(Addr) word;
    uint32_t i;

    if (bucket_count == 0 || bloom_size == 0)
        return NULL;
    word = bloom[(hash / bits) % bloom_size];
    if (!((word >> (hash % bits)) & (word >> ((hash >> bloom_shift) % bits)) & 1))
        return NULL;
    i = buckets[hash % bucket_count];
    if (i < first)
        return NULL;
    for (;; i++) {
        uint32_t entry = chain[i - first];

        if ((entry | 1) == (hash | 1) && symbol_fits(object, i, name, wanted))
            return (void *)(object->base + object->symbols[i].st_value);
        if (entry & 1)
            return NULL;
    }
}

/*
 * The C library itself: the last object of a program's start that holds anything to be bound. Told by its name, since
 * other preloaded objects define what only libc used to (__libc_start_main, to see the program's start).
 */
static bool is_libc(const struct object *object)
{
    static const char name[] = "libc.so."; /* 6, or 6.1 on some machines */

    return object->own_name != 0 && strncmp(object->strings + object->own_name, name, sizeof(name) - 1) == 0;
}

/* Our own object in the link map. */
static const struct link_map *ourselves(void)
{
    const struct link_map *map = &_r_debug == NULL ? NULL : _r_debug.r_map;

    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    return map;
}

const char *own_object(void)
{
    const struct link_map *map = ourselves();

    return map == NULL ? "" : map->l_name;
}

/* Where the pointer of binding `i` stands. */
static void **binding_slot(size_t i)
{
    return (void **)(void *)&real + i;
}

/*
 * The first definition of `name` in the objects from `map` on, up to libc: what stands behind it in the map may have
 * been opened by dlopen(3), and be closed by another thread while we read.
 */
static void *next_definition(const struct link_map *map, const char *name, enum wanted wanted)
{
    void *found = NULL;
    bool last = false;

    for (; map != NULL && found == NULL && !last; map = map->l_next) {
        struct object object;

        if (!object_read(&object, map))
            continue;
        found = object_find(&object, name, gnu_hash(name), wanted);
        last = is_libc(&object);
    }
    return found;
}

/*
 * dlsym(3), for what the walk could not find: names of an object without a GNU hash table, or of a kind that must not
 * be called.
 */
static void *find_by_dlsym(const struct link_map *map, const char *name)
{
    static void *(*dlsym_found)(void *, const char *);

    if (dlsym_found == NULL)
        *(void **)(&dlsym_found) = next_definition(map, "dlsym", FUNCTION);
    return dlsym_found == NULL ? NULL : dlsym_found(RTLD_NEXT, name);
}

static const struct link_map *behind_ourselves(void)
{
    const struct link_map *own = ourselves();

    return own == NULL ? NULL : own->l_next;
}

void real_bind(void)
{
    const struct link_map *first = behind_ourselves();
    size_t left = BINDINGS;
    bool last = false;
    const char *name = bindings;

    for (const struct link_map *map = first; map != NULL && left > 0 && !last; map = map->l_next) {
        struct object object;

        if (!object_read(&object, map))
            continue;
        left = 0;
        name = bindings;
        for (size_t i = 0; i < BINDINGS; i++, name += strlen(name) + 1) {
            if (*binding_slot(i) == NULL)
                *binding_slot(i) = object_find(&object, name, gnu_hash(name), FUNCTION);
            left += *binding_slot(i) == NULL;
        }
        last = is_libc(&object);
    }
    name = bindings;
    for (size_t i = 0; i < BINDINGS && left > 0; i++, name += strlen(name) + 1) {
        if (*binding_slot(i) == NULL)
            *binding_slot(i) = find_by_dlsym(first, name);
    }
}

/* A name that is looked for in each object, and what was found. */
struct look_up {
    const char *name;
    void *found;
};

static int find_in_object(struct dl_phdr_info *info, size_t size, void *data)
{
    struct look_up *look_up = data;
    struct link_map map = {.l_addr = info->dlpi_addr};
    struct object object;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            map.l_ld = (void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    }
    if (map.l_ld != _DYNAMIC && object_read(&object, &map))
        look_up->found = object_find(&object, look_up->name, gnu_hash(look_up->name), FUNCTION_OF_ANY_VERSION);
    return look_up->found != NULL;
}

/*
 * The first definition of any version in what is loaded now, also by dlopen(3) with RTLD_LOCAL; ours is left out. By
 * dl_iterate_phdr(3), under the loader's lock.
 */
static void *definition_anywhere(const char *name)
{
    int (*iterate)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
    struct look_up look_up = {.name = name};

    *(void **)(&iterate) = next_definition(behind_ourselves(), "dl_iterate_phdr", FUNCTION);
    if (iterate != NULL)
        iterate(find_in_object, &look_up);
    return look_up.found;
}

void *rare_bind(void **slot, const char *name)
{
    const struct link_map *first = behind_ourselves();
    void *bound = next_definition(first, name, FUNCTION);

    if (bound == NULL)
        bound = find_by_dlsym(first, name);
    if (bound == NULL)
        bound = next_definition(first, name, FUNCTION_OF_ANY_VERSION);
    if (bound == NULL)
        bound = definition_anywhere(name); /* before glibc 2.34 res_query and its kin stand in libresolv */
    __atomic_store_n(slot, bound, __ATOMIC_RELAXED);
    return bound;
}

void *libc_function(void **slot, const char *name)
{
    void *bound = __atomic_load_n(slot, __ATOMIC_RELAXED);
    struct object object;

    for (const struct link_map *map = behind_ourselves(); map != NULL && bound == NULL; map = map->l_next) {
        if (!object_read(&object, map) || !is_libc(&object))
            continue;
        bound = object_find(&object, name, gnu_hash(name), FUNCTION);
        if (bound == NULL)
            bound = object_find(&object, name, gnu_hash(name), FUNCTION_OF_ANY_VERSION);
        __atomic_store_n(slot, bound, __ATOMIC_RELAXED);
        break;
    }
    return bound;
}

const void *libc_variable(const char *name)
{
    return next_definition(&_r_debug == NULL ? NULL : _r_debug.r_map, name, VARIABLE);
}

/*
 * What the kernel put on the first stack: the number of arguments, these, NULL, and the environment. The loader knows
 * where (__libc_stack_end), and stands behind libc in the map.
 */
static char **environment_on_stack(void)
{
    const struct link_map *map = &_r_debug == NULL ? NULL : _r_debug.r_map;
    char **const *end = NULL;

    for (; map != NULL && end == NULL; map = map->l_next) {
        struct object object;

        if (object_read(&object, map))
            end = object_find(&object, "__libc_stack_end", gnu_hash("__libc_stack_end"), VARIABLE);
    }
    return end == NULL || *end == NULL ? NULL : *end + 1 + (uintptr_t) * *end + 1;
}

char **environment_now(void)
{
    return __environ != NULL ? __environ : environment_on_stack();
}
