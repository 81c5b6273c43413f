/* route.c: a handful of paths. */
#include "broadcaster/route.h"

#include "common/text.h"

enum { CALL_ID_MAX = 128 };

static bool decode(struct slice text, struct arena *arena, struct slice *decoded)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte == '/')
            return false;
        if (byte == '%') {
            if (text.len - i < 3 || !text_read_hex((struct slice){text.ptr + i + 1, 2}, &byte, 1) || byte == 0)
                return false;
            i += 2;
        }
        bytes[len++] = (char)byte;
    }
    bytes[len] = '\0';
    *decoded = (struct slice){bytes, len};
    return len > 0 && len <= CALL_ID_MAX && text_repair(arena, *decoded, &(uint64_t){0}).ptr == bytes;
}

struct route route_of(struct slice path, struct arena *arena)
{
    static const char CALL[] = "/api/calls/";
    struct route route = {ROUTE_NONE, SLICE_ABSENT, SLICE_ABSENT};
    if (slice_equals(path, "/api/calls"))
        route.kind = ROUTE_CALLS;
    else if (slice_equals(path, "/api/calls/stream"))
        route.kind = ROUTE_STREAM;
    else if (slice_equals(path, "/api/stats"))
        route.kind = ROUTE_STATS;
    else if (slice_starts_with(path, CALL) && decode(slice_from(path, sizeof CALL - 1), arena, &route.call_id))
        route.kind = ROUTE_CALL;
    else if (slice_equals(path, "/"))
        route = (struct route){ROUTE_PAGE, SLICE_ABSENT, SLICE("index.html")};
    else if (path.len > 1 && !slice_starts_with(path, "/api/"))
        route = (struct route){ROUTE_PAGE, SLICE_ABSENT, slice_from(path, 1)};
    return route;
}

bool route_read_before(struct slice text, int64_t *time_us, struct slice *call_id)
{
    const char *colon = text.ptr ? memchr(text.ptr, ':', text.len) : NULL;
    if (!colon || !text_read_int((struct slice){text.ptr, (size_t)(colon - text.ptr)}, time_us))
        return false;
    *call_id = slice_from(text, (size_t)(colon - text.ptr) + 1);
    return call_id->len > 0 && call_id->len <= CALL_ID_MAX;
}
