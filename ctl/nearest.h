/* nearest.h: which of these words was perhaps meant? */
#ifndef HOOKLINE_CTL_NEAREST_H
#define HOOKLINE_CTL_NEAREST_H

#include <stddef.h>

#include "common/slice.h"

/* The word that takes the fewest letters added, left out or replaced (Levenshtein 1966), if two are enough and at least
 * half of the written word stays as it is; else NULL. The first of several that are equally near. */
const char *nearest_word(struct slice written, const char *const *words, size_t count);

#endif
