/* source.h: who may send us webhooks: a name, a provider, a key, and the path that leads there. Pure.
 *
 * There is one: `default`, of Retell, bound to no company, with the key of the setting RETELL_API_KEY. Whoever signs with
 * another provider's scheme, or for one company only, will be a row beside it.
 */
#ifndef HOOKLINE_INGEST_SOURCE_H
#define HOOKLINE_INGEST_SOURCE_H

#include <stdint.h>

#include "ingest/signature_retell.h"

struct source {
    const char *name;
    const char *provider;
    const char *ce_source; /* /retell/default */
    int64_t company_id;    /* 0: bound to none */
    struct signature_key *key;
};

enum { SOURCES_MAX = 1 };

struct sources {
    struct source items[SOURCES_MAX];
    size_t count;
};

/* NULL when fine, else a sentence without the key: it is empty, or begins or ends with white space (a newline of the file
 * that it was copied from: every signature would be wrong). */
const char *sources_from_key(struct sources *sources, struct slice retell_api_key);
void sources_free(struct sources *sources);

/* The source that a path leads to: /api/retell/webhook, /api/retell/webhook/NAME. NULL: none. */
const struct source *sources_find(const struct sources *sources, struct slice path);

#endif
