/* source_read.h: the sources file's text, or one key alone -> a set of sources; or all that is wrong with it. Pure.
 */
#ifndef HOOKLINE_COMMON_SOURCE_READ_H
#define HOOKLINE_COMMON_SOURCE_READ_H

#include "common/source.h"

enum { SOURCE_KEY_MIN = 8, SOURCE_KEY_MAX = 512 };

/* NULL when `key` may sign for the provider, else what is wrong with it, without it ("is empty: …"). */
const char *source_key_problem(enum source_provider provider, struct slice key);

/* The source `default` of Retell, bound to no company, with this key. NULL when fine, else a static sentence. */
const char *sources_of_key(struct sources **result, struct slice retell_api_key);

#endif
