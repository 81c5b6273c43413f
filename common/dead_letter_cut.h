/* dead_letter_cut.h: a dead letter that Kafka would not take is cut until it fits.
 *
 * A record may be as large as its topic lets it be, and a dead letter is that record and more: one at the limit would stop
 * its stage for good. (So would one that is larger than it looks in the topic, where it may lie compressed.) What was cut is
 * still in the topic that `dlq.topic`, `dlq.partition` and `dlq.offset` name, until that one's retention ends:
 *
 *      dlq.cut            "value": its end is missing; "all": also the key's end and every header but dlq.*
 *      dlq.value-bytes    length of the whole value
 *      dlq.value-sha256   of the whole value, in hex
 *
 * A letter with dlq.cut is not to be replayed: its original is. Pure.
 */
#ifndef HOOKLINE_COMMON_DEAD_LETTER_CUT_H
#define HOOKLINE_COMMON_DEAD_LETTER_CUT_H

#include "common/dead_letter.h"
#include "common/producer.h"

/* Leaves a letter that fits as it is. Otherwise its headers (dead_letter_headers) become a list in `arena`, and key and value
 * are shorter, never copied. */
void dead_letter_cut(struct arena *arena, struct record *letter);

#endif
