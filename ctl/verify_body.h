/* verify_body.h: how a body may have looked before something on its way changed it. Pure.
 *
 * A signature is over bytes. A framework that parses a body and writes it again, an editor that adds a newline, a copy that
 * lost its byte order mark: each gives another text with the same meaning, and a signature that does not match.
 */
#ifndef HOOKLINE_CTL_VERIFY_BODY_H
#define HOOKLINE_CTL_VERIFY_BODY_H

#include "common/arena.h"

struct body_variant {
    struct slice body;
    const char *how; /* "is re-serialised as JSON.stringify does": goes on after "matches if the body" */
};

enum { BODY_VARIANTS_MAX = 16 };

/* Those that differ from `body`; returns how many. Memory in `arena`. */
size_t body_variants(struct arena *arena, struct slice body, struct body_variant variants[BODY_VARIANTS_MAX]);

#endif
