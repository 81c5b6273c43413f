/* parked.h: what the verbs about parked events share. */
#ifndef HOOKLINE_CTL_PARKED_H
#define HOOKLINE_CTL_PARKED_H

#include "common/event.h"
#include "ctl/console.h"

/* The operand as the 16 bytes that the table has, in the arena. False: it is none, *exit_code says so. */
bool parked_event_id(const struct arguments *arguments, struct slice *id, int *exit_code);

/* --reason, NULL without one; *exit_code is changed if there is no such reason. */
const char *parked_reason(const struct arguments *arguments, int *exit_code);

#define PARKED_OPTION_REASON                                                                                           \
    {                                                                                                                  \
        .name = "reason", .kind = OPTION_TEXT, .value = "WORD",                                                        \
        .help = "Only unresolved, company_conflict or not_a_call; without it the first two."                           \
    }

#endif
