/* verify_steps.h: which step of a signature fails, and why: header form, time, key, digest. Pure.
 *
 * The verdict is ingest's own (sender_find). What is said beside it comes from trying what people get wrong: a header with
 * white space, a clock that is off, the key of another source, a body that was written again on its way.
 */
#ifndef HOOKLINE_CTL_VERIFY_STEPS_H
#define HOOKLINE_CTL_VERIFY_STEPS_H

#include "ingest/sender.h"

struct verify_question {
    const struct sources *sources;
    const struct provider *provider;
    const char *source; /* that the path names; NULL: none */
    struct slice body;
    const struct slice *headers; /* values of the signature header */
    size_t header_count;
    int64_t now_ms;
};

enum verify_state { VERIFY_FINE, VERIFY_FAILED, VERIFY_UNKNOWN };
/* "ok", "FAILED", "-". */
const char *verify_state_name(enum verify_state state);

enum { VERIFY_HEADER, VERIFY_TIME, VERIFY_KEY, VERIFY_DIGEST, VERIFY_STEPS };

struct verify_step {
    const char *name;
    enum verify_state state;
    struct slice says; /* a sentence, never a key */
};

struct verify_answer {
    bool valid;
    struct verify_step steps[VERIFY_STEPS];
};

/* Sentences lie in `arena`. */
struct verify_answer verify_find(struct arena *arena, const struct verify_question *question);

#endif
