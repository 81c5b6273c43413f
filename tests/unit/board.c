/* The board, story by story: what is shown, what is dropped, what PostgreSQL is asked about, and who may resume. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "broadcaster/board.h"

#define NOW    INT64_C(1762862400000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

/* What the board said, one word after another: "show a2 ask b …". */
static char said[1024];
static struct board *board;
static int64_t next_offset;

static void say(const char *verb, struct slice call_id, int64_t version)
{
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s%s %.*s", len ? " " : "", verb, SLICE_PRINT(call_id));
    if (version)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%lld", (long long)version);
}

static void on_show(const struct update *update, void *context)
{
    (void)context;
    say(update->gone ? "gone" : "show", update->call_id, update->version);
}

static void on_catch_up(const struct update *update, void *context)
{
    (void)context;
    say("catch_up", update->call_id, update->version);
}

static void on_ask(int64_t company_id, struct slice call_id, void *context)
{
    (void)company_id, (void)context;
    say("ask", call_id, 0);
}

static int32_t only_partition(int64_t company_id)
{
    (void)company_id;
    return 0;
}

static void begin(size_t history_updates)
{
    board = board_new(&(struct board_options){.history_updates = history_updates,
                                              .history_bytes = 1 << 20,
                                              .seed = 1,
                                              .partition_of = only_partition,
                                              .show = on_show,
                                              .catch_up = on_catch_up,
                                              .ask = on_ask});
    board_set_epoch(board, SLICE("e"));
    next_offset = 100;
    said[0] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    begin(100);
    board_start(board, 0, 100, 100);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    board_free(board);
    return 0;
}

/* The record of `company`'s call in this state, `age` old, comes at `now`. */
static enum board_verdict take(int64_t company, const char *call_id, int64_t version, bool live, int64_t age,
                               int64_t now)
{
    char json[64];
    int len = snprintf(json, sizeof json, "\"%s%d\"", call_id, (int)version);
    struct slice text = {json, (size_t)len};
    struct update update = {.company_id = company,
                            .call_id = slice_of(call_id),
                            .version = version,
                            .updated_at_ms = now - age,
                            .live = live,
                            .call = text,
                            .value = text,
                            .offset = next_offset++,
                            .published_at_ms = now};
    return board_take(board, &update, now);
}

static void assert_live(int64_t company, const char *expected)
{
    struct buffer out = {0};
    board_write_live(board, company, &out);
    assert_slice(buffer_slice(&out), expected);
    buffer_free(&out);
}

static void versions_rise_and_nothing_is_shown_twice(void **state)
{
    (void)state;
    assert_int_equal(take(1, "a", 1, true, 0, NOW), BOARD_SHOWN);
    assert_int_equal(take(1, "a", 1, true, 0, NOW), BOARD_DROPPED);
    assert_int_equal(take(1, "a", 3, true, 0, NOW), BOARD_SHOWN);
    assert_int_equal(take(1, "a", 2, true, 0, NOW), BOARD_DROPPED);
    assert_live(1, "{\"calls\":[\"a3\"]}");
    assert_live(2, "{\"calls\":[]}");
}

static void an_ended_call_leaves_the_list_and_is_still_known(void **state)
{
    (void)state;
    take(1, "a", 1, true, 0, NOW);
    take(1, "b", 1, true, 0, NOW);
    take(1, "a", 2, false, 0, NOW);
    assert_live(1, "{\"calls\":[\"b1\"]}");
    assert_int_equal(take(1, "a", 1, true, 5 * MINUTE, NOW + 5 * MINUTE), BOARD_DROPPED);
    assert_int_equal(board_forget(board, NOW + 10 * MINUTE - 1), 0);
    assert_int_equal(board_forget(board, NOW + 10 * MINUTE), 1);
    assert_int_equal(take(1, "a", 1, true, 10 * MINUTE, NOW + 10 * MINUTE), BOARD_ASKED);
    board_answer(board, 1, SLICE("a"), 2, NOW + 10 * MINUTE);
    assert_live(1, "{\"calls\":[\"b1\"]}");
    assert_string_equal(said, "show a1 show b1 show a2 ask a");
}

static void a_live_call_is_never_forgotten(void **state)
{
    (void)state;
    take(1, "a", 1, true, 0, NOW);
    assert_int_equal(board_forget(board, NOW + 600 * MINUTE), 0);
    assert_int_equal(take(1, "a", 1, true, 600 * MINUTE, NOW + 600 * MINUTE), BOARD_DROPPED);
}

