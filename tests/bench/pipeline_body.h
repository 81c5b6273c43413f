/* pipeline_body.h: webhook bodies of a chosen size for benches: like Retell's, the same for the same call and stage. Pure. */
#ifndef HOOKLINE_TESTS_BENCH_PIPELINE_BODY_H
#define HOOKLINE_TESTS_BENCH_PIPELINE_BODY_H

#include <stdint.h>

#include "common/buffer.h"

enum pipeline_stage { PIPELINE_STARTED, PIPELINE_ENDED, PIPELINE_ANALYZED, PIPELINE_STAGES };

enum { PIPELINE_COMPANIES = 10, PIPELINE_CALLERS = 20000, PIPELINE_CALL_ID_BYTES = 5 + 32 + 1 };

/* "call_started" …; static text. */
const char *pipeline_event_name(enum pipeline_stage stage);
void pipeline_call_id(uint64_t call, char text[PIPELINE_CALL_ID_BYTES]);
/* 1 … PIPELINE_COMPANIES; the mapped number is +4930 and the company in six digits. */
int64_t pipeline_company(uint64_t call);

/* Appends the body: about `size` bytes, 15 % more or less, never below what the stage's own fields take (about 250 to 750).
 * The filler is talk: dynamic variables when a call starts, then transcript and transcript_object, as Retell sends them. */
void pipeline_body_write(struct buffer *out, uint64_t call, enum pipeline_stage stage, size_t size);

/* splitmix64, Steele, Lea, Flood 2014. */
uint64_t pipeline_random(uint64_t *state);

#endif
