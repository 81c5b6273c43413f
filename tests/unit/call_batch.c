/* Which calls a batch touches and whose they are, with the database's answers handed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "session/call_batch.h"
#include "session/call_customer.h"
#include "session/call_update.h"

enum { ENTRIES = 6 };

struct fixture {
    struct arena *arena;
    struct event events[ENTRIES];
    struct call_entry entries[ENTRIES];
    struct call_batch batch;
};

static void put(struct fixture *f, size_t at, const char *type, const char *call_id, int64_t company, const char *call)
{
    struct slice body = arena_format(f->arena, "{\"n\":%zu,\"call\":{%s}}", at, call);
    f->events[at] = (struct event){
        .id = event_id_of(SLICE("retell"), 0, body),
        .type = slice_of(type),
        .source = SLICE("/retell/default"),
        .subject = slice_of(call_id),
        .company_id = company,
        .branch_id = 3,
        .body = body,
    };
    struct call_read_counts counts = {0};
    f->entries[at] = (struct call_entry){.event = &f->events[at], .company_id = company};
    assert_int_equal(call_read(f->arena, &f->events[at], &f->entries[at].facts, &counts), CALL_PROBLEM_NONE);
    f->batch.entry_count = at + 1;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = arena_new();
    f->batch = (struct call_batch){.arena = f->arena, .entries = f->entries};
    put(f, 0, "ai.retell.call_started", "b", 1,
        "\"agent_id\":\"first\",\"direction\":\"inbound\",\"from_number\":\"+493083793369\"");
    put(f, 1, "ai.retell.call_started", "a", 2, "");
    put(f, 2, "ai.retell.call_ended", "b", 1, "\"agent_id\":\"second\"");
    put(f, 3, "ai.retell.call_dreamt", "b", 1, "");
    put(f, 4, "ai.retell.call_started", "a", 1, "");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    free(f);
    return 0;
}

static void mark_all_fresh(struct fixture *f)
{
    struct event_id ids[ENTRIES];
    for (size_t i = 0; i < f->batch.entry_count; i++)
        ids[i] = f->events[i].id;
    call_batch_mark_fresh(&f->batch, ids, f->batch.entry_count);
}

static void calls_are_grouped_and_sorted_by_key(void **state)
{
    struct fixture *f = *state;
    call_batch_group(&f->batch);
    assert_int_equal(f->batch.work_count, 3);
    assert_true(slice_equals(f->batch.works[0].call_id, "a") && f->batch.works[0].company_id == 1);
    assert_true(slice_equals(f->batch.works[1].call_id, "b") && f->batch.works[1].company_id == 1);
    assert_true(slice_equals(f->batch.works[2].call_id, "a") && f->batch.works[2].company_id == 2);
    assert_ptr_equal(f->batch.works[1].last, &f->entries[2]); /* the ignored one touches nothing */
    assert_null(f->entries[3].work);
    assert_ptr_equal(call_batch_find(&f->batch, 2, SLICE("a")), &f->batch.works[2]);
    assert_null(call_batch_find(&f->batch, 3, SLICE("a")));
}

static void a_version_for_each_changed_call(void **state)
{
    struct fixture *f = *state;
    call_batch_group(&f->batch);
    mark_all_fresh(f);
    f->batch.works[1].exists = true;
    f->batch.works[1].state.call.version = 4;
    f->batch.works[1].state.call.first_seen_at = 1;
    call_batch_merge(&f->batch, 1703302430000);
    const struct call *b = &f->batch.works[1].state.call;
    assert_int_equal(b->version, 5);
    assert_int_equal(b->first_seen_at, 1);
    assert_int_equal(b->updated_at, 1703302430000);
    assert_true(slice_equals(b->status, "ended"));
    assert_true(slice_equals(b->agent_id, "second"));
    assert_int_equal(f->batch.works[0].state.call.version, 1);
    assert_int_equal(f->batch.works[0].state.call.first_seen_at, 1703302430000);
}

/* An id that comes twice in a batch counts once; one that was in the inbox changes nothing. */
static void repeats_change_nothing(void **state)
{
    struct fixture *f = *state;
    f->events[5] = f->events[1];
    f->entries[5] = f->entries[1];
    f->entries[5].event = &f->events[5];
    f->batch.entry_count = 6;
    call_batch_group(&f->batch);
    call_batch_mark_fresh(&f->batch, &f->events[1].id, 1);
    assert_true(f->entries[1].fresh);
    assert_false(f->entries[5].fresh || f->entries[0].fresh);
    call_batch_merge(&f->batch, 7);
    assert_true(call_work_changed(&f->batch.works[2]));
    assert_false(call_work_changed(&f->batch.works[0]) || call_work_changed(&f->batch.works[1]));
    assert_int_equal(f->batch.works[1].state.call.version, 0);
    assert_ptr_equal(f->batch.works[2].last, &f->entries[5]);
}

