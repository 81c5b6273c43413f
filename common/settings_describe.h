/* settings_describe.h: how settings are shown to people. Only settings.c and the documents use it. */
#ifndef HOOKLINE_COMMON_SETTINGS_DESCRIBE_H
#define HOOKLINE_COMMON_SETTINGS_DESCRIBE_H

#include "common/settings.h"

/* What every variable's name starts with. */
#define SETTINGS_PREFIX "HOOKLINE_"

/* The form that a setting's value must have, as a refusal says it: "a whole number from 1 to 10000". */
void setting_describe_form(struct buffer *out, const struct setting *row);

/* What --help prints. */
void settings_help(const char *program, const char *about, const struct setting *table, size_t count, FILE *out_file);

#endif
