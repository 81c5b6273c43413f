/* The broadcaster as its screens see it: the real program, a real PostgreSQL, the mock broker; calls change by SQL and
 * by the update that session would have published. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/call_json.h"
#include "common/clock.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/screen.h"
#include "tests/support/wait.h"

#define BEARER_1 "Authorization: Bearer token-of-company-1\r\n"
#define BEARER_2 "Authorization: Bearer token-of-company-2\r\n"

enum { READY_MS = 30000, SOON_MS = 30000, ACCESS_ENDS_MS = 60000, FORGOTTEN_MS = 900000 };

static struct {
    struct postgres *postgres;
    struct broker *broker;
    struct process *process;
    char directory[64], socket[80];
} with;

static void start_program(void)
{
    char *url = postgres_url(with.postgres, "hookline_feed");
    struct buffer environment[4] = {0};
    buffer_add_format(&environment[0], "HOOKLINE_DATABASE_URL=%s", url);
    buffer_add_format(&environment[1], "HOOKLINE_KAFKA_BOOTSTRAP=%s", broker_address(with.broker));
    buffer_add_format(&environment[2], "HOOKLINE_LISTEN=unix:%s", with.socket);
    const char *list[] = {environment[0].data, environment[1].data, environment[2].data, "HOOKLINE_LOG_LEVEL=debug",
                          NULL};
    with.process = process_start(HOOKLINE_BROADCASTER, list);
    if (!process_wait_ready(with.process, READY_MS)) {
        process_show(with.process);
        abort();
    }
    for (size_t i = 0; i < COUNT(environment); i++)
        buffer_free(&environment[i]);
    free(url);
}

static void stop_program(void)
{
    process_signal(with.process, SIGTERM);
    assert_int_equal(process_wait_end(with.process, SOON_MS), 0);
    process_free(with.process);
    with.process = NULL;
}

static int set_up(void **state)
{
    (void)state;
    with.postgres = postgres_start();
    with.broker = broker_start();
    snprintf(with.directory, sizeof with.directory, "/tmp/hookline-broadcaster-XXXXXX");
    if (!mkdtemp(with.directory))
        abort();
    snprintf(with.socket, sizeof with.socket, "%s/screens", with.directory);
    postgres_execute(with.postgres, "INSERT INTO companies (id, name) VALUES (1, 'Demo One'), (2, 'Demo Two')");
    postgres_execute(with.postgres, "INSERT INTO api_tokens (token_hash, company_id) "
                                    "SELECT sha256(('token-of-company-' || id)::bytea), id FROM companies");
    postgres_execute(with.postgres, "INSERT INTO topic_epochs (topic, epoch) VALUES ('calls.updates', 'e1')");
    start_program();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    process_free(with.process);
    broker_stop(with.broker);
    postgres_stop(with.postgres);
    unlink(with.socket);
    rmdir(with.directory);
    return 0;
}

/* What session does: the row, committed, then the update. `age_ms`: how long ago that was said to be. */
struct change {
    int company;
    const char *call_id;
    int version;
    const char *status;
    int64_t age_ms;
};

static void commit(const struct change *change)
{
    struct buffer sql = {0};
    buffer_add_format(
        &sql,
        "INSERT INTO calls (company_id, call_id, source, status, analyzed, missing, version, stamps, first_seen_at, "
        "updated_at, from_number, cost_cents) VALUES (%d, '%s', 'default', '%s', false, '{}', %d, '', now(), now(), "
        "'+4915112345678', 15.215) ON CONFLICT (company_id, call_id) DO UPDATE SET status = excluded.status, "
        "version = excluded.version, updated_at = excluded.updated_at",
        change->company, change->call_id, change->status, change->version);
    postgres_execute(with.postgres, sql.data);
    buffer_free(&sql);
}

static void publish(const struct change *change)
{
    struct call call;
    struct buffer value = {0};
    struct buffer key = {0};
    char company[16];
    int64_t now_ms = clock_now_ms();
    call_init(&call);
    call.company_id = change->company;
    call.call_id = slice_of(change->call_id);
    call.source = SLICE("default");
    call.status = slice_of(change->status);
    call.version = change->version;
    call.first_seen_at = call.updated_at = now_ms - change->age_ms;
    struct call_update_event event = {SLICE("00112233445566778899aabbccddeeff"), SLICE("ai.retell.call_started"),
                                      now_ms};
    call_update_write(&value, &call, &event, false);
    buffer_add_format(&key, "%d/%s", change->company, change->call_id);
    int len = snprintf(company, sizeof company, "%d", change->company);
    broker_send(with.broker,
                &(struct record){.topic = TOPIC_CALLS_UPDATES,
                                 .partition = partition_of_key((struct slice){company, (size_t)len}, TOPIC_PARTITIONS),
                                 .key = buffer_slice(&key),
                                 .value = buffer_slice(&value)});
    buffer_free(&value);
    buffer_free(&key);
}

