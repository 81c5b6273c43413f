/* spool_group.c: see spool_group.h. */
#include "ingest/spool_group.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/spool_reserve.h"

enum {
    REMOVALS_WAIT_MS = 50,
    REMOVALS_AT_ONCE = 200,
    BROKEN_MS = 1000, /* after a failure: a full disk is not asked again by every webhook */
};

static const char NOT_OPEN[] = "the spool cannot be opened";

struct pending {
    spool_group_done *done;
    void *opaque;
};

struct removal {
    int64_t sequence;
    char *problem; /* set aside for this; NULL: deleted */
};

struct spool_group {
    struct spool_slot *slot;
    struct event *turn, *later;
    struct pending *pending;
    size_t pending_count, pending_capacity;
    struct removal *removals;
    size_t removal_count, removal_capacity;
    bool failed, corrupt, full; /* the transaction that is open, before its end */
    int64_t broken_until_ms;
    bool reserved;
    struct metric *fsync_seconds;
};

static struct spool *open_spool(const struct spool_group *group)
{
    return spool_slot_spool(group->slot);
}

/* Room for one more; capacities double. */
static void *room(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity > 0 ? 2 * *capacity : 64;
    return memory_resize(array, *capacity * size);
}

static void note(struct spool_group *group, enum spool_outcome outcome)
{
    group->failed = group->failed || outcome != SPOOL_FINE;
    group->corrupt = group->corrupt || outcome == SPOOL_CORRUPT;
    group->full = group->full || outcome == SPOOL_FULL;
}

/* ---- the end of a turn ---- */

static void remove_rows(struct spool_group *group)
{
    struct spool *spool = open_spool(group);
    for (size_t i = 0; i < group->removal_count && !group->failed; i++) {
        const struct removal *removal = &group->removals[i];
        note(group, removal->problem ? spool_set_aside(spool, removal->sequence, removal->problem)
                                     : spool_delete(spool, SPOOL_WAITING, removal->sequence));
    }
}

static void removals_forget(struct spool_group *group)
{
    for (size_t i = 0; i < group->removal_count; i++)
        free(group->removals[i].problem);
    group->removal_count = 0;
}

/* NULL: all of it is on the disk. */
static const char *write_all(struct spool_group *group)
{
    struct spool *spool = open_spool(group);
    if (!spool)
        return NOT_OPEN;
    remove_rows(group);
    if (!group->failed && FAILPOINT("ingest.spooling")) {
        spool_undo(spool, "the failpoint said so");
        group->failed = true;
    }
    int64_t begun_ns = clock_ticks_ns();
    if (!group->failed)
        note(group, spool_commit(spool));
    if (group->failed)
        return spool_problem(spool);
    metric_observe(group->fsync_seconds, (double)(clock_ticks_ns() - begun_ns) / 1e9);
    removals_forget(group);
    return NULL;
}

static void fail(struct spool_group *group, const char *problem)
{
    log_event(LOG_ERROR, "spool_failed", LOG_TEXT("path", spool_slot_path(group->slot)), LOG_TEXT("problem", problem),
              LOG_INT("refused", group->pending_count));
    group->broken_until_ms = clock_ticks_ms() + BROKEN_MS;
}

/* For the deletions, which are tried again a second later. Not for records that find no room: they would fill it. */
static void make_room(struct spool_group *group)
{
    const char *path = spool_slot_path(group->slot);
    group->reserved = false;
    if (spool_reserve_give_up(path))
        log_event(
            LOG_ERROR, "spool_reserve_given_up", LOG_TEXT("path", path),
            LOG_TEXT("remedy", "the disk is full: make room; until there is, the spool is emptied and takes no more"));
}

static void answer_all(struct spool_group *group, const char *problem)
{
    struct pending *pending = group->pending;
    size_t count = group->pending_count;
    group->pending = NULL; /* an answer may bring the next request of its connection, and that one a new group */
    group->pending_count = group->pending_capacity = 0;
    for (size_t i = 0; i < count; i++)
        pending[i].done(pending[i].opaque, problem);
    free(pending);
}

