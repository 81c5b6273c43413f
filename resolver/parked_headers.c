/* parked_headers.c: headers -> JSON -> headers. */
#include "resolver/parked_headers.h"

#include "common/buffer.h"
#include "common/json.h"
#include "common/text.h"

struct slice parked_headers_write(struct arena *arena, const struct header *headers, size_t count)
{
    struct buffer json = {0};
    uint64_t repaired = 0;
    buffer_add_char(&json, '[');
    for (size_t i = 0; i < count; i++) {
        struct slice value = slice_absent(headers[i].value) ? SLICE("") : headers[i].value;
        buffer_add_text(&json, i ? ",[" : "[");
        buffer_add_json_string(&json, slice_of(headers[i].name));
        buffer_add_char(&json, ',');
        buffer_add_json_string(&json, text_repair(arena, value, &repaired));
        buffer_add_char(&json, ']');
    }
    buffer_add_char(&json, ']');
    struct slice copy = arena_copy(arena, buffer_slice(&json));
    buffer_free(&json);
    return copy;
}

const struct header *parked_headers_read(struct arena *arena, struct slice json, size_t *count)
{
    *count = 0;
    const char *problem = NULL;
    const struct json *pairs = json_read(arena, json, &problem);
    if (!json_is_array(pairs))
        return NULL;
    struct header *headers = arena_zeroed(arena, EVENT_HEADERS_MAX, sizeof *headers);
    size_t read = 0;
    for (const struct json *pair = json_first(pairs); pair && read < EVENT_HEADERS_MAX; pair = json_next(pairs, pair)) {
        struct slice name = json_text(json_at(pair, 0));
        struct slice value = json_text(json_at(pair, 1));
        if (slice_absent(name) || slice_absent(value))
            return NULL;
        headers[read++] = (struct header){.name = arena_copy(arena, name).ptr, .value = value};
    }
    *count = read;
    return headers;
}
