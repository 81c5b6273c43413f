/* phone.h: phone numbers as E.164, by libphonenumber (C++), for everyone else in C.
 *
 * "030 837 93 369" with region DE becomes "+493083793369". What is no number (anonymous, SIP, short codes) is legal and
 * stays what it is, trimmed. What is E.164 already (phone_is_e164) is taken as it is, without the library (20 µs).
 *
 * Only this file normalises: SQL and the pages compare and show the text that came out of it.
 */
#ifndef HOOKLINE_COMMON_PHONE_H
#define HOOKLINE_COMMON_PHONE_H

#include "common/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum phone_kind {
    PHONE_ABSENT, /* nothing, or only white space */
    PHONE_E164,   /* *normal is + and digits */
    PHONE_OTHER,  /* no number of the world's plan; *normal is the text, trimmed, at most 255 bytes */
};

/* `region` is ISO 3166 alpha-2 ("DE"), for numbers without a country code; NULL: only international spellings are read.
 * *normal lies in the arena or borrows from `number`. Never fails; input longer than 255 bytes is PHONE_OTHER, cut. */
enum phone_kind phone_normalize(struct arena *arena, struct slice number, const char *region, struct slice *normal);

/* "+", a country code that exists, behind it no digit of a trunk prefix, 8-15 digits in all, and no word on a keypad: phone_normalize leaves it alone in every region. It
 * need not be anybody's number: plans grow faster than the library's tables. */
bool phone_is_e164(struct slice text);

/* A number for people: "+493083793369" becomes "+49 30 83793369", as the country itself groups it. Text that is no E.164
 * stays as it is. In the arena, or `number` itself. */
struct slice phone_format(struct arena *arena, struct slice number);

/* True if libphonenumber knows the region. */
bool phone_region_known(const char *region);

#ifdef __cplusplus
}
#endif

#endif
