/* text.h: the small conversions that several programs need: UTF-8 repair, hex, RFC 3339 times, numbers. Pure. */
#ifndef HOOKLINE_COMMON_TEXT_H
#define HOOKLINE_COMMON_TEXT_H

#include <stdint.h>

#include "common/arena.h"

/* U+FFFD: what stands where a byte could not be kept. */
#define TEXT_REPLACEMENT "\xef\xbf\xbd"

/* "dial_*" fits every text that starts so, any other pattern only itself. */
bool text_fits(struct slice text, const char *pattern);

/* Without blanks and tabs around it (RFC 9110's OWS). */
struct slice text_trimmed(struct slice text);

/* `text` if it is valid UTF-8 without NUL; else a copy in `arena` with each offending byte or NUL as U+FFFD, and
 * *repaired incremented. PostgreSQL's text refuses both. */
struct slice text_repair(struct arena *arena, struct slice text, uint64_t *repaired);

/* Length of the valid UTF-8 sequence at the start of `text` (1-4), 0 if there is none. RFC 3629: no surrogates, nothing
 * over-long, nothing above U+10FFFF. */
size_t text_utf8_length(struct slice text);

/* Decodes exactly `size` bytes from 2*size hex digits, either case. False if `hex` is anything else. */
bool text_read_hex(struct slice hex, uint8_t *bytes, size_t size);

/* 2*size lower-case digits; no NUL. */
void text_write_hex(const uint8_t *bytes, size_t size, char *text);

/* RFC 3339 with any fraction, "Z" or "+hh:mm" -> ms since the epoch. False if it is none or out of year 1-9999. */
bool text_read_time(struct slice text, int64_t *ms);

/* The other way round, as buffer_add_time writes it, in the arena. */
struct slice text_write_time(struct arena *arena, int64_t ms);

/* A whole number in decimal, optional '-', nothing around it. False otherwise or on overflow. */
bool text_read_int(struct slice text, int64_t *number);

/* A phone number as logs may show it: "+49…678"; fewer than 7 characters become "…". */
struct slice text_mask_number(struct arena *arena, struct slice number);

#endif
