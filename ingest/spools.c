/* spools.c: see spools.h. */
#include "ingest/spools.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/sentence.h"
#include "ingest/spool_drain.h"
#include "ingest/spool_orphans.h"
#include "ingest/spool_reserve.h"

enum {
    ADOPT_EVERY_MS = 60000,
    RESERVE_EVERY_MS = 1000,
    RECORD_OVERHEAD_BYTES = 1024 /* headers and the row's own fields, at the most */
};

/* A spool with what works on it. */
struct party {
    struct spool_slot *slot; /* NULL: no such party */
    struct spool_group *group;
    struct spool_drain *drain;
};

struct spools {
    struct event_base *base;
    struct spools_options options;
    struct party own, orphan;
    struct spool_orphans *unheld; /* those that nobody holds */
    struct spool_stat stat;       /* of the own spool */
    int64_t age_ms;               /* of the oldest in it */
    int64_t adopt_at_ms;
    int64_t left_set_aside; /* in spools that nobody holds, at the last look */
    int64_t reserve_at_ms;  /* when to look again whether the disk has room for the reserve */
    bool reserved_said;     /* in the log */
    bool waits;             /* something did at the last look */
    bool untidy;            /* something was in the own spool since it was last made small */
    struct metric *records, *bytes, *oldest, *set_aside, *takes, *spooled, *drained, *refused, *orphans,
        *orphan_set_aside;
};

static enum lane_state on_lane_state(void *context, unsigned lane)
{
    const struct spools *spools = context;
    return spools->options.lane_state(spools->options.context, lane);
}

static void on_acked(void *context, unsigned lane)
{
    struct spools *spools = context;
    metric_add(spools->drained, 1);
    spools->options.acked(spools->options.context, lane);
}

static void on_timed_out(void *context, unsigned lane, int64_t sent_ns)
{
    const struct spools *spools = context;
    spools->options.timed_out(spools->options.context, lane, sent_ns);
}

static void on_refused(void *context)
{
    const struct spools *spools = context;
    metric_add(spools->refused, 1);
}

static void on_again(void *context, int64_t rest_ns)
{
    const struct spools *spools = context;
    spools->options.again(spools->options.context, rest_ns);
}

static const struct spool_drain_events EVENTS = {on_lane_state, on_acked, on_timed_out, on_refused, on_again};

static void party_join(struct spools *spools, struct party *party, struct spool_slot *slot)
{
    party->slot = slot;
    party->group = spool_group_new(spools->base, slot);
    party->drain = spool_drain_new(slot, party->group, &EVENTS, spools);
}

static void party_leave(struct party *party)
{
    spool_drain_free(party->drain);
    spool_group_free(party->group);
    spool_slot_release(party->slot);
    *party = (struct party){0};
}

static struct spool_stat party_stat(const struct party *party)
{
    struct spool *spool = party->slot ? spool_slot_spool(party->slot) : NULL;
    return spool ? spool_stat(spool) : (struct spool_stat){0};
}

/* ---- opening ---- */

static void make_metrics(struct spools *spools)
{
    spools->records = metrics_gauge("hookline_ingest_spool_records", "", "Records that wait in this process's spool.");
    spools->bytes = metrics_gauge("hookline_ingest_spool_bytes", "", "Their bytes, and those of what is set aside.");
    spools->oldest =
        metrics_gauge("hookline_ingest_spool_oldest_age_seconds", "", "Age of the oldest record that waits; 0: none.");
    spools->set_aside = metrics_gauge("hookline_ingest_spool_set_aside", "",
                                      "Records that Kafka refused and that an operator must look at.");
    spools->orphans = metrics_gauge("hookline_ingest_spool_orphan_records", "",
                                    "Records in the spool of a process that is no more, being drained.");
    spools->orphan_set_aside =
        metrics_gauge("hookline_ingest_spool_orphan_set_aside", "",
                      "Records that Kafka refused in spools that no process has for its own, at the last look.");
    spools->takes =
        metrics_gauge("hookline_ingest_spool_takes", "",
                      "1 while the spool would take a webhook; 0: its disk is full or at fault, or it is full.");
    spools->spooled = metrics_counter("hookline_ingest_spooled_total", "", "Records written to the spool.");
    spools->drained =
        metrics_counter("hookline_ingest_drained_total", "", "Records of a spool that the brokers have acknowledged.");
    spools->refused = metrics_counter("hookline_ingest_set_aside_total", "", "Records that Kafka refused for good.");
}

