/* log_writer.h: a thread that writes the log, so that whoever has something to say waits for nobody who reads it.
 *
 *      log_event ──> gathered ──a few ms, or GATHERED_MAX_BYTES/2──> written to stderr
 *                       └──GATHERED_MAX_BYTES: whoever reads stands still──> lost, and counted
 *
 * For programs that others wait for. It also spares them a write(2) for each line. Lines that are gathered die with a process
 * that is killed.
 */
#ifndef HOOKLINE_COMMON_LOG_WRITER_H
#define HOOKLINE_COMMON_LOG_WRITER_H

#include <stdint.h>

#include "common/buffer.h"

/* From now on all threads' lines go this way. False if there is no thread to be had: then all stays as it was. */
bool log_writer_start(void);
/* Waits for what is gathered, a second at most, and so does who speaks meanwhile; from then on each line is written by whoever
 * has it. Fine when not started. */
void log_writer_stop(void);

/* Lines that nobody will read, since the start: thrown away, or refused by whatever standard error is. */
int64_t log_writer_lost(void);

/* For log.c: where to add one line, between these two; NULL if the writer does not run (then without the second). */
struct buffer *log_writer_begin(void);
void log_writer_end(void);

#endif
