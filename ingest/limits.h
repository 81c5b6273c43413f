/* limits.h: who must come again later, decided at a request's head, before its body is read. Pure: the time is passed in.
 *
 *      an address     so many requests a second (429); an IPv6 /64 counts as one
 *      all together   so many webhooks, and bytes of them, that wait for their ack (503)
 *
 * (A source's own rate is a bucket beside its counters: roster.h.) The table of addresses is bounded: an address that is
 * not in it takes the place of the one whose bucket is the fullest among eight, which loses the least. Whoever has more
 * addresses than the table has places is not held back by this, but by the caps on connections and by the signature.
 */
#ifndef HOOKLINE_INGEST_LIMITS_H
#define HOOKLINE_INGEST_LIMITS_H

#include "common/address.h"
#include "ingest/bucket.h"

struct limits;

struct limits_options {
    struct bucket_rate address; /* per_s 0: no limit, and no table */
    uint64_t seed;              /* random: nobody outside knows which addresses share a place */
    size_t in_flight_max, in_flight_max_bytes;
};

struct limits *limits_new(const struct limits_options *options);
void limits_free(struct limits *limits);

/* Takes a token. False: there is none, nothing was taken, and *wait_s says when there will be one. UNIX sockets pass. */
bool limits_allow_address(struct limits *limits, const struct address *address, int64_t now_ns, int64_t *wait_s);

/* Nothing more may be taken in now. */
bool limits_full(const struct limits *limits);
/* One webhook of so many bytes waits for its ack. False, and nothing counted: it must not. The first always may. */
bool limits_enter(struct limits *limits, size_t bytes);
void limits_leave(struct limits *limits, size_t bytes);
size_t limits_in_flight_bytes(const struct limits *limits);

#endif
