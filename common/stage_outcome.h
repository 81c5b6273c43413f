/* stage_outcome.h: what became of a batch, and whose fault it is that a record can never succeed. */
#ifndef HOOKLINE_COMMON_STAGE_OUTCOME_H
#define HOOKLINE_COMMON_STAGE_OUTCOME_H

enum stage_outcome {
    STAGE_DONE, /* all effects but what is to be published are durable */
    STAGE_WAIT, /* the world's fault: this batch again after a back-off of 50 ms … 5 s; partitions are paused, polling goes on */
    STAGE_AGAIN, /* a race was lost: again at once (after 10 in a row: as WAIT) */
    STAGE_BISECT, /* one record is the culprit: halves; a lone one becomes a dead letter with the batch's code and detail */
    STAGE_SLOW, /* over its time: halves; a lone record that is slow twice while its successor passes: dead letter; else WAIT */
    STAGE_BUG,     /* exit 70 */
    STAGE_REFUSED, /* exit 78 */
};

enum dead_letter_fault { DEAD_SENDERS, DEAD_OURS };

#endif
