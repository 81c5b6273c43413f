/* poison.h: records that no sender should send, each among hundreds that are fine.
 *
 *      fine fine fine … POISON … fine fine      one partition, sent while the stage sleeps: one batch
 *
 * What a stage makes of each is the test's to say. A poisoned record carries the header x-poison with its name, by which it
 * is found again, for key, value and envelope may be what is wrong with it.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_POISON_H
#define HOOKLINE_TESTS_SUPPORT_POISON_H

#include "tests/support/broker.h"

enum { POISON_FLOCK = 500, POISON_HEADERS_MAX = EVENT_HEADERS_MAX + 4 };

/* Bodies and shapes. The call id of the body, and of the envelope but where that is the poison, is the name. */
enum poison_kind {
    POISON_NUL,
    POISON_INVALID_UTF8,
    POISON_ABSURD_TIMES,
    POISON_DEEP_METADATA,
    POISON_DEEP_BODY,
    POISON_LARGE, /* 4.25 MiB: more than a batch takes; the mock broker keeps 5 MiB a partition. 11 MiB: tests/chaos/large.py */
    POISON_DUPLICATE_KEYS,
    POISON_NO_CALL_ID,
    POISON_CALL_ID_4_KB,
    POISON_WRONG_TYPES,
    POISON_NUMBER_OVERFLOW,
    POISON_NO_OBJECT,
    POISON_BARE_TEXT,
    POISON_HALF_A_BODY,
    POISON_EMPTY_BODY,
    POISON_NO_VALUE, /* a tombstone */
    POISON_EMPTY_KEY,
    POISON_HEADERS_ONLY, /* neither key nor value */
    POISON_NO_HEADERS,   /* but x-poison */
    POISON_KINDS,
};
const char *poison_name(enum poison_kind kind);

/* What may be wrong with one header of the envelope. */
enum poison_twist {
    TWIST_ABSENT,
    TWIST_WRONG, /* the word "wrong" */
    TWIST_TWICE, /* with two values */
    TWIST_NOT_UTF8,
    TWIST_64_KB,
    POISON_TWISTS,
};
const char *poison_twist_name(enum poison_twist twist);

/* A fine record: call_started of `call_id` with this envelope besides its type, id and subject. */
struct record poison_fine_record(struct arena *arena, const char *topic, const struct event *envelope,
                                 const char *call_id);
struct record poison_record(struct arena *arena, const char *topic, const struct event *envelope,
                            enum poison_kind kind);
/* A fine record but for one header; its name is "HEADER-TWIST". */
struct record poison_twisted_record(struct arena *arena, const char *topic, const struct event *envelope,
                                    const char *header, enum poison_twist twist);

/* Sends them among fine ones ("FLOCK-0" …), POISON_FLOCK records in all, to one partition, evenly spread. */
void poison_send_among(struct broker *broker, struct arena *arena, const struct event *envelope, const char *flock,
                       const struct record *poisons, size_t count, int32_t partition);

/* The record of the topic with that x-poison, NULL if there is none. */
const struct broker_record *poison_find(const struct broker_record *records, size_t count, const char *name);

/* NULL if `letter` is `sent` byte for byte, key, value and headers, but for dlq.*; else what is not. */
const char *poison_letter_differs(const struct broker_record *letter, const struct record *sent);

#endif
