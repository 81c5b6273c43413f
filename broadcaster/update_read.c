/* update_read.c: one JSON object, every field that counts checked. */
#include "broadcaster/update_read.h"

#include "common/event.h"
#include "common/json.h"
#include "common/text.h"

bool update_status_is_live(struct slice status)
{
    return slice_equals(status, "registered") || slice_equals(status, "ongoing");
}

static const char *read_call(struct update *update, struct arena *arena, const struct json *call)
{
    int64_t company = 0;
    int64_t version = 0;
    if (!json_is_object(call))
        return "neither a call nor gone";
    if (!json_int(json_get(call, "company_id"), &company) || company != update->company_id)
        return "the call belongs to another company than the update";
    if (!slice_same(json_text(json_get(call, "call_id")), update->call_id))
        return "the call has another id than the update";
    if (!json_int(json_get(call, "version"), &version) || version != update->version)
        return "the call has another version than the update";
    struct slice status = json_text(json_get(call, "status"));
    if (slice_absent(status))
        return "the call has no status";
    uint64_t repaired = 0;
    update->live = update_status_is_live(status);
    update->call = json_write(arena, call, &repaired);
    return NULL;
}

const char *update_read(struct update *update, struct arena *arena, struct slice value)
{
    const char *problem = NULL;
    *update = (struct update){.value = value};
    const struct json *root = json_read(arena, value, &problem);
    if (problem)
        return problem;
    if (!json_is_object(root))
        return "no JSON object";
    int64_t form = 0;
    if (!json_int(json_get(root, "v"), &form) || form != 1)
        return "not an update of version 1";
    if (!json_int(json_get(root, "company_id"), &update->company_id) || update->company_id <= 0)
        return "no company_id";
    update->call_id = json_text(json_get(root, "call_id"));
    if (update->call_id.len == 0 || update->call_id.len > EVENT_CALL_ID_MAX)
        return "no call_id of 1 to 128 bytes";
    if (!json_int(json_get(root, "version"), &update->version) || update->version <= 0)
        return "no version";
    if (!text_read_time(json_text(json_get(root, "updated_at")), &update->updated_at_ms))
        return "no updated_at";
    if (json_bool(json_get(root, "gone"), &update->gone) && update->gone)
        return NULL;
    return read_call(update, arena, json_get(root, "call"));
}
