/* webhook_clues.c: body -> clues, field by field, with nothing taken for granted. */
#include "resolver/webhook_clues.h"

#include "common/event.h"
#include "common/json.h"
#include "common/text.h"

/* agents.agent_id is indexed, and an index row must stay far below PostgreSQL's 2,704 bytes; Retell's ids have 32. */
enum { AGENT_ID_MAX = 255 };

/* An id as Retell's users write it into metadata: 1 or "1". Anything else names nothing. */
static int64_t positive_id(const struct json *value)
{
    int64_t id = 0;
    if (!json_int(value, &id) && !text_read_int(json_text(value), &id))
        return 0;
    return id > 0 ? id : 0;
}

/* How often text had to be repaired is session's to count: it reads the same bodies and stores the text. */
static struct slice storable(struct arena *arena, struct slice text)
{
    uint64_t repaired = 0;
    return slice_absent(text) ? text : arena_copy(arena, text_repair(arena, text, &repaired));
}

static struct slice agent_of(struct arena *arena, const struct json *call)
{
    struct slice agent = json_text(json_get(call, "agent_id"));
    return agent.len == 0 || agent.len > AGENT_ID_MAX ? SLICE_ABSENT : storable(arena, agent);
}

/* Named, but by a name of another system; nothing, null and "" name nothing. */
static bool is_foreign(const struct json *value)
{
    bool silent = !value || json_is_null(value) || slice_equals(json_text(value), "");
    return !silent && !positive_id(value);
}

static void read_metadata(struct webhook_clues *clues, const struct json *metadata)
{
    const struct json *company = json_get(metadata, "company_id");
    int64_t branch = positive_id(json_get(metadata, "branch_id"));
    clues->metadata_foreign = is_foreign(company);
    if (clues->metadata_foreign)
        return;
    clues->metadata_company = positive_id(company);
    clues->metadata_branch = branch ? branch : positive_id(json_get(metadata, "askproai_branch_id"));
}

static enum clues_kind read_call(struct arena *arena, const struct json *call, struct webhook_clues *clues)
{
    struct slice call_id = json_text(json_get(call, "call_id"));
    if (call_id.len == 0)
        return CLUES_NOT_A_CALL;
    if (call_id.len > EVENT_CALL_ID_MAX)
        return CLUES_CALL_ID_TOO_LONG;

    *clues = (struct webhook_clues){
        .call_id = arena_copy(arena, call_id),
        .call_id_text = storable(arena, call_id),
        .outbound = slice_equals(json_text(json_get(call, "direction")), "outbound"),
        .from_number = storable(arena, json_text(json_get(call, "from_number"))),
        .to_number = storable(arena, json_text(json_get(call, "to_number"))),
        .agent_id = agent_of(arena, call),
    };
    read_metadata(clues, json_get(call, "metadata"));
    return CLUES_CALL;
}

enum clues_kind webhook_clues_read(struct arena *arena, struct slice provider, struct slice body,
                                   struct webhook_clues *clues)
{
    struct arena *document = arena_new(); /* a body's tree is five times the body, and a batch holds 500 */
    const char *problem = NULL;
    *clues = (struct webhook_clues){0};
    const struct json *root = json_read(document, body, &problem);
    enum clues_kind kind = CLUES_NOT_A_CALL;
    if (!json_is_object(root))
        kind = CLUES_NOT_JSON;
    else if (slice_absent(provider) || slice_equals(provider, "retell"))
        kind = read_call(arena, json_get(root, "call"), clues);
    arena_free(document);
    return kind;
}

struct slice webhook_clues_number(const struct webhook_clues *clues)
{
    return clues->outbound ? clues->from_number : clues->to_number;
}
