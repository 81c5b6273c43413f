/* jsonb.h: whether PostgreSQL's jsonb takes a text that is valid JSON. Pure.
 *
 * It does not take all of it: deep nesting exhausts its stack (54001), numbers beyond numeric overflow (22003). A sender
 * must not be able to make SQL refuse a record, for refusals after parsing count as ours and stop consumption.
 */
#ifndef HOOKLINE_SESSION_JSONB_H
#define HOOKLINE_SESSION_JSONB_H

#include "common/slice.h"

enum { JSONB_DEPTH_MAX = 256, JSONB_NUMBER_MAX = 64, JSONB_EXPONENT_DIGITS_MAX = 3 };

/* False if `json` (compact, valid) nests deeper than JSONB_DEPTH_MAX, or has a number that is longer than
 * JSONB_NUMBER_MAX characters or whose exponent has more than JSONB_EXPONENT_DIGITS_MAX digits. */
bool jsonb_takes(struct slice json);

#endif
