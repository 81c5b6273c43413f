/* The envelope: headers as any producer may write them. What is read and written again is read as the same. Input: lines of
 * NAME=value, an empty line, the body. */
#include "common/event.h"
#include "tests/fuzz/fuzz.h"

enum { HEADERS_MAX = 40 };

static size_t read_headers(struct arena *arena, struct slice *rest, struct header *headers)
{
    size_t count = 0;
    while (rest->len > 0 && count < HEADERS_MAX) {
        struct slice value = fuzz_take(rest, '\n');
        if (value.len == 0)
            break;
        struct slice name = fuzz_take(&value, '=');
        headers[count++] = (struct header){arena_copy(arena, name).ptr, value};
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct arena *arena = arena_new();
    struct header headers[HEADERS_MAX];
    struct header written[EVENT_HEADERS_MAX];
    struct event event;
    struct event again;
    size_t count = read_headers(arena, &rest, headers);
    if (event_read(&event, headers, count, rest) == NULL) {
        event_provider(&event);
        event_source_name(&event);
        event_bare_type(&event);
        size_t written_count = event_write(&event, arena, written);
        REQUIRE(written_count <= EVENT_HEADERS_MAX);
        REQUIRE(event_read(&again, written, written_count, rest) == NULL);
        REQUIRE(memcmp(&event.id, &again.id, sizeof event.id) == 0 && slice_same(event.type, again.type));
        REQUIRE(slice_same(event.subject, again.subject) && event.company_id == again.company_id);
        REQUIRE(event.source_company == again.source_company && event.branch_id == again.branch_id);
    }
    arena_free(arena);
    return 0;
}
