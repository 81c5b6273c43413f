/* spool_headers.h: a record's headers as one run of bytes, for a column of the spool. Pure.
 *
 *      count, then for each: length of the name, the name, length of the value (all ones: absent), the value
 *
 * Every number is 32 bits, little-endian. Refuses what was cut or has bytes left over: the file was not written by us.
 */
#ifndef HOOKLINE_INGEST_SPOOL_HEADERS_H
#define HOOKLINE_INGEST_SPOOL_HEADERS_H

#include "common/arena.h"
#include "common/buffer.h"
#include "common/event.h"

void spool_headers_write(struct buffer *out, const struct header *headers, size_t count);

/* False if the bytes are no headers. Names and values lie in `arena`. */
bool spool_headers_read(struct slice bytes, struct arena *arena, struct header **headers, size_t *count);

#endif