const char *spools_open(struct spools **result, struct event_base *base, const struct spools_options *options)
{
    struct spool_slot *slot = NULL;
    *result = NULL;
    if (!options->directory || *options->directory == '\0')
        return NULL;
    const char *problem = spool_slot_take(&slot, options->directory);
    if (problem)
        return problem;
    struct spools *spools = memory_new(1, sizeof *spools);
    *spools = (struct spools){.base = base, .options = *options, .reserved_said = true, .untidy = true};
    make_metrics(spools);
    spools->unheld = spool_orphans_new(options->directory);
    party_join(spools, &spools->own, slot);
    struct spool_stat stat = party_stat(&spools->own);
    log_event(LOG_INFO, "spool_opened", LOG_TEXT("path", spool_slot_path(slot)), LOG_INT("records", stat.records),
              LOG_INT("bytes", stat.bytes), LOG_INT("set_aside", stat.set_aside));
    spools_tick(spools);
    *result = spools;
    return NULL;
}

void spools_close(struct spools *spools)
{
    if (!spools)
        return;
    party_leave(&spools->own);
    party_leave(&spools->orphan);
    spool_orphans_free(spools->unheld);
    free(spools);
}

/* ---- the own spool ---- */

const char *spools_problem(const struct spools *spools, size_t bytes)
{
    if (!spools)
        return "is not there: SPOOL_DIR is not set";
    if (!spool_group_reserved(spools->own.group))
        return "takes nothing: its reserve cannot be made; make room on its disk (spool_without_reserve in the log "
               "says "
               "how much)";
    if (spool_group_broken(spools->own.group))
        return "takes nothing: it could not be written; spool_failed or spool_not_opened in the log says why";
    int64_t used = spools->stat.bytes + spools->stat.set_aside_bytes;
    if (used + (int64_t)bytes + RECORD_OVERHEAD_BYTES > spools->options.bytes_max)
        return "takes nothing: it is full; raise SPOOL_MAX_BYTES if its disk has more";
    if (spools->age_ms > spools->options.age_max_ms)
        return "takes nothing: what it holds waits longer than SPOOL_MAX_AGE_MS";
    return NULL;
}

bool spools_take(const struct spools *spools, size_t bytes)
{
    return !spools_problem(spools, bytes);
}

bool spools_key_waits(const struct spools *spools, struct slice key)
{
    struct spool *spool = spools ? spool_slot_spool(spools->own.slot) : NULL;
    return spool && spool_key_waits(spool, key);
}

int64_t spools_last_sequence(const struct spools *spools)
{
    return spools ? spools->stat.last_sequence : 0;
}

static void show_size(struct spools *spools)
{
    struct spool_stat *stat = &spools->stat;
    *stat = party_stat(&spools->own);
    metric_set(spools->records, (double)stat->records);
    metric_set(spools->bytes, (double)(stat->bytes + stat->set_aside_bytes));
    metric_set(spools->set_aside, (double)stat->set_aside);
    spools->age_ms = stat->oldest_ms > 0 ? clock_now_ms() - stat->oldest_ms : 0;
    metric_set(spools->oldest, (double)spools->age_ms / 1000);
}

void spools_append(struct spools *spools, const struct spool_row *row, spool_group_done *done, void *opaque)
{
    spools->untidy = true;
    metric_add(spools->spooled, 1);
    spool_group_append(spools->own.group, row, done, opaque);
    show_size(spools);
}

void spools_delete(struct spools *spools, int64_t sequence)
{
    metric_add(spools->drained, 1);
    spool_group_delete(spools->own.group, sequence);
}

void spools_set_aside(struct spools *spools, int64_t sequence, const char *problem)
{
    metric_add(spools->refused, 1);
    spool_group_set_aside(spools->own.group, sequence, problem);
}

void spools_commit(struct spools *spools)
{
    if (spools)
        spool_group_commit(spools->own.group);
}

/* ---- draining ---- */

void spools_drain(struct spools *spools, struct producer *producer, const int64_t below[LANES + 1], bool silent)
{
    if (!spools)
        return;
    size_t rows_max = silent ? 1 : SIZE_MAX;
    spool_drain_step(spools->own.drain, producer, below, rows_max);
    if (spools->orphan.slot)
        spool_drain_step(spools->orphan.drain, producer, NULL, rows_max);
}

/* ---- now and then ---- */

