/* reading.h: has a stage read all that was in its topics at one moment? Asked as a stranger: nothing joins, nothing commits. */
#ifndef HOOKLINE_CTL_READING_H
#define HOOKLINE_CTL_READING_H

#include "ctl/console.h"

struct reading;

/* Notes the ends of `topics` (without prefix, NULL ends) as they are now, for the stage's group (hookline-<stage>). 0, or the
 * exit code after saying why not. The caller frees it; NULL after a failure. */
int reading_note(struct reading **result, const struct console *console, const char *stage, const char *const *topics);

/* How many records before those ends the group has not finished. 0, or the exit code after saying why not. */
int reading_left(struct reading *reading, int64_t *left);

void reading_free(struct reading *reading);

#endif