/* The owner takes over an event of another company, without its branch; a bound source's event stays where it is. */
static void owners_override_but_not_bound_sources(void **state)
{
    struct fixture *f = *state;
    f->entries[4].bound = true;
    call_batch_group(&f->batch);
    assert_int_equal(call_batch_own(&f->batch, SLICE("a"), 7), 1);
    assert_int_equal(call_batch_own(&f->batch, SLICE("b"), 1), 0);
    call_batch_group(&f->batch);
    mark_all_fresh(f);
    call_batch_merge(&f->batch, 7);
    const struct call_work *owned = call_batch_find(&f->batch, 7, SLICE("a"));
    const struct call_work *bound = call_batch_find(&f->batch, 1, SLICE("a"));
    assert_non_null(owned);
    assert_non_null(bound);
    assert_int_equal(owned->state.call.branch_id, CALL_NULL);
    assert_int_equal(bound->state.call.branch_id, 3);
    assert_null(call_batch_find(&f->batch, 2, SLICE("a")));
}

static void the_customer_is_the_other_party(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *direction, *from, *to, *customer;
    } CASES[] = {
        {"inbound", "+493083793369", "+4989123456", "+493083793369"},
        {"outbound", "+493083793369", "+4989123456", "+4989123456"},
        {"inbound", "anonymous", "+4989123456", NULL},
        {"inbound", "030 837 93 369", "+4989123456", NULL},
        {"inbound", "sip:a@b", "+4989123456", NULL},
        {NULL, "+493083793369", "+4989123456", NULL},
        {"inbound", NULL, "+4989123456", NULL},
        {"sideways", "+493083793369", "+4989123456", NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct call call;
        call_init(&call);
        call.direction = slice_of(CASES[i].direction);
        call.from_number = slice_of(CASES[i].from);
        call.to_number = slice_of(CASES[i].to);
        assert_true(slice_same(call_customer_number(f->arena, &call), slice_of(CASES[i].customer)));
    }
}

static struct slice header_of(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    return SLICE_ABSENT;
}

static void an_update_is_addressed_to_its_company(void **state)
{
    struct fixture *f = *state;
    call_batch_group(&f->batch);
    mark_all_fresh(f);
    call_batch_merge(&f->batch, 1703302430000);
    f->events[2].time_ms = 1703302431000;
    f->events[2].correlation_id = SLICE("0192f000-0000-7000-8000-000000000000");
    const struct call *call = &f->batch.works[1].state.call;
    struct record record = call_update_record(f->arena, call, &f->events[2], false);
    assert_string_equal(record.topic, "calls.updates");
    assert_int_equal(record.partition, partition_of_key(SLICE("1"), 12));
    assert_true(slice_equals(record.key, "1/b"));
    assert_true(slice_equals(header_of(&record, "ce_type"), "ai.hookline.call_updated"));
    assert_true(slice_equals(header_of(&record, "ce_source"), "/retell/default"));
    assert_true(slice_equals(header_of(&record, "ce_subject"), "b"));
    assert_true(slice_equals(header_of(&record, "ce_companyid"), "1"));
    assert_true(slice_equals(header_of(&record, "ce_branchid"), "3"));
    assert_true(slice_equals(header_of(&record, "ce_time"), "2023-12-23T03:33:51.000Z"));
    assert_true(slice_equals(header_of(&record, "ce_correlationid"), "0192f000-0000-7000-8000-000000000000"));
    assert_true(slice_starts_with(record.value, "{\"v\":1,\"company_id\":1,\"call_id\":\"b\",\"version\":1,"));
    assert_non_null(memmem(record.value.ptr, record.value.len, "\"call\":{", 8));
    struct record gone = call_update_record(f->arena, call, &f->events[2], true);
    assert_non_null(memmem(gone.value.ptr, gone.value.len, "\"gone\":true}", 12));
}

#define BATCH_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(calls_are_grouped_and_sorted_by_key),
        BATCH_TEST(a_version_for_each_changed_call),
        BATCH_TEST(repeats_change_nothing),
        BATCH_TEST(owners_override_but_not_bound_sources),
        BATCH_TEST(the_customer_is_the_other_party),
        BATCH_TEST(an_update_is_addressed_to_its_company),
    };
    return cmocka_run_group_tests_name("call_batch", tests, NULL, NULL);
}
