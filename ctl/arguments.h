/* arguments.h: a verb's command line, read by its table of options. Pure but for getopt's own variables.
 *
 * Every verb also has --json and --help. Refuses, with a sentence that names what would be right: an unknown option, a
 * missing or ill-formed value, a number out of range, an operand too many or too few, a required option that is missing.
 */
#ifndef HOOKLINE_CTL_ARGUMENTS_H
#define HOOKLINE_CTL_ARGUMENTS_H

#include "common/arena.h"
#include "common/buffer.h"
#include "ctl/verb.h"

/* argv[0] is skipped; what is kept borrows from argv and lies in `arena`. NULL when fine, else a sentence in the arena. */
const char *arguments_read(struct arguments **result, struct arena *arena, const struct verb *verb, int argc,
                           char **argv);

/* The verb's page of the manual. */
void arguments_manual(const struct verb *verb, struct buffer *out);
/* "hookline company add NAME [--id N] …", without a newline. */
void arguments_usage(const struct verb *verb, struct buffer *out);

bool arguments_help(const struct arguments *arguments);
bool arguments_json(const struct arguments *arguments);
struct arena *arguments_arena(const struct arguments *arguments);
/* NULL without one. */
const char *arguments_operand(const struct arguments *arguments);

/* All of these abort on a name that is not in the verb's table. */
bool argument_given(const struct arguments *arguments, const char *name);
const char *argument_text(const struct arguments *arguments, const char *name, const char *otherwise);
int64_t argument_count(const struct arguments *arguments, const char *name, int64_t otherwise);
double argument_amount(const struct arguments *arguments, const char *name, double otherwise);
const char *const *argument_texts(const struct arguments *arguments, const char *name, size_t *count);

#endif
