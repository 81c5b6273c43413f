/* call.c: the table of registers. Merging, stamps and statements walk it, so that a new one is a new row here. */
#include "session/call.h"

#define CALL_PLACE(kind_, field)                                                                                       \
    {                                                                                                                  \
        .kind = (kind_), .offset = offsetof(struct call_state, call.field)                                             \
    }
#define CALL_LARGE(kind_, field)                                                                                       \
    {                                                                                                                  \
        .kind = (kind_), .offset = offsetof(struct call_state, call.field), .large = true                              \
    }

const struct call_register_place CALL_REGISTER_PLACES[CALL_REGISTERS] = {
    [REGISTER_SOURCE] = CALL_PLACE(KIND_TEXT, source),
    [REGISTER_BRANCH_ID] = CALL_PLACE(KIND_INT, branch_id),
    [REGISTER_AGENT_ID] = CALL_PLACE(KIND_TEXT, agent_id),
    [REGISTER_CALL_TYPE] = CALL_PLACE(KIND_TEXT, call_type),
    [REGISTER_DIRECTION] = CALL_PLACE(KIND_TEXT, direction),
    [REGISTER_FROM_NUMBER] = CALL_PLACE(KIND_TEXT, from_number),
    [REGISTER_TO_NUMBER] = CALL_PLACE(KIND_TEXT, to_number),
    [REGISTER_STARTED_AT] = CALL_PLACE(KIND_INT, started_at),
    [REGISTER_ENDED_AT] = CALL_PLACE(KIND_INT, ended_at),
    [REGISTER_DURATION_MS] = CALL_PLACE(KIND_INT, duration_ms),
    [REGISTER_DISCONNECTION_REASON] = CALL_PLACE(KIND_TEXT, disconnection_reason),
    [REGISTER_TRANSCRIPT] = CALL_LARGE(KIND_TEXT, transcript),
    [REGISTER_RECORDING_URL] = CALL_PLACE(KIND_TEXT, recording_url),
    [REGISTER_SUMMARY] = CALL_PLACE(KIND_TEXT, summary),
    [REGISTER_SENTIMENT] = CALL_PLACE(KIND_TEXT, sentiment),
    [REGISTER_SUCCESSFUL] = CALL_PLACE(KIND_FLAG, successful),
    [REGISTER_IN_VOICEMAIL] = CALL_PLACE(KIND_FLAG, in_voicemail),
    [REGISTER_COST_CENTS] = CALL_PLACE(KIND_INT, cost_cents),
    [REGISTER_COST_BREAKDOWN] = CALL_LARGE(KIND_TEXT, cost_breakdown),
    [REGISTER_LATENCY_E2E_P50_MS] = CALL_PLACE(KIND_INT, latency_e2e_p50_ms),
    [REGISTER_LATENCY] = CALL_LARGE(KIND_TEXT, latency),
    [REGISTER_CUSTOM_ANALYSIS] = CALL_LARGE(KIND_TEXT, custom_analysis),
    [REGISTER_METADATA] = CALL_LARGE(KIND_TEXT, metadata),
    [REGISTER_END_SAID] = {.kind = KIND_CODE, .offset = offsetof(struct call_state, end_said)},
    [REGISTER_STORAGE] = {.kind = KIND_CODE, .offset = offsetof(struct call_state, storage)},
};

static const size_t KIND_SIZES[] = {
    [KIND_TEXT] = sizeof(struct slice),
    [KIND_INT] = sizeof(int64_t),
    [KIND_FLAG] = sizeof(int8_t),
    [KIND_CODE] = sizeof(uint8_t),
};

void call_state_init(struct call_state *state)
{
    *state = (struct call_state){.evidence = 0};
    call_init(&state->call);
}

int call_stamp_compare(const struct call_stamp *a, const struct call_stamp *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->clock != b->clock)
        return a->clock < b->clock ? -1 : 1;
    return memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes);
}

void call_register_copy(struct call_state *to, const struct call_state *from, enum call_register which)
{
    const struct call_register_place *place = &CALL_REGISTER_PLACES[which];
    memcpy((char *)to + place->offset, (const char *)from + place->offset, KIND_SIZES[place->kind]);
}

bool call_register_absent(const struct call_state *state, enum call_register which)
{
    const char *value = (const char *)state + CALL_REGISTER_PLACES[which].offset;
    switch (CALL_REGISTER_PLACES[which].kind) {
    case KIND_TEXT:
        return slice_absent(*(const struct slice *)(const void *)value);
    case KIND_INT:
        return *(const int64_t *)(const void *)value == CALL_NULL;
    case KIND_FLAG:
        return *(const int8_t *)value < 0;
    case KIND_CODE:
        return *(const uint8_t *)value == 0;
    }
    return true;
}
