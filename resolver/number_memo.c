/* number_memo.c: a table with one entry a place (FNV-1a of region and spelling says which). */
#include "resolver/number_memo.h"

#include <stdlib.h>

enum { TEXT_MAX_BYTES = 63, REGION_BYTES = 3 };

struct place {
    char region[REGION_BYTES]; /* "" for NULL */
    uint8_t kind, spelling_len, normal_len;
    bool taken;
    char spelling[TEXT_MAX_BYTES], normal[TEXT_MAX_BYTES];
};

struct number_memo {
    struct place places[NUMBER_MEMO_PLACES];
    uint64_t hits, misses;
};

/* Fowler, Noll, Vo (RFC 9923), 64 bits. Collisions that somebody makes on purpose cost what there would be without a memo. */
static uint64_t hash_add(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct place *place_of(struct number_memo *memo, struct slice number, const char *region)
{
    uint64_t hash = hash_add(UINT64_C(0xcbf29ce484222325), region, strlen(region) + 1);
    hash = hash_add(hash, number.ptr, number.len);
    return &memo->places[(hash ^ hash >> 32) % NUMBER_MEMO_PLACES];
}

static bool place_holds(const struct place *place, struct slice number, const char *region)
{
    return place->taken && strcmp(place->region, region) == 0 &&
           slice_same((struct slice){place->spelling, place->spelling_len}, number);
}

static void place_take(struct place *place, struct slice number, const char *region, enum phone_kind kind,
                       struct slice normal)
{
    place->taken = true;
    place->kind = (uint8_t)kind;
    place->spelling_len = (uint8_t)number.len;
    place->normal_len = (uint8_t)normal.len;
    memcpy(place->region, region, strlen(region) + 1);
    memcpy(place->spelling, number.ptr, number.len);
    if (normal.len)
        memcpy(place->normal, normal.ptr, normal.len);
}

struct number_memo *number_memo_new(void)
{
    return memory_new(1, sizeof(struct number_memo));
}

void number_memo_free(struct number_memo *memo)
{
    free(memo);
}

enum phone_kind number_memo_normalize(struct number_memo *memo, struct arena *arena, struct slice number,
                                      const char *region, struct slice *normal)
{
    const char *named = region ? region : "";
    if (number.len == 0 || number.len > TEXT_MAX_BYTES || strlen(named) >= REGION_BYTES || phone_is_e164(number))
        return phone_normalize(arena, number, region, normal);
    struct place *place = place_of(memo, number, named);
    if (place_holds(place, number, named)) {
        memo->hits++;
        *normal = place->kind == PHONE_ABSENT ? SLICE_ABSENT
                                              : arena_copy(arena, (struct slice){place->normal, place->normal_len});
        return (enum phone_kind)place->kind;
    }
    memo->misses++;
    enum phone_kind kind = phone_normalize(arena, number, region, normal);
    if (normal->len <= TEXT_MAX_BYTES)
        place_take(place, number, named, kind, *normal);
    return kind;
}

void number_memo_counts(const struct number_memo *memo, uint64_t *hits, uint64_t *misses)
{
    *hits = memo->hits;
    *misses = memo->misses;
}
