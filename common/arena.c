/* arena.c: blocks of 64 KiB, or of what a bigger request needs, in a list. */
#include "common/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGNMENT) char bytes[];
};

struct arena {
    struct block *first; /* the one being filled; full ones behind it */
    size_t handed_out;
};

static void memory_exhausted(void)
{
    fputs("out of memory; Kafka still has what was not finished\n", stderr);
    _Exit(70);
}

void *memory_new(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

void *memory_resize(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

char *memory_copy_string(const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(memory_new(1, size), string, size);
}

struct arena *arena_new(void)
{
    return memory_new(1, sizeof(struct arena));
}

static void blocks_free(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    blocks_free(arena->first);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    arena->handed_out = 0;
    if (!arena->first)
        return;
    blocks_free(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    if (arena->first->size > BLOCK_BYTES) {
        free(arena->first);
        arena->first = NULL;
    }
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT - sizeof(struct block))
        memory_exhausted();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->first;
    if (!block || block->size - block->used < size) {
        size_t capacity = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = memory_resize(NULL, sizeof *block + capacity);
        *block = (struct block){.next = arena->first, .size = capacity};
        arena->first = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->handed_out += size;
    return memory;
}

void *arena_zeroed(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        memory_exhausted();
    return memset(arena_alloc(arena, count * size), 0, count * size);
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    if (slice_absent(bytes))
        return bytes;
    char *copy = arena_alloc(arena, bytes.len + 1);
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return (struct slice){copy, bytes.len};
}

struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *joined = arena_alloc(arena, len + 1);
    char *at = joined;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len)
            at = mempcpy(at, parts[i].ptr, parts[i].len);
    *at = '\0';
    return (struct slice){joined, len};
}

/* Into what is left of the block at once; formatting twice only if that is not enough. */
struct slice arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_list again;
    struct block *block = arena->first;
    size_t room = block ? block->size - block->used : 0;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(room ? block->bytes + block->used : NULL, room, format, arguments);
    va_end(arguments);
    size_t len = length > 0 ? (size_t)length : 0;
    char *text = arena_alloc(arena, len + 1); /* the same place, if it fits there */
    if (len >= room)
        vsnprintf(text, len + 1, format, again);
    va_end(again);
    return (struct slice){text, len};
}

size_t arena_used(const struct arena *arena)
{
    return arena->handed_out;
}