/* The reserve may have been given up for deletions, by us or by an operator's command. */
static void look_after_reserve(struct spools *spools)
{
    const char *problem = NULL;
    const char *path = spool_slot_path(spools->own.slot);
    if (clock_ticks_ms() < spools->reserve_at_ms)
        return;
    spools->reserve_at_ms = clock_ticks_ms() + RESERVE_EVERY_MS;
    bool reserved = spool_reserve_make(path, spools->options.bytes_max, &problem);
    spool_group_set_reserved(spools->own.group, reserved);
    if (reserved && !spools->reserved_said)
        log_event(LOG_INFO, "spool_reserve_made", LOG_TEXT("path", path));
    else if (!reserved && spools->reserved_said)
        log_event(LOG_ERROR, "spool_without_reserve", LOG_TEXT("path", path), LOG_TEXT("problem", problem),
                  LOG_TEXT("remedy", "make room on the disk of SPOOL_DIR, or take a larger one; until then the spool "
                                     "takes nothing, and webhooks get 503 while Kafka is away"));
    spools->reserved_said = reserved;
}

/* Nothing of it waits any more, or it cannot be read. */
static void leave_orphan(struct spools *spools, const struct spool_stat *stat)
{
    const struct spool_slot *slot = spools->orphan.slot;
    const char *path = spool_slot_path(slot);
    bool readable = spool_slot_spool(slot) && !spool_slot_was_corrupt(slot);
    if (readable)
        log_event(LOG_INFO, "orphan_drained", LOG_TEXT("path", path), LOG_INT("set_aside", stat->set_aside));
    else
        log_event(LOG_ERROR, "orphan_left", LOG_TEXT("path", path),
                  LOG_TEXT("problem", "what it held could not all be read; see the lines about it before this one"));
    spool_reserve_give_up(path);
    spools->left_set_aside += stat->set_aside;
    party_leave(&spools->orphan);
    if (readable)
        spools->adopt_at_ms = 0; /* there may be more */
}

/* True: there is one, and work with it. */
static bool orphan_busy(struct spools *spools, const struct spool_stat *stat)
{
    const struct party *orphan = &spools->orphan;
    struct spool *spool = spool_slot_spool(orphan->slot);
    return stat->records > 0 || spool_drain_busy(orphan->drain) || (spool && spool_group_removals(orphan->group) > 0) ||
           (spool && spool_tidy(spool)); /* one small step a tick */
}

static void look_after_orphan(struct spools *spools)
{
    struct spool_stat stat = {0};
    if (spools->orphan.slot) {
        spool_group_tick(spools->orphan.group);
        stat = party_stat(&spools->orphan);
        if (!orphan_busy(spools, &stat))
            leave_orphan(spools, &stat);
    }
    if (!spools->orphan.slot && clock_ticks_ms() >= spools->adopt_at_ms) {
        spools->adopt_at_ms = clock_ticks_ms() + ADOPT_EVERY_MS;
        struct spool_slot *slot = spool_orphans_adopt(spools->unheld, &spools->left_set_aside);
        if (slot) {
            party_join(spools, &spools->orphan, slot);
            stat = party_stat(&spools->orphan);
            log_event(LOG_WARN, "orphan_adopted", LOG_TEXT("path", spool_slot_path(slot)),
                      LOG_INT("records", stat.records), LOG_INT("set_aside", stat.set_aside));
        }
    }
    stat = party_stat(&spools->orphan);
    metric_set(spools->orphans, (double)stat.records);
    metric_set(spools->orphan_set_aside, (double)(spools->left_set_aside + stat.set_aside));
}

static void say_emptied(struct spools *spools)
{
    bool waits = spools->stat.records > 0;
    if (spools->waits && !waits)
        log_event(LOG_INFO, "spool_emptied", LOG_TEXT("path", spool_slot_path(spools->own.slot)),
                  LOG_INT("set_aside", spools->stat.set_aside));
    spools->waits = waits;
}

void spools_tick(struct spools *spools)
{
    if (!spools)
        return;
    spool_group_tick(spools->own.group);
    look_after_reserve(spools);
    struct spool *spool = spool_slot_spool(spools->own.slot);
    if (spool && spools->stat.set_aside > 0)
        spool_recount_set_aside(spool);
    show_size(spools);
    say_emptied(spools);
    metric_set(spools->takes, spools_take(spools, 0));
    if (spools->untidy && spool && spools->stat.records == 0)
        spools->untidy = spool_tidy(spool);
    look_after_orphan(spools);
}
