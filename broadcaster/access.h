/* access.h: which company a token speaks for, asked of PostgreSQL and remembered for a short while.
 *
 * A token is its SHA-256 here, in memory and in the database. What was found is believed for 20 s, what was not for 2
 * s; streams are asked about again every 20 s (access_recheck), so that a revoked or expired token's streams are closed
 * within a minute. While PostgreSQL is away nobody new is let in, and who is in stays: nobody can revoke anything then
 * either.
 */
#ifndef HOOKLINE_BROADCASTER_ACCESS_H
#define HOOKLINE_BROADCASTER_ACCESS_H

#include "broadcaster/credential.h"
#include "broadcaster/query.h"

struct access;

struct access_grant {
    int64_t company_id;
    uint8_t hash[CREDENTIAL_HASH_BYTES];
};

enum access_answer {
    ACCESS_GRANTED,
    ACCESS_REFUSED, /* unknown, revoked or expired; or none was shown */
    ACCESS_UNKNOWN, /* PostgreSQL did not say */
};
/* `grant` is NULL unless granted. */
typedef void access_done(enum access_answer answer, const struct access_grant *grant, void *context);

struct access *access_open(struct queries *queries);
void access_close(struct access *access);

/* `token` may be absent. `done` may run before this returns. */
void access_check(struct access *access, struct slice token, access_done *done, void *context);

/* Asks about many hashes at once; `ended` runs for each that no longer grants anything. Nothing runs when PostgreSQL
 * does not answer. */
void access_recheck(struct access *access, const struct slice *hashes, size_t count,
                    void (*ended)(struct slice hash, void *context), void *context);

#endif
