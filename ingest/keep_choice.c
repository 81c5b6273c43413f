/* keep_choice.c: see keep_choice.h. */
#include "ingest/keep_choice.h"

enum keep_choice keep_choose(struct keep_facts facts)
{
    /* A spool that takes nothing is as good as none: the brokers may still come back in time. If its call waits there, it
     * overtakes that now; the merge does not care, and a sender who is refused gives up after three tries. */
    if (!facts.may_spool || !facts.spool_takes)
        return CHOICE_BROKERS;
    bool behind_its_call = facts.key_waits;
    return behind_its_call || !facts.brokers_up || facts.brokers_silent ? CHOICE_SPOOL : CHOICE_BROKERS;
}
