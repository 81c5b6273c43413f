/* call_stamps.h: `calls.stamps`: when and by which event each value of a row was said, in about 100 bytes.
 *
 *      byte    0        version = 1
 *              1        evidence
 *              2        end said (enum call_status)
 *              3        storage (enum call_storage)
 *              4        D, how many distinct stamps
 *              5        R, how many registers
 *              6        D x (rank 1, clock 8 big-endian two's complement, event id 16), ascending
 *              6 + 25 D R x index of the register's stamp, 255: never said
 *
 * A row that was merged from the same events has the same bytes. As jsonb it would be 1.5 KB and halve the throughput.
 * Refuses what it did not write: a newer version, an index out of range, a wrong length. Pure.
 */
#ifndef HOOKLINE_SESSION_CALL_STAMPS_H
#define HOOKLINE_SESSION_CALL_STAMPS_H

#include "common/arena.h"
#include "session/call.h"

enum { CALL_STAMPS_BYTES_MAX = 6 + CALL_REGISTERS * (25 + 1) };

/* Evidence, codes and stamps of `state` -> bytes in `arena`. */
struct slice call_stamps_write(struct arena *arena, const struct call_state *state);

/* The other way. NULL when fine, else what is wrong, as a static sentence; fewer registers than today's are fine. */
const char *call_stamps_read(struct call_state *state, struct slice bytes);

#endif
