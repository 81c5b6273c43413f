/* The tables of docs/architecture.md, "What a call is", say what the code does: each row is run, in every order of its
 * events, and every event and reason that the code knows has its row. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "session/call_merge.h"
#include "session/call_read.h"
#include "session/call_status.h"

enum { SPANS_MAX = 16, CELLS = 4, ROWS_MAX = 64 };

struct row {
    struct slice cells[CELLS];
};

struct table {
    struct row rows[ROWS_MAX];
    size_t count;
};

static struct arena *arena;
static struct slice document;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    FILE *file = fopen(ARCHITECTURE, "rb");
    assert_non_null(file);
    enum { MAX = 1 << 20 };
    char *text = arena_alloc(arena, MAX);
    document = (struct slice){text, fread(text, 1, MAX - 1, file)};
    text[document.len] = '\0';
    fclose(file);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct slice trimmed(struct slice text)
{
    while (text.len && (*text.ptr == ' ' || *text.ptr == '|'))
        text = slice_from(text, 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '|'))
        text.len--;
    return text;
}

static struct row row_of(struct slice line)
{
    struct row row = {0};
    line = trimmed(line);
    for (size_t cell = 0; cell < CELLS && line.len; cell++) {
        const char *end = memmem(line.ptr, line.len, " | ", 3);
        size_t len = end ? (size_t)(end - line.ptr) : line.len;
        row.cells[cell] = trimmed((struct slice){line.ptr, len});
        line = end ? slice_from(line, len + 3) : SLICE("");
    }
    return row;
}

/* The table whose first line starts so. */
static struct table table_of(const char *head)
{
    struct table table = {.count = 0};
    const char *at = strstr(document.ptr, head);
    if (!at)
        fail_msg("docs/architecture.md has no table that starts with %s", head);
    for (int line = 0; at && *at == '|'; line++) {
        size_t len = strcspn(at, "\n");
        if (line >= 2) {
            assert_true(table.count < ROWS_MAX);
            table.rows[table.count++] = row_of((struct slice){at, len});
        }
        at += len + 1;
    }
    assert_true(table.count > 3);
    return table;
}

/* What stands between backticks. */
static size_t spans_of(struct slice cell, struct slice *spans)
{
    size_t count = 0;
    while (count < SPANS_MAX) {
        const char *open = cell.ptr ? memchr(cell.ptr, '`', cell.len) : NULL;
        if (!open)
            return count;
        cell = slice_from(cell, (size_t)(open - cell.ptr) + 1);
        const char *close = memchr(cell.ptr, '`', cell.len);
        assert_non_null(close);
        spans[count++] = (struct slice){cell.ptr, (size_t)(close - cell.ptr)};
        cell = slice_from(cell, spans[count - 1].len + 1);
    }
    fail_msg("more than %d words in one cell", SPANS_MAX);
    return count;
}

static struct slice full_type(struct slice name)
{
    bool ours = slice_equals(name, "call_synced") || slice_equals(name, "call_gone") ||
                slice_equals(name, "call_assigned") || slice_equals(name, "call_forgotten");
    return arena_format(arena, "ai.%s.%.*s", ours ? "hookline" : "retell", SLICE_PRINT(name));
}

/* "call_ended {…}": what it says of its call. */
static struct call_facts facts_of(struct slice span)
{
    const char *space = memchr(span.ptr, ' ', span.len);
    struct slice name = {span.ptr, space ? (size_t)(space - span.ptr) : span.len};
    struct slice call = space ? slice_from(span, name.len + 1) : SLICE("{}");
    struct slice body =
        arena_format(arena, "{\"event_timestamp\":1703302430000,\"from\":1,\"to\":2,\"event\":\"%.*s\",\"call\":%.*s}",
                     SLICE_PRINT(name), SLICE_PRINT(call));
    struct event envelope = {
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = full_type(name),
        .source = SLICE("/retell/default"),
        .subject = SLICE("c1"),
        .company_id = 1,
        .body = body,
    };
    struct call_facts facts;
    struct call_read_counts counts = {0};
    if (call_read(arena, &envelope, &facts, &counts) != CALL_PROBLEM_NONE)
        fail_msg("%.*s cannot be read", SLICE_PRINT(span));
    return facts;
}

static struct slice proof_of(uint8_t evidence)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } WORDS[] = {{EVIDENCE_STARTED, "started"},
                 {EVIDENCE_TERMINAL, "terminal"},
                 {EVIDENCE_ANALYZED, "analyzed"},
                 {EVIDENCE_GONE, "gone"}};
    struct slice proof = SLICE("");
    for (size_t i = 0; i < COUNT(WORDS); i++)
        if (evidence & WORDS[i].bit)
            proof = arena_format(arena, "%.*s%s%s", SLICE_PRINT(proof), proof.len ? ", " : "", WORDS[i].word);
    return proof.len ? proof : SLICE("nothing");
}

