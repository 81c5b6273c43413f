/* underway.c: one place after the other, in the order of the data. */
#include "ctl/underway.h"

#include <unistd.h>

#include "common/clock.h"
#include "common/producer.h"
#include "ctl/reading.h"
#include "ctl/spool_files.h"

enum { ASK_EVERY_MS = 200 };

struct spooled {
    int64_t records;
    const char *unreadable; /* a file, and why; NULL: none */
};

static int look_at_spools(const struct console *console, struct arena *arena, struct spooled *spooled)
{
    struct spool_files files = {0};
    const char *directory = settings_text(console->settings, "SPOOL_DIR");
    *spooled = (struct spooled){0};
    if (!directory || *directory == '\0')
        return EXIT_CODE_FINE;
    const char *problem = spool_slot_list(directory, arena, &files.paths, &files.count);
    if (problem)
        return complain(EXIT_CODE_UNAVAILABLE, "%s", problem);
    for (size_t i = 0; i < files.count; i++) {
        struct spool *spool = NULL;
        if (spool_open(&spool, files.paths[i], SPOOL_TO_LOOK) == SPOOL_FINE)
            spooled->records += spool_stat(spool).records;
        else
            spooled->unreadable =
                arena_format(arena, "%s cannot be read (%s)", files.paths[i], spool_problem(NULL)).ptr;
        spool_close(spool);
    }
    return EXIT_CODE_FINE;
}

static int wait_for_spools(const struct console *console, struct arena *arena, int64_t end_ms)
{
    struct spooled spooled;
    for (;;) {
        int exit_code = look_at_spools(console, arena, &spooled);
        if (exit_code != EXIT_CODE_FINE)
            return exit_code;
        if (spooled.records == 0)
            break;
        if (clock_ticks_ms() >= end_ms)
            return complain(EXIT_CODE_FINDING,
                            "%lld webhooks wait in ingest's spool and may be about that caller; say it again when "
                            "`hookline spool list` shows none",
                            (long long)spooled.records);
        usleep(ASK_EVERY_MS * 1000);
    }
    if (!spooled.unreadable)
        return EXIT_CODE_FINE;
    return complain(EXIT_CODE_FINDING,
                    "%s; what waits in it may be about that caller: move it out of SPOOL_DIR, and remove it when what "
                    "it held has been sent",
                    spooled.unreadable);
}

static int wait_for_reading(struct reading *reading, const char *stage, int64_t end_ms)
{
    int64_t left = 0;
    for (;;) {
        int exit_code = reading_left(reading, &left);
        if (exit_code != EXIT_CODE_FINE || left == 0)
            return exit_code;
        if (clock_ticks_ms() >= end_ms)
            return complain(EXIT_CODE_FINDING,
                            "%s has not read %lld records that were there when this began, and they may be about that "
                            "caller; say it again when `hookline lag` shows less",
                            stage, (long long)left);
        usleep(ASK_EVERY_MS * 1000);
    }
}

static int wait_for_stage(const struct console *console, const char *stage, const char *const *topics, int64_t end_ms)
{
    struct reading *reading = NULL;
    int exit_code = reading_note(&reading, console, stage, topics);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = wait_for_reading(reading, stage, end_ms);
    reading_free(reading);
    return exit_code;
}

int underway_wait(const struct console *console, struct arena *arena, int64_t end_ms)
{
    static const char *const WEBHOOKS[] = {TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_STRIPE, NULL};
    static const char *const EVENTS[] = {TOPIC_CALLS_EVENTS, NULL};
    int spools = wait_for_spools(console, arena, end_ms);
    int exit_code = wait_for_stage(console, "resolver", WEBHOOKS, end_ms);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = wait_for_stage(console, "session", EVENTS, end_ms);
    return exit_code == EXIT_CODE_FINE ? spools : exit_code;
}
