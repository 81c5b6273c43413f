/* keep_choice.h: where a webhook goes that has just come: to the brokers or to the spool. Pure.
 *
 * The spool answers within a fsync; brokers that are away or silent cost each sender the whole ack time-out. So once they
 * are known to be so, nobody waits for them any more: what lies in the spool asks whether they are back.
 */
#ifndef HOOKLINE_INGEST_KEEP_CHOICE_H
#define HOOKLINE_INGEST_KEEP_CHOICE_H

#include <stdbool.h>

enum keep_choice {
    CHOICE_BROKERS, /* and wait for their ack */
    CHOICE_SPOOL,   /* at once */
};

struct keep_facts {
    bool may_spool;      /* its source lets it wait on our disk */
    bool spool_takes;    /* there is room, and the disk was not at fault a moment ago */
    bool key_waits;      /* an earlier record of its call lies in the spool */
    bool brokers_up;     /* one is connected */
    bool brokers_silent; /* all of them, or its lane is closed (lanes.h) */
};

enum keep_choice keep_choose(struct keep_facts facts);

#endif
