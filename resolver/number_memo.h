/* number_memo.h: what libphonenumber made of a spelling, so that it is asked once (20 µs) and not for every event of a call.
 *
 * One place a spelling and region: who comes later to a place that is taken takes it over. So it never grows, whatever the
 * senders write, and never searches. What is E.164 already, and what is longer than 63 bytes, goes past it. Nothing in it
 * can be stale: the answer hangs on the library alone.
 */
#ifndef HOOKLINE_RESOLVER_NUMBER_MEMO_H
#define HOOKLINE_RESOLVER_NUMBER_MEMO_H

#include "common/phone.h"

#include <stdint.h>

/* About 300 KB. */
enum { NUMBER_MEMO_PLACES = 2048 };

struct number_memo;

struct number_memo *number_memo_new(void);
void number_memo_free(struct number_memo *memo);

/* As phone_normalize, but *normal always lies in the arena or borrows from `number`. `region`: two letters, or NULL. */
enum phone_kind number_memo_normalize(struct number_memo *memo, struct arena *arena, struct slice number,
                                      const char *region, struct slice *normal);

/* How often the library was spared, and how often not. */
void number_memo_counts(const struct number_memo *memo, uint64_t *hits, uint64_t *misses);

#endif
