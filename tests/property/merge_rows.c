/* merge_rows.c: the rows that session's merge makes of sets of events, for another program to compare with its own.
 *
 * stdin: a line a set, a JSON array of {"id": 32 hex digits, "type": "ai.retell.…", "source": "default", "branch": n or
 * null, "cost_unit": text or null, "payload": hex}. stdout: a line a set, the row's columns as JSON, after any line that
 * was read. The events are merged in the order given, through `calls.stamps` between every two. Ends with 1 at a line that
 * is no such set: the comparison is wrong then, not the merge.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/json.h"
#include "common/text.h"
#include "session/call_merge.h"
#include "session/call_read.h"
#include "session/call_stamps.h"

static void refuse(const char *why)
{
    fprintf(stderr, "merge_rows: %s\n", why);
    exit(1);
}

static struct slice payload_read(struct arena *arena, const struct json *value)
{
    struct slice hex = json_text(value);
    uint8_t *bytes = arena_alloc(arena, hex.len / 2 + 1);
    if (!text_read_hex(hex, bytes, hex.len / 2))
        refuse("a payload is not hex");
    return (struct slice){(const char *)bytes, hex.len / 2};
}

static struct event event_of(struct arena *arena, const struct json *value)
{
    struct event event = {
        .type = json_text(json_get(value, "type")),
        .source = arena_format(arena, "/retell/%.*s", SLICE_PRINT(json_text(json_get(value, "source")))),
        .subject = SLICE("c"),
        .company_id = 1,
        .cost_unit = json_text(json_get(value, "cost_unit")),
        .body = payload_read(arena, json_get(value, "payload")),
    };
    if (!event_id_read(json_text(json_get(value, "id")), &event.id))
        refuse("an id is not 32 hex digits");
    json_int(json_get(value, "branch"), &event.branch_id);
    return event;
}

static void merge_event(struct arena *arena, struct call_state *state, const struct json *value)
{
    struct event event = event_of(arena, value);
    struct call_facts facts;
    struct call_read_counts counts = {0};
    enum call_problem problem = call_read(arena, &event, &facts, &counts);
    if (problem != CALL_PROBLEM_NONE)
        refuse(call_problem_sentence(problem));
    if (facts.kind != CALL_EVENT_STATE)
        return;
    if (call_stamps_read(state, call_stamps_write(arena, state)))
        refuse("stamps cannot be read back");
    call_merge(state, &facts.state);
}

static void answer(struct arena *arena, struct slice line)
{
    const char *problem = NULL;
    const struct json *set = json_read(arena, line, &problem);
    if (!json_is_array(set))
        refuse(problem ? problem : "a line is no array");
    struct call_state state;
    call_state_init(&state);
    for (const struct json *event = json_first(set); event; event = json_next(set, event))
        merge_event(arena, &state, event);
    struct buffer row = {0};
    call_json_write(&row, &state.call, CALL_JSON_WHOLE);
    buffer_add_char(&row, '\n');
    fwrite(row.data, 1, row.len, stdout);
    buffer_free(&row);
}

int main(void)
{
    struct arena *arena = arena_new();
    char *line = NULL;
    size_t size = 0;
    ssize_t len = 0;
    while ((len = getline(&line, &size, stdin)) > 0) {
        answer(arena, (struct slice){line, (size_t)len});
        fflush(stdout);
        arena_reset(arena);
    }
    free(line);
    arena_free(arena);
    return 0;
}