static void while_postgresql_is_asked_the_company_waits_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(take(1, "old", 7, false, 2 * MINUTE, NOW), BOARD_ASKED);
    assert_int_equal(take(1, "a", 1, true, 0, NOW), BOARD_HELD);
    assert_int_equal(take(2, "b", 1, true, 0, NOW), BOARD_SHOWN);
    assert_int_equal(take(1, "a", 2, true, 0, NOW), BOARD_HELD);
    assert_int_equal(board_cursor(board, 1).offset, 99);
    assert_int_equal(board_cursor(board, 2).offset, 103);
    assert_true(board_held_bytes(board) > 0);
    board_answer(board, 1, SLICE("other"), 9, NOW); /* an answer to another question changes nothing */
    assert_string_equal(said, "ask old show b1");
    board_answer(board, 1, SLICE("old"), 7, NOW);
    assert_string_equal(said, "ask old show b1 show old7 show a1 show a2");
    assert_int_equal(board_cursor(board, 1).offset, 103);
    assert_int_equal(board_held_bytes(board), 0);
}

static void what_was_held_may_ask_again(void **state)
{
    (void)state;
    take(1, "x", 1, false, 2 * MINUTE, NOW);
    take(1, "y", 1, false, 2 * MINUTE, NOW);
    take(1, "a", 1, true, 0, NOW);
    board_answer(board, 1, SLICE("x"), 2, NOW);
    board_answer(board, 1, SLICE("y"), 1, NOW);
    assert_string_equal(said, "ask x ask y show y1 show a1");
}

static void a_call_without_a_row_is_news_only_if_it_has_gone(void **state)
{
    (void)state;
    take(1, "a", 3, true, 2 * MINUTE, NOW);
    board_answer(board, 1, SLICE("a"), 0, NOW);
    struct update gone = {.company_id = 1,
                          .call_id = SLICE("b"),
                          .version = 4,
                          .gone = true,
                          .value = SLICE("g"),
                          .offset = next_offset++};
    gone.updated_at_ms = NOW - 2 * MINUTE;
    board_take(board, &gone, NOW);
    board_answer(board, 1, SLICE("b"), 0, NOW);
    assert_string_equal(said, "ask a ask b gone b4");
    assert_live(1, "{\"calls\":[]}");
}

static void a_call_that_goes_leaves_the_list(void **state)
{
    (void)state;
    take(1, "a", 1, true, 0, NOW);
    struct update gone = {.company_id = 1,
                          .call_id = SLICE("a"),
                          .version = 2,
                          .gone = true,
                          .value = SLICE("g"),
                          .offset = next_offset++};
    gone.updated_at_ms = NOW;
    assert_int_equal(board_take(board, &gone, NOW), BOARD_SHOWN);
    assert_live(1, "{\"calls\":[]}");
    assert_int_equal(take(1, "a", 1, true, 0, NOW), BOARD_DROPPED);
}

/* The snapshot may hold what was committed and is published only now: who began with it knows, who resumed does not. */
static void what_the_snapshot_knew_is_news_for_who_resumed(void **state)
{
    (void)state;
    board_load(board, 1, SLICE("a"), 5, SLICE("\"a5\""), NOW);
    assert_int_equal(take(1, "a", 4, true, 0, NOW), BOARD_CAUGHT_UP);
    assert_int_equal(take(1, "a", 5, true, 0, NOW), BOARD_CAUGHT_UP);
    assert_int_equal(take(1, "a", 5, true, 0, NOW), BOARD_DROPPED);
    assert_int_equal(take(1, "a", 6, true, 0, NOW), BOARD_SHOWN);
    assert_string_equal(said, "catch_up a4 catch_up a5 show a6");
}

static void below_the_watermark_nothing_unknown_is_live(void **state)
{
    (void)state;
    board_start(board, 0, 100, 103);
    board_load(board, 1, SLICE("a"), 5, SLICE("\"a5\""), NOW);
    assert_false(board_caught_up(board));
    assert_int_equal(take(1, "a", 3, true, 2 * MINUTE, NOW),
                     BOARD_DROPPED);                                      /* a zombie's: the newer one is elsewhere */
    assert_int_equal(take(1, "moved", 2, true, 0, NOW), BOARD_CAUGHT_UP); /* it has no row any more */
    assert_false(board_caught_up(board));
    assert_int_equal(take(1, "a", 5, true, 0, NOW), BOARD_CAUGHT_UP);
    assert_true(board_caught_up(board));
    assert_live(1, "{\"calls\":[\"a5\"]}");
}

