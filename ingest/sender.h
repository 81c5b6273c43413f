/* sender.h: whose key signed this body? Pure.
 *
 *      a name in the path      that source's keys
 *      none                    the keys of all of the provider's sources
 *
 * A key that has expired is tried, too, and refused: a forgotten rotation is told from a forger, in the log and the metric only.
 * Every one of these keys is tried, whichever matches: the time that an answer takes does not say which it was. A source
 * that does not exist is checked with nobody's key, as often as the provider's source with the most keys would be, and a
 * source that exists makes up for the keys that it has fewer: from outside, an unknown source is a bad signature.
 */
#ifndef HOOKLINE_INGEST_SENDER_H
#define HOOKLINE_INGEST_SENDER_H

#include "ingest/route.h"

struct sender {
    const struct source *source;  /* whose key it is or was, else the one that the path names; NULL: there is none */
    const struct source_key *key; /* NULL unless valid */
};

/* `header` absent: there was none. `now_ms` since the epoch. */
enum signature_verdict sender_find(struct sender *sender, const struct sources *sources, const struct route *route,
                                   struct slice body, struct slice header, int64_t now_ms);

#endif
