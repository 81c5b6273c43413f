/* update_read.c: an update is written by common/call_json; names that it does not know are of a newer session, and are
 * passed over. */
#include "sync/update_read.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/text.h"

static int64_t read_time(const struct json *value)
{
    struct slice text = json_text(value);
    int64_t ms = CALL_NULL;
    return !slice_absent(text) && text_read_time(text, &ms) ? ms : CALL_NULL;
}

static unsigned read_missing(const struct json *names)
{
    unsigned missing = 0;
    for (const struct json *name = json_first(names); name; name = json_next(names, name))
        missing |= call_missing_bit(json_text(name));
    return missing;
}

static const char *read_call(struct call *call, const struct json *object)
{
    call->source = json_text(json_get(object, "source"));
    call->status = json_text(json_get(object, "status"));
    if (slice_absent(call->source) || slice_absent(call->status))
        return "an update's call has no source or no status";
    const struct json *missing = json_get(object, "missing");
    if (!json_is_array(missing))
        return "an update's call has no list of what is missing";
    call->missing = read_missing(missing);
    call->started_at = read_time(json_get(object, "started_at"));
    call->ended_at = read_time(json_get(object, "ended_at"));
    call->first_seen_at = read_time(json_get(object, "first_seen_at"));
    return NULL;
}

const char *update_read(struct update *update, struct arena *arena, struct slice value)
{
    const char *problem = NULL;
    const struct json *root = json_read(arena, value, &problem);
    if (!root)
        return problem;
    int64_t form = 0;
    if (!json_int(json_get(root, "v"), &form) || form != 1)
        return "the update is not of version 1 of its format";

    call_init(&update->call);
    struct call *call = &update->call;
    call->call_id = json_text(json_get(root, "call_id"));
    if (slice_absent(call->call_id) || call->call_id.len == 0)
        return "the update names no call";
    if (!json_int(json_get(root, "company_id"), &call->company_id) || call->company_id <= 0)
        return "the update names no company";
    if (!json_int(json_get(root, "version"), &call->version) || call->version <= 0)
        return "the update has no version";
    call->updated_at = read_time(json_get(root, "updated_at"));

    update->gone = false;
    (void)json_bool(json_get(root, "gone"), &update->gone);
    return update->gone ? NULL : read_call(call, json_get(root, "call"));
}

static int order_of_calls(const struct call *a, const struct call *b)
{
    if (a->company_id != b->company_id)
        return a->company_id < b->company_id ? -1 : 1;
    return slice_compare(a->call_id, b->call_id);
}

static int order_of_updates(const void *left, const void *right)
{
    const struct call *a = &((const struct update *)left)->call;
    const struct call *b = &((const struct update *)right)->call;
    int order = order_of_calls(a, b);
    return order ? order : (a->version > b->version) - (a->version < b->version);
}

size_t updates_keep_newest(struct update *updates, size_t count)
{
    if (count == 0)
        return 0;
    qsort(updates, count, sizeof *updates, order_of_updates);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || order_of_calls(&updates[i].call, &updates[i + 1].call) != 0)
            updates[kept++] = updates[i];
    return kept;
}
