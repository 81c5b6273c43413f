/* platform.h: a stand-in for the platform's REST API inside a test: it answers what it is told to, and remembers who asked.
 *
 * A thread of its own; loopback, a free port. Every failure to work ends the test.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_PLATFORM_H
#define HOOKLINE_TESTS_SUPPORT_PLATFORM_H

#include "common/arena.h"

struct platform;

struct platform *platform_start(void);
void platform_stop(struct platform *platform);

/* "http://127.0.0.1:43121" */
const char *platform_url(const struct platform *platform);

struct platform_answer {
    int status;
    const char *body;   /* borrowed until platform_stop */
    const char *header; /* one more header's name, NULL: none */
    const char *value;
    bool held; /* not before platform_release */
};

enum { PLATFORM_ANSWERS_MAX = 8 };

/* The next questions get these answers, in this order; the last one stays. Forgets what was asked before. */
void platform_script(struct platform *platform, const struct platform_answer *answers, size_t count);

/* Answers what is held, and holds no more. */
void platform_release(struct platform *platform);

/* Questions since the script began; of those, for one call (its id is letters, digits and _). */
size_t platform_asked(struct platform *platform);
size_t platform_asked_for(struct platform *platform, const char *call_id);

/* Of the last question; copies in `arena`, absent without one. */
struct slice platform_last_target(struct platform *platform, struct arena *arena);
struct slice platform_last_authorization(struct platform *platform, struct arena *arena);

#endif
