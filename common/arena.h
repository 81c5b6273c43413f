/* arena.h: memory that is given back all at once.
 *
 * A batch and a connection each own one; what is allocated in it lives until arena_reset or arena_free. Allocation never
 * returns NULL: a process without memory ends, and Kafka still has the record. Pure but for malloc.
 */
#ifndef HOOKLINE_COMMON_ARENA_H
#define HOOKLINE_COMMON_ARENA_H

#include "common/slice.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Forgets everything allocated; keeps at most one block (64 KiB) for the next turn. */
void arena_reset(struct arena *arena);

/* `size` bytes, aligned for any type, not cleared. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count * size` bytes, zeroed; the product is checked for overflow. */
void *arena_zeroed(struct arena *arena, size_t count, size_t size);

/* A copy of the bytes with a NUL after them (not counted). Absent stays absent. */
struct slice arena_copy(struct arena *arena, struct slice bytes);

/* A copy of the parts, one behind the other, with a NUL after the last (not counted). */
struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count);

/* printf into the arena; the result is terminated by NUL. */
struct slice arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out since the last reset: what a batch weighs. */
size_t arena_used(const struct arena *arena);

/* malloc and friends that end the process (exit 70) instead of returning NULL. */
void *memory_new(size_t count, size_t size);
void *memory_resize(void *old, size_t size);
char *memory_copy_string(const char *string);

#endif