void spool_group_commit(struct spool_group *group)
{
    if (group->pending_count == 0 && group->removal_count == 0 && !group->corrupt)
        return;
    event_del(group->turn);
    event_del(group->later);
    char problem[256];
    const char *why = write_all(group);
    bool corrupt = group->corrupt;
    bool full = group->full;
    group->failed = group->corrupt = group->full = false;
    if (why) {
        snprintf(problem, sizeof problem, "%s", why);
        fail(group, problem);
        if (full && group->removal_count > 0)
            make_room(group);
    } else if (FAILPOINT("ingest.spooled")) {
        why = "the failpoint said so";
        snprintf(problem, sizeof problem, "%s", why);
    }
    if (corrupt) {
        spool_slot_reopen(group->slot, true);
        removals_forget(group);
    }
    answer_all(group, why ? problem : NULL);
}

void spool_group_corrupt(struct spool_group *group)
{
    note(group, SPOOL_CORRUPT);
    spool_group_commit(group);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct spool_group *group = context;
    spool_group_commit(group);
}

/* ---- what a turn wants ---- */

void spool_group_append(struct spool_group *group, const struct spool_row *row, spool_group_done *done, void *opaque)
{
    struct spool *spool = open_spool(group);
    if (!group->failed)
        note(group, spool ? spool_append(spool, row) : SPOOL_FAILED);
    group->pending = room(group->pending, group->pending_count, &group->pending_capacity, sizeof *group->pending);
    group->pending[group->pending_count++] = (struct pending){done, opaque};
    event_active(group->turn, EV_TIMEOUT, 0);
}

static void add_removal(struct spool_group *group, int64_t sequence, const char *problem)
{
    group->removals = room(group->removals, group->removal_count, &group->removal_capacity, sizeof *group->removals);
    group->removals[group->removal_count++] = (struct removal){sequence, problem ? memory_copy_string(problem) : NULL};
    if (spool_group_broken(group))
        return; /* spool_group_tick tries again */
    if (group->removal_count >= REMOVALS_AT_ONCE)
        event_active(group->turn, EV_TIMEOUT, 0);
    else if (!event_pending(group->later, EV_TIMEOUT, NULL))
        event_add(group->later, &(struct timeval){.tv_usec = REMOVALS_WAIT_MS * 1000L});
}

void spool_group_delete(struct spool_group *group, int64_t sequence)
{
    add_removal(group, sequence, NULL);
}

void spool_group_set_aside(struct spool_group *group, int64_t sequence, const char *problem)
{
    log_event(LOG_ERROR, "record_set_aside", LOG_TEXT("path", spool_slot_path(group->slot)),
              LOG_INT("sequence", sequence), LOG_TEXT("problem", problem),
              LOG_TEXT("remedy", "mend what Kafka says (a right, a topic, a size), then hookline spool retry; hookline "
                                 "spool set-aside shows all of them"));
    add_removal(group, sequence, problem);
}

size_t spool_group_removals(const struct spool_group *group)
{
    return group->removal_count;
}

bool spool_group_broken(const struct spool_group *group)
{
    return !open_spool(group) || clock_ticks_ms() < group->broken_until_ms;
}

bool spool_group_reserved(const struct spool_group *group)
{
    return group->reserved;
}

void spool_group_set_reserved(struct spool_group *group, bool reserved)
{
    group->reserved = reserved;
}

void spool_group_tick(struct spool_group *group)
{
    if (clock_ticks_ms() < group->broken_until_ms)
        return;
    if (!open_spool(group)) {
        spool_slot_reopen(group->slot, false);
        if (!open_spool(group))
            group->broken_until_ms = clock_ticks_ms() + BROKEN_MS;
    } else if (group->removal_count > 0 && !event_pending(group->later, EV_TIMEOUT, NULL)) {
        event_active(group->turn, EV_TIMEOUT, 0);
    }
}

struct spool_group *spool_group_new(struct event_base *base, struct spool_slot *slot)
{
    struct spool_group *group = memory_new(1, sizeof *group);
    *group = (struct spool_group){.slot = slot, .reserved = true};
    group->turn = event_new(base, -1, 0, on_turn, group);
    group->later = event_new(base, -1, 0, on_turn, group);
    if (!group->turn || !group->later)
        abort(); /* without memory there is nothing to be done */
    group->fsync_seconds = metrics_histogram("hookline_ingest_spool_fsync_seconds", "",
                                             "A commit to the spool: what the senders in it waited for the disk.");
    return group;
}

void spool_group_free(struct spool_group *group)
{
    if (!group)
        return;
    spool_group_commit(group);
    removals_forget(group);
    event_free(group->turn);
    event_free(group->later);
    free(group->removals);
    free(group->pending);
    free(group);
}
