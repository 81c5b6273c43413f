/* route.c: a handful of paths. */
#include "broadcaster/route.h"

#include "common/text.h"

enum { CALL_ID_MAX = 128 };

/* The years 1 to 9999: what is far beyond them PostgreSQL cannot add to a time. */
static const int64_t TIME_MIN_US = INT64_C(-62135596800000000);
static const int64_t TIME_MAX_US = INT64_C(253402300799999999);

/* PostgreSQL would refuse any other text, and that would look like a fault of ours. */
static bool call_id_valid(struct slice id)
{
    size_t taken = 0;
    for (size_t at = 0; at < id.len; at += taken) {
        taken = text_utf8_length(slice_from(id, at));
        if (taken == 0 || id.ptr[at] == '\0')
            return false;
    }
    return id.len > 0 && id.len <= CALL_ID_MAX;
}

static bool decode(struct slice text, struct arena *arena, struct slice *decoded)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte == '/')
            return false;
        if (byte == '%') {
            if (text.len - i < 3 || !text_read_hex((struct slice){text.ptr + i + 1, 2}, &byte, 1))
                return false;
            i += 2;
        }
        bytes[len++] = (char)byte;
    }
    bytes[len] = '\0';
    *decoded = (struct slice){bytes, len};
    return call_id_valid(*decoded);
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
    return *time_us >= TIME_MIN_US && *time_us <= TIME_MAX_US && call_id_valid(*call_id);
}
