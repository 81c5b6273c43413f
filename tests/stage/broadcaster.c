/* The broadcaster as its screens see it (broadcaster_world.h). Screens that are slow: broadcaster_slow.c. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/broadcaster_world.h"
#include "tests/support/wait.h"

enum { ACCESS_ENDS_MS = 120000, FORGOTTEN_MS = 900000 };

static void without_a_token_nobody_is_told_anything(void **state)
{
    (void)state;
    static const char *const TARGETS[] = {"/api/calls", "/api/calls/call_1", "/api/calls/stream", "/api/stats"};
    static const char *const FIELDS[] = {"", "Authorization: Bearer wrong\r\n", "Cookie: hookline_token=wrong\r\n",
                                         "Authorization: Basic x\r\n"};
    struct buffer body = {0};
    for (size_t i = 0; i < COUNT(TARGETS); i++)
        for (size_t j = 0; j < COUNT(FIELDS); j++) {
            assert_int_equal(screen_fetch(world.socket, TARGETS[i], FIELDS[j], &body), 401);
            assert_non_null(strstr(body.data, "\"error\":\"unauthorized\""));
        }
    struct screen *refused = screen_get(world.socket, "/api/calls", "");
    assert_true(screen_shows(refused, "\r\nWWW-Authenticate: Bearer realm=\"hookline\"\r\n"));
    screen_free(refused);
    assert_int_equal(screen_fetch(world.socket, "/", "", &body), 200); /* the page itself holds nothing */
    assert_int_equal(screen_fetch(world.socket, "/api/other", BEARER_1, &body), 404);
    buffer_free(&body);
}

static void a_screen_begins_with_the_snapshot_and_is_told_each_change(void **state)
{
    (void)state;
    world_change(1, "begun", 1, "ongoing");
    struct screen *first = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(first, "event: snapshot\n"));
    assert_true(screen_shows(first, "\"call_id\":\"begun\""));
    assert_true(screen_shows(first, "\n\n"));
    assert_non_null(strstr(screen_text(first).ptr, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(screen_text(first).ptr, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(screen_text(first).ptr, "Cache-Control: no-cache, no-transform\r\n"));

    world_change(1, "begun", 2, "ended");
    assert_true(screen_shows(first, world_event_of("begun", 2)));
    struct screen *second = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(second, "event: snapshot\n"));
    world_change(1, "after", 1, "ended");
    assert_true(screen_shows(second, world_event_of("after", 1)));
    assert_null(strstr(screen_text(second).ptr, "\"call_id\":\"begun\"")); /* it is not live any more */
    screen_free(first);
    screen_free(second);
}

static void a_screen_that_was_away_resumes_without_loss_or_repeat(void **state)
{
    (void)state;
    char last_id[128];
    world_change(1, "resumed", 1, "ongoing");
    struct screen *before = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(before, "event: snapshot\n"));
    world_change(1, "resumed", 2, "ongoing");
    assert_true(screen_shows(before, world_event_of("resumed", 2)));
    assert_true(screen_shows(before, "}}\n\n"));
    snprintf(last_id, sizeof last_id, "%s", screen_last_id(before));
    screen_free(before);

    world_change(1, "resumed", 3, "ongoing");
    world_change(1, "resumed", 4, "ended");
    for (int restarted = 0; restarted < 2; restarted++) {
        struct screen *after = world_open_stream(BEARER_1, last_id);
        assert_true(screen_shows(after, world_event_of("resumed", 4)));
        world_change(1, "resumed", 5 + restarted, "ended");
        assert_true(screen_shows(after, world_event_of("resumed", 5 + restarted)));
        for (int version = 1; version <= 5 + restarted; version++)
            assert_int_equal(screen_count(after, world_event_of("resumed", version)), version > 2);
        assert_null(strstr(screen_text(after).ptr, "event: reset"));
        assert_null(strstr(screen_text(after).ptr, "event: snapshot"));
        screen_free(after);
        if (!restarted) { /* all that the program knows is in PostgreSQL and in the topic */
            world_stop_program();
            world_start_program();
        }
    }
}

static void a_cursor_that_says_nothing_here_begins_anew(void **state)
{
    (void)state;
    static const struct {
        const char *last_id, *reason;
    } CASES[] = {
        {"another-life:3:7", "foreign"},
        {"not a cursor", "unreadable"},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char reset[64];
        struct screen *screen = world_open_stream(BEARER_1, CASES[i].last_id);
        assert_true(screen_shows(screen, "event: snapshot\n"));
        snprintf(reset, sizeof reset, "event: reset\ndata: {\"reason\":\"%s\"}\n\n",
                 CASES[i].reason ? CASES[i].reason : "");
        assert_int_equal(screen_count(screen, reset), CASES[i].reason != NULL);
        assert_int_equal(screen_count(screen, "event: reset"), CASES[i].reason != NULL);
        screen_free(screen);
    }
}