static void change(int company, const char *call_id, int version, const char *status)
{
    struct change both = {company, call_id, version, status, 0};
    commit(&both);
    publish(&both);
}

static struct screen *open_stream(const char *bearer, const char *last_id)
{
    char fields[256];
    snprintf(fields, sizeof fields, "%s%s%s%s", bearer, last_id ? "Last-Event-ID: " : "", last_id ? last_id : "",
             last_id ? "\r\n" : "");
    return screen_get(with.socket, "/api/calls/stream", fields);
}

static void close_stream(struct screen *screen)
{
    screen_free(screen);
}

/* The update of this version, as it stands in an event of the stream. */
static const char *event_of(const char *call_id, int version)
{
    static char text[2][128];
    static int turn;
    char *mine = text[turn++ % 2];
    snprintf(mine, sizeof text[0], "data: {\"v\":1,\"company_id\":1,\"call_id\":\"%s\",\"version\":%d,", call_id,
             version);
    return mine;
}

static void without_a_token_nobody_is_told_anything(void **state)
{
    (void)state;
    static const char *const TARGETS[] = {"/api/calls", "/api/calls/call_1", "/api/calls/stream", "/api/stats"};
    static const char *const FIELDS[] = {"", "Authorization: Bearer wrong\r\n", "Cookie: hookline_token=wrong\r\n",
                                         "Authorization: Basic x\r\n"};
    struct buffer body = {0};
    for (size_t i = 0; i < COUNT(TARGETS); i++)
        for (size_t j = 0; j < COUNT(FIELDS); j++) {
            assert_int_equal(screen_fetch(with.socket, TARGETS[i], FIELDS[j], &body), 401);
            assert_non_null(strstr(body.data, "\"error\":\"unauthorized\""));
        }
    struct screen *refused = screen_get(with.socket, "/api/calls", "");
    assert_true(screen_shows(refused, "\r\nWWW-Authenticate: Bearer realm=\"hookline\"\r\n"));
    close_stream(refused);
    assert_int_equal(screen_fetch(with.socket, "/", "", &body), 200); /* the page itself holds nothing */
    assert_int_equal(screen_fetch(with.socket, "/api/other", BEARER_1, &body), 404);
    buffer_free(&body);
}

static void a_screen_begins_with_the_snapshot_and_is_told_each_change(void **state)
{
    (void)state;
    change(1, "begun", 1, "ongoing");
    struct screen *first = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(first, "event: snapshot\n"));
    assert_true(screen_shows(first, "\"call_id\":\"begun\""));
    assert_true(screen_shows(first, "\n\n"));
    assert_non_null(strstr(screen_text(first).ptr, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(screen_text(first).ptr, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(screen_text(first).ptr, "Cache-Control: no-cache, no-transform\r\n"));

    change(1, "begun", 2, "ended");
    assert_true(screen_shows(first, event_of("begun", 2)));
    struct screen *second = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(second, "event: snapshot\n"));
    change(1, "after", 1, "ended");
    assert_true(screen_shows(second, event_of("after", 1)));
    assert_null(strstr(screen_text(second).ptr, "\"call_id\":\"begun\"")); /* it is not live any more */
    close_stream(first);
    close_stream(second);
}

static void a_screen_that_was_away_resumes_without_loss_or_repeat(void **state)
{
    (void)state;
    char last_id[128];
    change(1, "resumed", 1, "ongoing");
    struct screen *before = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(before, "event: snapshot\n"));
    change(1, "resumed", 2, "ongoing");
    assert_true(screen_shows(before, event_of("resumed", 2)));
    assert_true(screen_shows(before, "}}\n\n"));
    snprintf(last_id, sizeof last_id, "%s", screen_last_id(before));
    close_stream(before);

    change(1, "resumed", 3, "ongoing");
    change(1, "resumed", 4, "ended");
    for (int restarted = 0; restarted < 2; restarted++) {
        struct screen *after = open_stream(BEARER_1, last_id);
        assert_true(screen_shows(after, event_of("resumed", 4)));
        change(1, "resumed", 5 + restarted, "ended");
        assert_true(screen_shows(after, event_of("resumed", 5 + restarted)));
        for (int version = 1; version <= 5 + restarted; version++)
            assert_int_equal(screen_count(after, event_of("resumed", version)), version > 2);
        assert_null(strstr(screen_text(after).ptr, "event: reset"));
        assert_null(strstr(screen_text(after).ptr, "event: snapshot"));
        close_stream(after);
        if (!restarted) { /* all that the program knows is in PostgreSQL and in the topic */
            stop_program();
            start_program();
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
        struct screen *screen = open_stream(BEARER_1, CASES[i].last_id);
        assert_true(screen_shows(screen, "event: snapshot\n"));
        snprintf(reset, sizeof reset, "event: reset\ndata: {\"reason\":\"%s\"}\n\n",
                 CASES[i].reason ? CASES[i].reason : "");
        assert_int_equal(screen_count(screen, reset), CASES[i].reason != NULL);
        assert_int_equal(screen_count(screen, "event: reset"), CASES[i].reason != NULL);
        close_stream(screen);
    }
}

