/* call_missing.c: what must come, by what the account lets Retell keep. */
#include "session/call_missing.h"

enum {
    ALL_OF_THEM = MISSING_COST | MISSING_TRANSCRIPT | MISSING_SUMMARY | MISSING_LATENCY | MISSING_RECORDING,
};

/* Which parts Retell still has when it is asked (docs.retellai.com, "Data Storage Privacy Settings"). Without personal data
 * everything is kept, scrubbed; with basic attributes only, nothing that was spoken, hence no summary. */
static const unsigned MAY_COME[] = {
    [STORAGE_UNSAID] = ALL_OF_THEM,
    [STORAGE_EVERYTHING] = ALL_OF_THEM,
    [STORAGE_EXCEPT_PII] = ALL_OF_THEM,
    [STORAGE_BASIC] = MISSING_COST | MISSING_LATENCY,
};

static const struct {
    enum call_missing bit;
    enum call_register source;
} PARTS[] = {
    {MISSING_COST, REGISTER_COST_CENTS},         {MISSING_TRANSCRIPT, REGISTER_TRANSCRIPT},
    {MISSING_SUMMARY, REGISTER_SUMMARY},         {MISSING_LATENCY, REGISTER_LATENCY},
    {MISSING_RECORDING, REGISTER_RECORDING_URL},
};

enum call_storage call_storage_read(struct slice name)
{
    if (slice_equals(name, "everything"))
        return STORAGE_EVERYTHING;
    if (slice_equals(name, "everything_except_pii"))
        return STORAGE_EXCEPT_PII;
    return slice_equals(name, "basic_attributes_only") ? STORAGE_BASIC : STORAGE_UNSAID;
}

unsigned call_missing_of(const struct call_state *state)
{
    if (!slice_equals(state->call.status, "ended") || state->call.duration_ms == CALL_NULL ||
        state->call.duration_ms <= 0)
        return 0;
    unsigned missing = 0;
    for (size_t i = 0; i < COUNT(PARTS); i++)
        if (!(state->stamps.known >> PARTS[i].source &
              1)) /* the stamp says it even where the column was not read back */
            missing |= PARTS[i].bit;
    return missing & MAY_COME[state->storage < COUNT(MAY_COME) ? state->storage : STORAGE_UNSAID];
}
