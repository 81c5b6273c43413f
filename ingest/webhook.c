/* webhook.c: one look at two members. */
#include "ingest/webhook.h"

#include "common/json.h"
#include "common/text.h"

/* A name becomes part of ce_type, and that a column of text: no invalid UTF-8, no NUL, no megabyte. */
static struct slice event_name(struct arena *arena, struct slice event)
{
    uint64_t repaired = 0;
    struct slice name = text_repair(arena, event, &repaired);
    if (name.len <= WEBHOOK_EVENT_MAX)
        return name;
    size_t len = WEBHOOK_EVENT_MAX;
    while (len > 0 && ((unsigned char)name.ptr[len] & 0xc0) == 0x80)
        len--; /* not through the middle of a character */
    return (struct slice){name.ptr, len};
}

enum webhook_outcome webhook_read(struct arena *arena, struct slice body, const char *member, bool about_calls,
                                  struct webhook *webhook, const char **problem)
{
    *webhook = (struct webhook){.event = SLICE_ABSENT, .call_id = SLICE_ABSENT};
    const struct json *root = json_read(arena, body, problem);
    if (!root) {
        *problem = arena_format(arena, "The body is not JSON: %s.", *problem).ptr;
        return WEBHOOK_NOT_JSON;
    }
    *problem = "The body is not a JSON object.";
    if (!json_is_object(root))
        return WEBHOOK_NOT_AN_OBJECT;
    struct slice event = json_text(json_get(root, member));
    *problem = arena_format(arena, "The body has no string \"%s\".", member).ptr;
    if (slice_absent(event))
        return WEBHOOK_NO_EVENT;
    *problem = NULL;
    webhook->event = event_name(arena, event);
    if (!about_calls)
        return WEBHOOK_FINE;
    webhook->wants_answer = slice_equals(event, "call_inbound");
    struct slice call_id = json_text(json_get(json_get(root, "call"), "call_id"));
    if (call_id.len >= 1 && call_id.len <= EVENT_CALL_ID_MAX)
        webhook->call_id = call_id;
    return WEBHOOK_FINE;
}