static void a_cursor_ahead_of_us_waits_for_what_it_has_seen(void **state)
{
    (void)state;
    char ahead[160];
    char *end = NULL;
    struct screen *now = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(now, "event: snapshot\n"));
    assert_true(screen_shows(now, "]}\n\n"));
    const char *last_id = screen_last_id(now);
    const char *offset = strrchr(last_id, ':') + 1;
    long long next = strtoll(offset, &end, 10) + 1;
    snprintf(ahead, sizeof ahead, "%.*s%lld", (int)(offset - last_id), last_id, next);

    struct screen *waiting = open_stream(BEARER_1, ahead);
    assert_true(screen_shows(waiting, "retry: ")); /* it is open, and not told anything yet */
    change(1, "awaited", 1, "ongoing");            /* which it has seen elsewhere */
    change(1, "awaited", 2, "ongoing");
    assert_true(screen_shows(waiting, event_of("awaited", 2)));
    assert_int_equal(screen_count(waiting, event_of("awaited", 1)), 0);
    assert_int_equal(screen_count(waiting, "event: reset"), 0);

    snprintf(ahead, sizeof ahead, "%.*s%lld", (int)(offset - last_id), last_id, next + 1000);
    struct screen *hopeless = open_stream(BEARER_1, ahead);
    assert_true(screen_shows(hopeless, "event: reset\ndata: {\"reason\":\"ahead\"}\n\n"));
    assert_true(screen_shows(hopeless, "event: snapshot\n"));
    close_stream(hopeless);
    close_stream(waiting);
    close_stream(now);
}

static void a_company_sees_its_own_calls_and_no_others(void **state)
{
    (void)state;
    struct buffer foreign = {0};
    struct buffer unknown = {0};
    struct screen *ours = open_stream(BEARER_1, NULL);
    struct screen *theirs = open_stream(BEARER_2, NULL);
    assert_true(screen_shows(ours, "event: snapshot\n"));
    assert_true(screen_shows(theirs, "event: snapshot\n"));
    change(2, "theirs", 1, "ongoing");
    assert_true(screen_shows(theirs, "\"call_id\":\"theirs\""));
    struct screen *later = open_stream(BEARER_1, "e1:0:-1");
    change(1, "ours", 1, "ongoing");
    assert_true(screen_shows(ours, event_of("ours", 1)));
    assert_true(screen_shows(later, "\"call_id\":\"ours\""));
    assert_null(strstr(screen_text(ours).ptr, "theirs"));
    assert_null(strstr(screen_text(later).ptr, "theirs"));

    assert_int_equal(screen_fetch(with.socket, "/api/calls/theirs", BEARER_2, &foreign), 200);
    assert_int_equal(screen_fetch(with.socket, "/api/calls/theirs", BEARER_1, &foreign), 404);
    assert_int_equal(screen_fetch(with.socket, "/api/calls/never-was", BEARER_1, &unknown), 404);
    assert_string_equal(foreign.data, unknown.data);
    assert_int_equal(screen_fetch(with.socket, "/api/calls?limit=200", BEARER_1, &foreign), 200);
    assert_non_null(strstr(foreign.data, "\"call_id\":\"ours\""));
    assert_null(strstr(foreign.data, "theirs"));
    close_stream(later);
    close_stream(ours);
    close_stream(theirs);
    buffer_free(&foreign);
    buffer_free(&unknown);
}

