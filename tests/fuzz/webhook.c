/* What ingest reads of a verified body, for each provider. */
#include "common/text.h"
#include "ingest/provider.h"
#include "ingest/webhook.h"
#include "tests/fuzz/fuzz.h"

static void require_sound(const struct webhook *webhook)
{
    uint64_t repaired = 0;
    struct arena *arena = arena_new();
    REQUIRE(!slice_absent(webhook->event) && webhook->event.len <= WEBHOOK_EVENT_MAX);
    text_repair(arena, webhook->event, &repaired);
    REQUIRE(repaired == 0);
    REQUIRE(slice_absent(webhook->call_id) || (webhook->call_id.len >= 1 && webhook->call_id.len <= EVENT_CALL_ID_MAX));
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < SOURCE_PROVIDERS; i++) {
        struct webhook webhook;
        const char *problem = NULL;
        enum webhook_outcome outcome = webhook_read(arena, fuzz_input(data, size), PROVIDERS[i].event_member,
                                                    PROVIDERS[i].about_calls, &webhook, &problem);
        REQUIRE((outcome == WEBHOOK_FINE) == (problem == NULL));
        if (outcome == WEBHOOK_FINE)
            require_sound(&webhook);
        arena_reset(arena);
    }
    arena_free(arena);
    return 0;
}
