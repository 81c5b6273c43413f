/* accounts.h: with whose key a call is asked for, and what the operator is to know of those keys.
 *
 *      call's source ──> the Retell source of that name ──> its first active key
 *
 * The sources are ingest's (common/sources_file.h), read again on SIGHUP. A call whose source is not among them, or has no
 * active key, keeps its job: nothing is asked, and the log says so once a name.
 */
#ifndef HOOKLINE_SYNC_ACCOUNTS_H
#define HOOKLINE_SYNC_ACCOUNTS_H

#include "common/arena.h"
#include "common/settings.h"

struct event_base;
struct accounts;

/* NULL when fine, else a sentence that lives as long as the process. */
const char *accounts_open(struct accounts **result, const struct settings *settings, struct event_base *base);
void accounts_close(struct accounts *accounts); /* NULL is fine */

/* The names of the sources that can be asked for now; memory in `arena`. */
const struct slice *accounts_names(const struct accounts *accounts, struct arena *arena, int64_t now_ms, size_t *count);

struct account {
    const char *key;        /* never logged */
    int64_t source_company; /* the company that the source is bound to, 0 if none */
    struct slice cost_unit; /* absent: cents */
};
/* Borrowed until the loop's next turn. False: there is none, or it has no active key. */
bool accounts_find(const struct accounts *accounts, struct slice source, int64_t now_ms, struct account *account);

/* A call of this source is to be asked for one day. Says, once a name, if it cannot be. */
void accounts_expect(struct accounts *accounts, struct slice source, int64_t now_ms);

/* What the platform said to a source's key: to be seen in /readyz before calls are missed. */
void accounts_heard(struct accounts *accounts, struct slice source, bool accepted);

#endif
