/* keep_choice.c: see keep_choice.h. */
#include "ingest/keep_choice.h"

enum keep_choice keep_choose(struct keep_facts facts)
{
    if (!facts.may_spool)
        return CHOICE_BROKERS;
    if (facts.key_waits) /* sent directly it would overtake its own call */
        return facts.spool_takes ? CHOICE_SPOOL : CHOICE_REFUSE;
    if (facts.brokers_up && !facts.brokers_silent)
        return CHOICE_BROKERS;
    /* A spool that takes nothing is as good as none; then the brokers may still come back in time. */
    return facts.spool_takes ? CHOICE_SPOOL : CHOICE_BROKERS;
}
