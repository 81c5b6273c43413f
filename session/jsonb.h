/* jsonb.h: valid JSON as PostgreSQL's jsonb takes it, and as we mean it. Pure.
 *
 * It does not take all of it: deep nesting exhausts its stack (54001), numbers beyond numeric overflow (22003). A sender
 * must not be able to make SQL refuse a record, for refusals after parsing count as ours and stop consumption. And of
 * duplicate keys jsonb keeps the last, hookline everywhere else the first.
 */
#ifndef HOOKLINE_SESSION_JSONB_H
#define HOOKLINE_SESSION_JSONB_H

#include <stdint.h>

#include "common/arena.h"

enum { JSONB_DEPTH_MAX = 256, JSONB_NUMBER_MAX = 64, JSONB_EXPONENT_DIGITS_MAX = 3 };

/* False if `json` (compact, valid) nests deeper than JSONB_DEPTH_MAX, or has a number that is longer than
 * JSONB_NUMBER_MAX characters or whose exponent has more than JSONB_EXPONENT_DIGITS_MAX digits. */
bool jsonb_takes(struct slice json);

/* `json` (as above, and taken by jsonb) with only the first of the members of an object that have one key: itself if there
 * are no others, else a copy in `arena`. Adds how many were dropped to *dropped. */
struct slice jsonb_first_keys(struct arena *arena, struct slice json, uint64_t *dropped);

#endif