static void a_gap_at_the_end_of_a_partition_counts_as_read(void **state)
{
    (void)state;
    board_start(board, 0, 100, 110);
    assert_false(board_caught_up(board));
    board_reached(board, 0, 110);
    assert_true(board_caught_up(board));
    assert_int_equal(board_next_offset(board, 0), 110);
}

static enum board_resume resume(int64_t company, const char *epoch, int32_t partition, int64_t offset)
{
    struct cursor cursor = {slice_of(epoch), partition, offset};
    return board_resume(board, company, &cursor);
}

static void who_may_resume(void **state)
{
    (void)state;
    take(1, "a", 1, true, 0, NOW);
    take(2, "b", 1, true, 0, NOW);
    take(1, "a", 2, true, 0, NOW);
    assert_int_equal(resume(1, "e", 0, 102), BOARD_RESUME_POSSIBLE);
    assert_int_equal(resume(1, "e", 0, 99), BOARD_RESUME_POSSIBLE);
    assert_int_equal(resume(1, "e", 0, 98), BOARD_RESUME_TOO_OLD);
    assert_int_equal(resume(1, "e", 0, 103), BOARD_RESUME_AHEAD);
    assert_int_equal(resume(1, "f", 0, 102), BOARD_RESUME_FOREIGN);
    assert_int_equal(resume(1, "e", 1, 102), BOARD_RESUME_FOREIGN);
    assert_int_equal(resume(3, "e", 0, 99), BOARD_RESUME_POSSIBLE); /* nothing ever happened there */
    take(1, "old", 7, false, 2 * MINUTE, NOW);
    assert_int_equal(resume(1, "e", 0, 103), BOARD_RESUME_AHEAD); /* what is held was not sent to anyone here */
}

static void collect(const struct cursor *cursor, struct slice value, void *context)
{
    buffer_add_format(context, "%lld%.*s ", (long long)cursor->offset, SLICE_PRINT(value));
}

static void assert_history(int64_t company, int64_t after, const char *expected)
{
    struct buffer out = {0};
    buffer_add_text(&out, "");
    board_history(board, company, after, collect, &out);
    assert_slice(out.len ? buffer_slice(&out) : SLICE(""), expected);
    buffer_free(&out);
}

static void the_history_is_one_company_s_and_bounded(void **state)
{
    (void)state;
    board_free(board);
    begin(2);
    board_start(board, 0, 100, 100);
    take(1, "a", 1, true, 0, NOW);
    take(2, "b", 1, true, 0, NOW);
    take(1, "a", 2, true, 0, NOW);
    assert_history(1, 99, "100\"a1\" 102\"a2\" ");
    take(1, "a", 3, true, 0, NOW);
    assert_history(1, 100, "102\"a2\" 103\"a3\" ");
    assert_history(1, 102, "103\"a3\" ");
    assert_history(2, 99, "101\"b1\" ");
    assert_int_equal(resume(1, "e", 0, 100), BOARD_RESUME_POSSIBLE);
    assert_int_equal(resume(1, "e", 0, 99), BOARD_RESUME_TOO_OLD);
    assert_int_equal(resume(2, "e", 0, 99), BOARD_RESUME_POSSIBLE);
}

static void a_snapshot_is_made_again_only_when_a_live_call_changed(void **state)
{
    (void)state;
    take(1, "a", 1, true, 0, NOW);
    uint64_t before = board_changes(board, 1);
    take(1, "ended", 1, false, 0, NOW);
    take(2, "b", 1, true, 0, NOW);
    assert_int_equal(board_changes(board, 1), before);
    take(1, "a", 2, false, 0, NOW);
    assert_int_not_equal(board_changes(board, 1), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_rise_and_nothing_is_shown_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ended_call_leaves_the_list_and_is_still_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_live_call_is_never_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_postgresql_is_asked_the_company_waits_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_held_may_ask_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_without_a_row_is_news_only_if_it_has_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_goes_leaves_the_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_snapshot_knew_is_news_for_who_resumed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_the_watermark_nothing_unknown_is_live, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_at_the_end_of_a_partition_counts_as_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_may_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_history_is_one_company_s_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_is_made_again_only_when_a_live_call_changed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