static void a_cursor_ahead_of_us_waits_for_what_it_has_seen(void **state)
{
    (void)state;
    char ahead[160];
    char *end = NULL;
    struct screen *now = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(now, "event: snapshot\n"));
    assert_true(screen_shows(now, "]}\n\n"));
    const char *last_id = screen_last_id(now);
    const char *offset = strrchr(last_id, ':') + 1;
    long long next = strtoll(offset, &end, 10) + 1;
    snprintf(ahead, sizeof ahead, "%.*s%lld", (int)(offset - last_id), last_id, next);

    world_commit(&(struct change){1, "awaited", 2, "ongoing", 0}); /* first, for it waits for two seconds only */
    struct screen *waiting = world_open_stream(BEARER_1, ahead);
    assert_true(screen_shows(waiting, "retry: "));                  /* it is open, and not told anything yet */
    world_publish(&(struct change){1, "awaited", 1, "ongoing", 0}); /* which it has seen elsewhere */
    world_publish(&(struct change){1, "awaited", 2, "ongoing", 0});
    assert_true(screen_shows(waiting, world_event_of("awaited", 2)));
    assert_int_equal(screen_count(waiting, world_event_of("awaited", 1)), 0);
    assert_int_equal(screen_count(waiting, "event: reset"), 0);

    snprintf(ahead, sizeof ahead, "%.*s%lld", (int)(offset - last_id), last_id, next + 1000);
    struct screen *hopeless = world_open_stream(BEARER_1, ahead);
    assert_true(screen_shows(hopeless, "event: reset\ndata: {\"reason\":\"ahead\"}\n\n"));
    assert_true(screen_shows(hopeless, "event: snapshot\n"));
    screen_free(hopeless);
    screen_free(waiting);
    screen_free(now);
}

static void a_company_sees_its_own_calls_and_no_others(void **state)
{
    (void)state;
    struct buffer foreign = {0};
    struct buffer unknown = {0};
    struct screen *ours = world_open_stream(BEARER_1, NULL);
    struct screen *theirs = world_open_stream(BEARER_2, NULL);
    assert_true(screen_shows(ours, "event: snapshot\n"));
    assert_true(screen_shows(theirs, "event: snapshot\n"));
    world_change(2, "theirs", 1, "ongoing");
    assert_true(screen_shows(theirs, "\"call_id\":\"theirs\""));
    struct screen *later = world_open_stream(BEARER_1, "e1:0:-1");
    world_change(1, "ours", 1, "ongoing");
    assert_true(screen_shows(ours, world_event_of("ours", 1)));
    assert_true(screen_shows(later, "\"call_id\":\"ours\""));
    assert_null(strstr(screen_text(ours).ptr, "theirs"));
    assert_null(strstr(screen_text(later).ptr, "theirs"));

    assert_int_equal(screen_fetch(world.socket, "/api/calls/theirs", BEARER_2, &foreign), 200);
    assert_int_equal(screen_fetch(world.socket, "/api/calls/theirs", BEARER_1, &foreign), 404);
    assert_int_equal(screen_fetch(world.socket, "/api/calls/never-was", BEARER_1, &unknown), 404);
    assert_string_equal(foreign.data, unknown.data);
    assert_int_equal(screen_fetch(world.socket, "/api/calls?limit=200", BEARER_1, &foreign), 200);
    assert_non_null(strstr(foreign.data, "\"call_id\":\"ours\""));
    assert_null(strstr(foreign.data, "theirs"));
    screen_free(later);
    screen_free(ours);
    screen_free(theirs);
    buffer_free(&foreign);
    buffer_free(&unknown);
}

/* A session that was frozen for minutes wakes and publishes a state that the call left long ago. */
static void a_zombie_s_late_word_is_compared_with_postgresql(void **state)
{
    (void)state;
    struct screen *screen = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    world_commit(&(struct change){1, "moved_on", 5, "ended", 0});
    world_publish(&(struct change){1, "moved_on", 3, "ongoing", FORGOTTEN_MS});
    world_change(1, "meanwhile", 1, "ongoing"); /* held until PostgreSQL has answered */
    assert_true(screen_shows(screen, world_event_of("meanwhile", 1)));
    assert_int_equal(screen_count(screen, "moved_on"), 0);
    world_publish(&(struct change){1, "moved_on", 5, "ended", FORGOTTEN_MS});
    assert_true(screen_shows(screen, world_event_of("moved_on", 5)));
    screen_free(screen);
}

static void a_browser_is_signed_in_by_a_link(void **state)
{
    (void)state;
    struct screen *answer = screen_get(world.socket, "/?token=token-of-company-1", "Connection: close\r\n");
    assert_true(screen_ends(answer, SOON_MS));
    const char *text = screen_text(answer).ptr;
    assert_non_null(strstr(text, "HTTP/1.1 303 "));
    assert_non_null(strstr(text, "\r\nLocation: /\r\n"));
    assert_non_null(strstr(text, "\r\nSet-Cookie: hookline_token=token-of-company-1; Path=/; "));
    assert_non_null(strstr(text, "; HttpOnly; SameSite=Lax\r\n"));
    screen_free(answer);
    struct buffer body = {0};
    assert_int_equal(screen_fetch(world.socket, "/api/stats", "Cookie: hookline_token=token-of-company-1\r\n", &body),
                     200);
    assert_non_null(strstr(body.data, "{\"company\":{\"id\":1,\"name\":\"Demo One\"}"));
    assert_int_equal(screen_fetch(world.socket, "/?token=wrong", "", &body), 401);
    buffer_free(&body);
}

