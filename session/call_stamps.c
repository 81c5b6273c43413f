/* call_stamps.c: the format is drawn in call_stamps.h. */
#include "session/call_stamps.h"

enum { VERSION = 1, HEAD_BYTES = 6, STAMP_BYTES = 1 + 8 + EVENT_ID_BYTES, NEVER = 255 };

/* The distinct stamps of a state, ascending, and which register has which. */
struct distinct {
    size_t count;
    struct call_stamp stamps[CALL_REGISTERS];
};

static size_t distinct_find(const struct distinct *distinct, const struct call_stamp *stamp)
{
    size_t at = 0;
    while (at < distinct->count && call_stamp_compare(&distinct->stamps[at], stamp) < 0)
        at++;
    return at;
}

static void distinct_add(struct distinct *distinct, const struct call_stamp *stamp)
{
    size_t at = distinct_find(distinct, stamp);
    if (at < distinct->count && call_stamp_compare(&distinct->stamps[at], stamp) == 0)
        return;
    memmove(&distinct->stamps[at + 1], &distinct->stamps[at], (distinct->count - at) * sizeof *stamp);
    distinct->stamps[at] = *stamp;
    distinct->count++;
}

static bool said(const struct call_state *state, size_t which)
{
    return state->stamps.known >> which & 1;
}

static char *stamp_write(char *at, const struct call_stamp *stamp)
{
    *at++ = (char)stamp->rank;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (char)((uint64_t)stamp->clock >> shift);
    memcpy(at, stamp->id.bytes, sizeof stamp->id.bytes);
    return at + sizeof stamp->id.bytes;
}

static void stamp_read(struct call_stamp *stamp, const char *at)
{
    uint64_t clock = 0;
    for (size_t i = 1; i <= 8; i++)
        clock = clock << 8 | (uint8_t)at[i];
    stamp->rank = (uint8_t)at[0];
    stamp->clock = (int64_t)clock;
    memcpy(stamp->id.bytes, at + 9, sizeof stamp->id.bytes);
}

struct slice call_stamps_write(struct arena *arena, const struct call_state *state)
{
    struct distinct distinct = {.count = 0};
    for (size_t which = 0; which < CALL_REGISTERS; which++)
        if (said(state, which))
            distinct_add(&distinct, &state->stamps.of[which]);
    size_t len = HEAD_BYTES + distinct.count * STAMP_BYTES + CALL_REGISTERS;
    char *bytes = arena_alloc(arena, len);
    const uint8_t head[HEAD_BYTES] = {VERSION,        state->evidence,         state->end_said,
                                      state->storage, (uint8_t)distinct.count, CALL_REGISTERS};
    memcpy(bytes, head, sizeof head);
    char *at = bytes + sizeof head;
    for (size_t i = 0; i < distinct.count; i++)
        at = stamp_write(at, &distinct.stamps[i]);
    for (size_t which = 0; which < CALL_REGISTERS; which++)
        *at++ = (char)(said(state, which) ? distinct_find(&distinct, &state->stamps.of[which]) : NEVER);
    return (struct slice){bytes, len};
}

const char *call_stamps_read(struct call_state *state, struct slice bytes)
{
    if (bytes.len < HEAD_BYTES)
        return "stamps are too short";
    const uint8_t *head = (const uint8_t *)bytes.ptr;
    size_t distinct = head[4];
    size_t registers = head[5];
    if (head[0] != VERSION || registers > CALL_REGISTERS)
        return "stamps were written by a newer hookline";
    if (bytes.len != HEAD_BYTES + distinct * STAMP_BYTES + registers)
        return "stamps have the wrong length";
    state->evidence = head[1];
    state->end_said = head[2];
    state->storage = head[3];
    state->stamps = (struct call_stamps){.known = 0};
    const uint8_t *indexes = head + HEAD_BYTES + distinct * STAMP_BYTES;
    for (size_t which = 0; which < registers; which++) {
        if (indexes[which] == NEVER)
            continue;
        if (indexes[which] >= distinct)
            return "a stamp's index is out of range";
        stamp_read(&state->stamps.of[which], bytes.ptr + HEAD_BYTES + (size_t)indexes[which] * STAMP_BYTES);
        state->stamps.known |= UINT32_C(1) << which;
    }
    return NULL;
}
