/* attempts.c: halving, repeating, and the witness of a slow record. Pure. */
#include "common/attempts.h"

void attempts_begin(struct attempts *attempts, size_t total)
{
    *attempts = (struct attempts){.total = total};
}

static size_t range_end(const struct attempts *attempts)
{
    return attempts->depth ? attempts->ends[attempts->depth - 1] : attempts->total;
}

void attempts_extend(struct attempts *attempts, size_t total)
{
    if (attempts->slow && !attempts->depth) /* what is being tried alone stays alone */
        attempts->ends[attempts->depth++] = attempts->total;
    attempts->total = total;
}

struct attempt attempts_next(const struct attempts *attempts)
{
    size_t first = attempts->done;
    if (first >= attempts->total)
        return (struct attempt){.kind = ATTEMPT_FINISHED, .first = first};
    if (attempts->bury)
        return (struct attempt){.kind = ATTEMPT_BURY, .first = first, .count = 1};
    if (attempts->witness)
        return (struct attempt){.kind = ATTEMPT_RUN, .first = first + 1, .count = 1};
    return (struct attempt){.kind = ATTEMPT_RUN, .first = first, .count = range_end(attempts) - first};
}

static void advance(struct attempts *attempts, size_t done)
{
    attempts->done = done;
    while (attempts->depth && range_end(attempts) <= done)
        attempts->depth--;
    attempts->slow = 0;
    attempts->bury = attempts->witness_passed = false;
}

void attempts_succeeded(struct attempts *attempts)
{
    attempts->again = attempts->waits = 0;
    if (attempts->witness) { /* the database is well: the record before it is the culprit */
        attempts->witness = false;
        attempts->witness_passed = attempts->bury = true;
    } else if (attempts->bury)
        advance(attempts, attempts->done + 1 + attempts->witness_passed);
    else
        advance(attempts, range_end(attempts));
}

static int64_t wait_longer(struct attempts *attempts)
{
    int64_t delay_ms = ATTEMPTS_WAIT_FIRST_MS;
    for (unsigned i = 0; i < attempts->waits && delay_ms < ATTEMPTS_WAIT_LAST_MS; i++)
        delay_ms *= 2;
    attempts->waits++;
    return delay_ms < ATTEMPTS_WAIT_LAST_MS ? delay_ms : ATTEMPTS_WAIT_LAST_MS;
}

static void halve(struct attempts *attempts)
{
    size_t count = range_end(attempts) - attempts->done;
    attempts->ends[attempts->depth++] = attempts->done + count / 2;
}

static int64_t slow_alone(struct attempts *attempts)
{
    if (++attempts->slow < ATTEMPTS_SLOW_MAX)
        return 0;
    attempts->witness = attempts->done + 1 < attempts->total;
    return attempts->witness ? 0 : wait_longer(attempts);
}

/* The witness did not pass: if it was refused at once, the database is well all the same; else nothing is well. */
static int64_t witness_failed(struct attempts *attempts, enum stage_outcome outcome)
{
    if (outcome == STAGE_AGAIN && ++attempts->again < ATTEMPTS_AGAIN_MAX)
        return 0;
    attempts->witness = false;
    attempts->bury = outcome == STAGE_BISECT;
    if (attempts->bury)
        return 0;
    attempts->slow = 0;
    return wait_longer(attempts);
}

int64_t attempts_failed(struct attempts *attempts, enum stage_outcome outcome)
{
    struct attempt attempt = attempts_next(attempts);
    if (attempt.kind != ATTEMPT_RUN)
        return wait_longer(attempts);
    if (attempts->witness)
        return witness_failed(attempts, outcome);
    if (outcome == STAGE_AGAIN && ++attempts->again < ATTEMPTS_AGAIN_MAX)
        return 0;
    if (outcome == STAGE_BISECT && attempt.count == 1) {
        attempts->bury = true;
        return 0;
    }
    if (outcome == STAGE_SLOW && attempt.count == 1)
        return slow_alone(attempts);
    if (outcome != STAGE_BISECT && outcome != STAGE_SLOW)
        return wait_longer(attempts);
    halve(attempts);
    return 0;
}

bool attempts_want_more(const struct attempts *attempts)
{
    return attempts->slow >= ATTEMPTS_SLOW_MAX && !attempts->witness && !attempts->bury &&
           attempts->done + 1 == attempts->total;
}