static void lists_go_on_where_they_said(void **state)
{
    (void)state;
    struct buffer body = {0};
    char target[256];
    char next[160] = "";
    size_t pages = 0;
    size_t found = 0;
    world_change(2, "page-1", 1, "ended");
    world_change(2, "page-2", 1, "ended");
    world_change(2, "page-3", 1, "not_connected");
    do {
        snprintf(target, sizeof target, "/api/calls?state=ended&limit=2%s%s", next[0] ? "&before=" : "", next);
        assert_int_equal(screen_fetch(world.socket, target, BEARER_2, &body), 200);
        for (const char *at = body.data; (at = strstr(at, "\"call_id\":\"page-")); at++)
            found++;
        const char *said = strstr(body.data, "],\"next\":");
        next[0] = '\0';
        sscanf(said, "],\"next\":\"%159[^\"]", next);
        pages++;
    } while (next[0] && pages < 10);
    assert_int_equal(found, 3);
    assert_int_equal(pages, 2);
    static const char *const REFUSED[] = {"/api/calls?state=odd", "/api/calls?limit=0", "/api/calls?limit=201",
                                          "/api/calls?before=x", "/api/stats?since=today"};
    for (size_t i = 0; i < COUNT(REFUSED); i++)
        assert_int_equal(screen_fetch(world.socket, REFUSED[i], BEARER_2, NULL), 400);
    buffer_free(&body);
}

static bool api_answers(void *context)
{
    (void)context;
    return screen_fetch(world.socket, "/api/calls", BEARER_1, NULL) == 200;
}

static void postgresql_may_go_and_come_back(void **state)
{
    (void)state;
    struct screen *screen = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    postgres_crash(world.postgres);
    assert_int_equal(screen_fetch(world.socket, "/api/calls", BEARER_1, NULL), 503);
    world_publish(&(struct change){1, "during", 1, "ongoing", 0});
    assert_true(screen_shows(screen, world_event_of("during", 1))); /* what needs no PostgreSQL goes on */
    postgres_resume(world.postgres);
    assert_true(wait_until(api_answers, NULL, SOON_MS));
    screen_free(screen);
}

static void a_revoked_token_s_streams_are_closed(void **state)
{
    (void)state;
    postgres_execute(world.postgres, "INSERT INTO api_tokens (token_hash, company_id) VALUES (sha256('leaver'), 1)");
    struct screen *leaver = world_open_stream("Authorization: Bearer leaver\r\n", NULL);
    struct screen *stayer = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(leaver, "event: snapshot\n"));
    assert_true(screen_shows(stayer, "event: snapshot\n"));
    postgres_execute(world.postgres, "UPDATE api_tokens SET revoked_at = now() WHERE token_hash = sha256('leaver')");
    assert_true(screen_ends(leaver, ACCESS_ENDS_MS));
    assert_non_null(strstr(screen_text(leaver).ptr, "event: closed\ndata: {\"reason\":\"access_ended\"}\n\n"));
    assert_int_equal(screen_fetch(world.socket, "/api/calls", "Authorization: Bearer leaver\r\n", NULL), 401);
    world_change(1, "still", 1, "ongoing");
    assert_true(screen_shows(stayer, world_event_of("still", 1)));
    assert_true(screen_shows(stayer, ": still here\nid: e1:")); /* a sign of life, with its cursor */
    screen_free(stayer);
    screen_free(leaver);
}

static void who_is_stopped_tells_its_screens(void **state)
{
    (void)state;
    struct screen *screen = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    process_signal(world.process, SIGTERM);
    assert_true(screen_ends(screen, SOON_MS));
    assert_non_null(strstr(screen_text(screen).ptr, "event: closed\ndata: {\"reason\":\"restarting\"}\n\n"));
    assert_int_equal(process_wait_end(world.process, SOON_MS), 0);
    screen_free(screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_token_nobody_is_told_anything),
        cmocka_unit_test(a_screen_begins_with_the_snapshot_and_is_told_each_change),
        cmocka_unit_test(a_screen_that_was_away_resumes_without_loss_or_repeat),
        cmocka_unit_test(a_cursor_that_says_nothing_here_begins_anew),
        cmocka_unit_test(a_cursor_ahead_of_us_waits_for_what_it_has_seen),
        cmocka_unit_test(a_company_sees_its_own_calls_and_no_others),
        cmocka_unit_test(a_zombie_s_late_word_is_compared_with_postgresql),
        cmocka_unit_test(a_browser_is_signed_in_by_a_link),
        cmocka_unit_test(lists_go_on_where_they_said),
        cmocka_unit_test(postgresql_may_go_and_come_back),
        cmocka_unit_test(a_revoked_token_s_streams_are_closed),
        cmocka_unit_test(who_is_stopped_tells_its_screens), /* the last: nobody starts it again */
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
