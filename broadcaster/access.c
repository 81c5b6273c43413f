/* access.c: a small table of what was asked lately, and one query for all the rest. */
#include "broadcaster/access.h"

#include <stdlib.h>

#include "broadcaster/table.h"
#include "common/clock.h"
#include "common/database.h"

/* Believed for so long. ENTRIES_MAX bounds what strangers with invented tokens can make us keep. */
enum { GRANTED_MS = 20 * 1000, REFUSED_MS = 2 * 1000, ENTRIES_MAX = 4096 };

static const char FIND_TOKEN[] =
    "SELECT company_id, expires_at FROM api_tokens "
    "WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())";
static const char FIND_TOKENS[] =
    "SELECT token_hash FROM api_tokens "
    "WHERE token_hash = ANY($1) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())";

struct remembered {
    struct access_grant grant; /* company 0: refused */
    int64_t until_ms;          /* since the epoch: expiry is by the same clock */
};

struct access {
    struct queries *queries;
    struct table known;
};

struct access *access_open(struct queries *queries)
{
    struct access *access = memory_new(1, sizeof *access);
    access->queries = queries;
    return access;
}

static void forget_all(struct access *access)
{
    size_t at = 0;
    for (void *entry = table_next(&access->known, &at); entry; entry = table_next(&access->known, &at))
        free(entry);
    table_free(&access->known);
}

void access_close(struct access *access)
{
    if (!access)
        return;
    forget_all(access);
    free(access);
}

static struct slice hash_slice(const uint8_t hash[CREDENTIAL_HASH_BYTES])
{
    return (struct slice){(const char *)hash, CREDENTIAL_HASH_BYTES};
}

static void remember(struct access *access, const struct access_grant *grant, int64_t expires_at_ms)
{
    if (access->known.count >= ENTRIES_MAX)
        forget_all(access);
    struct remembered *entry = table_get(&access->known, hash_slice(grant->hash));
    if (!entry) {
        entry = memory_new(1, sizeof *entry);
        entry->grant = *grant;
        table_put(&access->known, hash_slice(entry->grant.hash), entry);
    }
    entry->grant = *grant;
    entry->until_ms = clock_now_ms() + (grant->company_id ? GRANTED_MS : REFUSED_MS);
    if (expires_at_ms != DATABASE_NULL && expires_at_ms < entry->until_ms)
        entry->until_ms = expires_at_ms;
}

struct check {
    struct access *access;
    struct access_grant grant;
    access_done *done;
    void *context;
};

static void token_found(const struct query_answer *answer, void *context)
{
    struct check *check = context;
    if (answer->error.fault != DATABASE_FINE) {
        check->done(ACCESS_UNKNOWN, NULL, check->context);
        free(check);
        return;
    }
    bool granted = PQntuples(answer->rows[0]) == 1;
    check->grant.company_id = granted ? database_int(answer->rows[0], 0, 0) : 0;
    remember(check->access, &check->grant, granted ? database_time(answer->rows[0], 0, 1) : DATABASE_NULL);
    check->done(granted ? ACCESS_GRANTED : ACCESS_REFUSED, granted ? &check->grant : NULL, check->context);
    free(check);
}

void access_check(struct access *access, struct slice token, access_done *done, void *context)
{
    if (slice_absent(token)) {
        done(ACCESS_REFUSED, NULL, context);
        return;
    }
    struct access_grant grant = {0};
    credential_hash(token, grant.hash);
    const struct remembered *entry = table_get(&access->known, hash_slice(grant.hash));
    if (entry && entry->until_ms > clock_now_ms()) {
        grant = entry->grant;
        done(grant.company_id ? ACCESS_GRANTED : ACCESS_REFUSED, grant.company_id ? &grant : NULL, context);
        return;
    }
    struct check *check = memory_new(1, sizeof *check);
    *check = (struct check){access, grant, done, context};
    struct query *query = query_new(access->queries);
    database_add_bytes(query_add(query, FIND_TOKEN), hash_slice(check->grant.hash));
    query_send(query, token_found, check);
}

struct recheck {
    struct access *access;
    struct table asked; /* hash -> itself in `hashes` */
    uint8_t (*hashes)[CREDENTIAL_HASH_BYTES];
    void (*ended)(struct slice hash, void *context);
    void *context;
};

static void tokens_found(const struct query_answer *answer, void *context)
{
    struct recheck *recheck = context;
    if (answer->error.fault == DATABASE_FINE) {
        for (int row = 0; row < PQntuples(answer->rows[0]); row++)
            table_remove(&recheck->asked, database_text(answer->rows[0], row, 0));
        size_t at = 0;
        const uint8_t *hash = NULL;
        while ((hash = table_next(&recheck->asked, &at))) {
            struct access_grant none = {0};
            memcpy(none.hash, hash, sizeof none.hash);
            remember(recheck->access, &none, DATABASE_NULL);
            recheck->ended(hash_slice(hash), recheck->context);
        }
    }
    table_free(&recheck->asked);
    free(recheck->hashes);
    free(recheck);
}

void access_recheck(struct access *access, const struct slice *hashes, size_t count,
                    void (*ended)(struct slice hash, void *context), void *context)
{
    if (!count)
        return;
    struct recheck *recheck = memory_new(1, sizeof *recheck);
    *recheck = (struct recheck){.access = access, .ended = ended, .context = context};
    recheck->hashes = memory_new(count, sizeof *recheck->hashes);
    for (size_t i = 0; i < count; i++) {
        memcpy(recheck->hashes[i], hashes[i].ptr, CREDENTIAL_HASH_BYTES);
        table_put(&recheck->asked, hash_slice(recheck->hashes[i]), recheck->hashes[i]);
    }
    struct query *query = query_new(access->queries);
    database_add_bytes_array(query_add(query, FIND_TOKENS), hashes, count);
    query_send(query, tokens_found, recheck);
}