static void each_event_has_the_rank_and_proves_what_the_table_says(void **state)
{
    (void)state;
    struct table table = table_of("| event, with members of its `call` |");
    for (size_t i = 0; i < table.count; i++) {
        struct slice spans[SPANS_MAX];
        size_t count = spans_of(table.rows[i].cells[0], spans);
        assert_true(count > 0);
        for (size_t j = 0; j < count; j++) {
            struct call_facts facts = facts_of(spans[j]);
            struct slice rank = facts.kind == CALL_EVENT_STATE
                                    ? arena_format(arena, "%d", facts.state.stamps.of[REGISTER_SOURCE].rank)
                                    : SLICE("-");
            if (!slice_same(rank, table.rows[i].cells[1]))
                fail_msg("%.*s has rank %.*s", SLICE_PRINT(spans[j]), SLICE_PRINT(rank));
            struct slice proof = proof_of(facts.state.evidence);
            if (!slice_same(proof, table.rows[i].cells[2]))
                fail_msg("%.*s proves %.*s", SLICE_PRINT(spans[j]), SLICE_PRINT(proof));
        }
    }
}

static bool names(const struct table *table, struct slice word)
{
    for (size_t i = 0; i < table->count; i++) {
        struct slice spans[SPANS_MAX];
        size_t count = spans_of(table->rows[i].cells[0], spans);
        for (size_t j = 0; j < count; j++)
            if (slice_same(spans[j], word))
                return true;
    }
    return false;
}

static void every_event_that_the_code_knows_has_a_row(void **state)
{
    (void)state;
    struct table table = table_of("| event, with members of its `call` |");
    for (size_t i = 0; call_read_type(i); i++) {
        struct event event = {.type = slice_of(call_read_type(i))};
        if (!names(&table, event_bare_type(&event)))
            fail_msg("%s has no row in docs/architecture.md", call_read_type(i));
    }
}

/* The state after the events, in the order that `permutation` numbers (factorial base). */
static struct call_state state_after(const struct slice *spans, size_t count, size_t permutation)
{
    struct call_state state;
    bool told[SPANS_MAX] = {false};
    call_state_init(&state);
    for (size_t left = count; left > 0; left--) {
        size_t skip = permutation % left;
        permutation /= left;
        size_t i = 0;
        while (told[i] || skip-- > 0)
            i++;
        told[i] = true;
        struct call_facts facts = facts_of(spans[i]);
        if (facts.kind == CALL_EVENT_STATE)
            call_merge(&state, &facts.state);
    }
    return state;
}

static void a_call_has_the_status_that_the_table_says(void **state)
{
    (void)state;
    struct table table = table_of("| what came, in whatever order |");
    for (size_t i = 0; i < table.count; i++) {
        struct slice spans[SPANS_MAX];
        size_t count = spans_of(table.rows[i].cells[0], spans);
        size_t permutations = 1;
        for (size_t n = 2; n <= count; n++)
            permutations *= n;
        for (size_t permutation = 0; permutation < permutations; permutation++) {
            struct call_state call = state_after(spans, count, permutation);
            if (!slice_same(call.call.status, table.rows[i].cells[1]) ||
                call.call.analyzed != slice_equals(table.rows[i].cells[2], "yes"))
                fail_msg("%.*s, in order %zu: %.*s%s", SLICE_PRINT(table.rows[i].cells[0]), permutation,
                         SLICE_PRINT(call.call.status), call.call.analyzed ? ", analyzed" : "");
        }
    }
}

static enum call_status status_of(struct slice reason, enum call_status said)
{
    struct call_state call;
    call_state_init(&call);
    call.evidence = EVIDENCE_TERMINAL;
    call.end_said = (uint8_t)said;
    call.call.disconnection_reason = reason;
    return call_status_of(&call);
}

static void each_reason_has_the_status_that_the_table_says(void **state)
{
    (void)state;
    static const enum call_status SAID[] = {CALL_STATUS_NONE, CALL_ENDED, CALL_NOT_CONNECTED, CALL_ERROR};
    struct table table = table_of("| `disconnection_reason` | status |");
    for (size_t i = 0; i < table.count; i++) {
        struct slice spans[SPANS_MAX];
        size_t count = spans_of(table.rows[i].cells[0], spans);
        bool as_said = slice_equals(table.rows[i].cells[1], "as said, else ended");
        for (size_t j = 0; j < count; j++)
            for (size_t k = 0; k < COUNT(SAID); k++) {
                enum call_status expected = SAID[k] ? SAID[k] : CALL_ENDED;
                if (!as_said)
                    expected = call_status_read(table.rows[i].cells[1]);
                if (status_of(spans[j], SAID[k]) != expected)
                    fail_msg("%.*s is no %.*s", SLICE_PRINT(spans[j]), SLICE_PRINT(table.rows[i].cells[1]));
            }
    }
    for (size_t i = 0; call_status_reason(i); i++)
        if (!names(&table, slice_of(call_status_reason(i))))
            fail_msg("%s has no row in docs/architecture.md", call_status_reason(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_the_rank_and_proves_what_the_table_says),
        cmocka_unit_test(every_event_that_the_code_knows_has_a_row),
        cmocka_unit_test(a_call_has_the_status_that_the_table_says),
        cmocka_unit_test(each_reason_has_the_status_that_the_table_says),
    };
    return cmocka_run_group_tests_name("call_status_document", tests, setup, teardown);
}
