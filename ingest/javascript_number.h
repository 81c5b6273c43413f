/* javascript_number.h: a number read and written again as JavaScript does: parseInt(text, 10), then String(number). Pure.
 *
 * Stripe's code hashes the time so, and not as the header has it: "t= 7x" is signed as "7", "t=x" as "NaN"
 * (ECMA-262, 19.2.5 parseInt, 6.1.6.1.20 Number::toString).
 */
#ifndef HOOKLINE_INGEST_JAVASCRIPT_NUMBER_H
#define HOOKLINE_INGEST_JAVASCRIPT_NUMBER_H

#include "common/slice.h"

/* `text` in Latin-1, as header values are; absent (undefined): NaN. */
double javascript_parse_int(struct slice text);

enum { JAVASCRIPT_NUMBER_BYTES = 64 };
/* For what javascript_parse_int gives: whole numbers, both infinities, NaN. Terminated by NUL. */
void javascript_print(double number, char text[JAVASCRIPT_NUMBER_BYTES]);

#endif
