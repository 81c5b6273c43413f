/* Screens that are slow, and screens that only look slow: who does not read is owed the newest state of each call and then
 * let go, and holds up nobody; a burst that comes all at once makes nobody slow. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/broadcaster_world.h"

/* An update is about 800 bytes here. For a screen that does not read we hold 16 KB and 256 KB of newest states
 * (SUBSCRIBER_BUFFER_BYTES), the kernel some 30 KB: the states of one call fit however many, a thousand calls do not. */
enum { BURST = 3000, MANY = 1000, AT_ONCE = 50 };

static struct screen *open_screen(void)
{
    struct screen *screen = world_open_stream(BEARER_1, NULL);
    assert_true(screen_shows(screen, "event: snapshot\n"));
    assert_true(screen_shows(screen, "]}\n\n"));
    return screen;
}

static void publish_ended(const char *call_id, int version)
{
    world_publish(&(struct change){1, call_id, version, "ended", 0});
}

static void publish_calls(const char *name, int count, struct screen *reader)
{
    for (int i = 1; i <= count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s-%d", name, i);
        publish_ended(id, 1);
        if (reader && i % AT_ONCE == 0)
            assert_true(screen_shows(reader, world_event_of(id, 1)));
    }
}

/* Under load changes are gathered for a moment (pace.h): what gathers must not count as what a screen is behind with. */
static void a_burst_makes_nobody_slow(void **state)
{
    (void)state;
    struct screen *screens[3];
    for (size_t i = 0; i < COUNT(screens); i++)
        screens[i] = open_screen();
    process_signal(world.process, SIGSTOP); /* so that all of it is there at once */
    for (int version = 1; version <= BURST; version++)
        publish_ended("burst", version);
    process_signal(world.process, SIGCONT);
    for (size_t i = 0; i < COUNT(screens); i++) {
        assert_true(screen_shows(screens[i], world_event_of("burst", BURST)));
        assert_int_equal(screen_count(screens[i], "event: closed"), 0);
        screen_free(screens[i]);
    }
}

static void who_does_not_read_is_owed_the_newest_and_holds_up_nobody(void **state)
{
    (void)state;
    struct screen *fast = open_screen();
    struct screen *slow = open_screen();
    for (int version = 1; version <= MANY; version++) {
        publish_ended("talker", version);
        if (version % AT_ONCE == 0)
            assert_true(screen_shows(fast, world_event_of("talker", version)));
    }
    /* On a busy machine even a reader can be a moment behind, and then a few states of this one call replace each other. */
    assert_in_range(screen_count(fast, "event: call\n"), MANY * 3 / 4, MANY);
    assert_true(screen_shows(slow, world_event_of("talker", MANY)));
    assert_in_range(screen_count(slow, "event: call\n"), 2, MANY / 2);
    screen_free(fast);
    screen_free(slow);
}

static void who_is_owed_too_much_is_let_go_and_resumes(void **state)
{
    (void)state;
    char last[32];
    struct screen *fast = open_screen();
    struct screen *slow = open_screen();
    publish_calls("many", MANY, fast);
    snprintf(last, sizeof last, "many-%d", MANY);
    assert_int_equal(screen_count(fast, "event: call\n"), MANY);
    assert_true(screen_ends(slow, SOON_MS));
    assert_int_equal(screen_count(slow, world_event_of(last, 1)), 0);

    struct screen *resumed = world_open_stream(BEARER_1, screen_last_id(slow));
    assert_true(screen_shows(resumed, world_event_of(last, 1)));
    assert_int_equal(screen_count(resumed, "event: reset"), 0);
    screen_free(resumed);
    screen_free(slow);
    screen_free(fast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_makes_nobody_slow),
        cmocka_unit_test(who_does_not_read_is_owed_the_newest_and_holds_up_nobody),
        cmocka_unit_test(who_is_owed_too_much_is_let_go_and_resumes),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
