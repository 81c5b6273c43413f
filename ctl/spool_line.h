/* spool_line.h: a record of the spool as one line of JSON, for handing it elsewhere. Pure.
 *
 *      {"sequence":1,"received_at":"…","topic":"webhooks.retell","partition":-1,"key":"base64","headers":[["ce_id","base64"]],
 *       "value":"base64"}                      and "problem" of what was set aside; a header that is absent is null
 */
#ifndef HOOKLINE_CTL_SPOOL_LINE_H
#define HOOKLINE_CTL_SPOOL_LINE_H

#include "common/buffer.h"
#include "ingest/spool.h"

void spool_line_write(struct buffer *out, const struct spool_row *row);

#endif