/* A session that was frozen for minutes wakes and publishes a state that the call left long ago. */
static void a_zombie_s_late_word_is_compared_with_postgresql(void **state)
{
    (void)state;
    struct screen *screen = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    commit(&(struct change){1, "moved_on", 5, "ended", 0});
    publish(&(struct change){1, "moved_on", 3, "ongoing", FORGOTTEN_MS});
    change(1, "meanwhile", 1, "ongoing"); /* held until PostgreSQL has answered */
    assert_true(screen_shows(screen, event_of("meanwhile", 1)));
    assert_int_equal(screen_count(screen, "moved_on"), 0);
    publish(&(struct change){1, "moved_on", 5, "ended", FORGOTTEN_MS});
    assert_true(screen_shows(screen, event_of("moved_on", 5)));
    close_stream(screen);
}

static void a_browser_is_signed_in_by_a_link(void **state)
{
    (void)state;
    struct screen *answer = screen_get(with.socket, "/?token=token-of-company-1", "Connection: close\r\n");
    assert_true(screen_ends(answer, SOON_MS));
    const char *text = screen_text(answer).ptr;
    assert_non_null(strstr(text, "HTTP/1.1 303 "));
    assert_non_null(strstr(text, "\r\nLocation: /\r\n"));
    assert_non_null(strstr(text, "\r\nSet-Cookie: hookline_token=token-of-company-1; Path=/; "));
    assert_non_null(strstr(text, "; HttpOnly; SameSite=Lax\r\n"));
    screen_free(answer);
    struct buffer body = {0};
    assert_int_equal(screen_fetch(with.socket, "/api/stats", "Cookie: hookline_token=token-of-company-1\r\n", &body),
                     200);
    assert_non_null(strstr(body.data, "{\"company\":{\"id\":1,\"name\":\"Demo One\"}"));
    assert_int_equal(screen_fetch(with.socket, "/?token=wrong", "", &body), 401);
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
    change(2, "page-1", 1, "ended");
    change(2, "page-2", 1, "ended");
    change(2, "page-3", 1, "not_connected");
    do {
        snprintf(target, sizeof target, "/api/calls?state=ended&limit=2%s%s", next[0] ? "&before=" : "", next);
        assert_int_equal(screen_fetch(with.socket, target, BEARER_2, &body), 200);
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
        assert_int_equal(screen_fetch(with.socket, REFUSED[i], BEARER_2, NULL), 400);
    buffer_free(&body);
}

static bool api_answers(void *context)
{
    (void)context;
    return screen_fetch(with.socket, "/api/calls", BEARER_1, NULL) == 200;
}

static void postgresql_may_go_and_come_back(void **state)
{
    (void)state;
    struct screen *screen = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    postgres_crash(with.postgres);
    assert_int_equal(screen_fetch(with.socket, "/api/calls", BEARER_1, NULL), 503);
    publish(&(struct change){1, "during", 1, "ongoing", 0});
    assert_true(screen_shows(screen, event_of("during", 1))); /* what needs no PostgreSQL goes on */
    postgres_resume(with.postgres);
    assert_true(wait_until(api_answers, NULL, SOON_MS));
    close_stream(screen);
}

static void a_revoked_token_s_streams_are_closed(void **state)
{
    (void)state;
    postgres_execute(with.postgres, "INSERT INTO api_tokens (token_hash, company_id) VALUES (sha256('leaver'), 1)");
    struct screen *leaver = open_stream("Authorization: Bearer leaver\r\n", NULL);
    struct screen *stayer = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(leaver, "event: snapshot\n"));
    assert_true(screen_shows(stayer, "event: snapshot\n"));
    postgres_execute(with.postgres, "UPDATE api_tokens SET revoked_at = now() WHERE token_hash = sha256('leaver')");
    assert_true(screen_ends(leaver, ACCESS_ENDS_MS));
    assert_non_null(strstr(screen_text(leaver).ptr, "event: closed\ndata: {\"reason\":\"access_ended\"}\n\n"));
    assert_int_equal(screen_fetch(with.socket, "/api/calls", "Authorization: Bearer leaver\r\n", NULL), 401);
    change(1, "still", 1, "ongoing");
    assert_true(screen_shows(stayer, event_of("still", 1)));
    assert_true(screen_shows(stayer, ": still here\nid: e1:")); /* a sign of life, with its cursor */
    close_stream(stayer);
    close_stream(leaver);
}

static void who_is_stopped_tells_its_screens(void **state)
{
    (void)state;
    struct screen *screen = open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    process_signal(with.process, SIGTERM);
    assert_true(screen_ends(screen, SOON_MS));
    assert_non_null(strstr(screen_text(screen).ptr, "event: closed\ndata: {\"reason\":\"restarting\"}\n\n"));
    assert_int_equal(process_wait_end(with.process, SOON_MS), 0);
    close_stream(screen);
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
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
