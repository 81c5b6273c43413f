/* session.c: reads every record of the batch, sets aside those that no later try can read, and has the rest stored.
 *
 * A batch is one transaction, unless an operator has moved or erased a call: the records before and behind a call_assigned
 * or call_forgotten are transactions of their own, so that each sees the owner of its time. All are idempotent: whatever fails, the whole batch
 * comes again.
 */
#include "session/session.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/metrics.h"
#include "session/call_assign.h"
#include "session/call_forget.h"
#include "session/call_store.h"

struct session_metrics {
    struct metric *fresh, *duplicate, *forgotten, *ignored, *inserted, *updated, *overridden, *repaired, *absurd;
};

static struct session_metrics *metrics_new(void)
{
    static const char EVENTS[] = "hookline_session_events_total";
    static const char EVENTS_HELP[] =
        "Events by what became of them; forgotten: about a call that was erased, and not stored.";
    static const char CALLS[] = "hookline_session_calls_total";
    static const char CALLS_HELP[] = "Rows of calls written.";
    static const char ODD[] = "hookline_session_odd_values_total";
    static const char ODD_HELP[] =
        "Values of bodies that were repaired (bytes that are no UTF-8) or dropped (absurd times, amounts, JSON).";
    struct session_metrics *metrics = memory_new(1, sizeof *metrics);
    metrics->fresh = metrics_counter(EVENTS, "outcome=\"fresh\"", EVENTS_HELP);
    metrics->duplicate = metrics_counter(EVENTS, "outcome=\"duplicate\"", EVENTS_HELP);
    metrics->forgotten = metrics_counter(EVENTS, "outcome=\"forgotten\"", EVENTS_HELP);
    metrics->ignored = metrics_counter(EVENTS, "outcome=\"ignored\"", EVENTS_HELP);
    metrics->inserted = metrics_counter(CALLS, "change=\"inserted\"", CALLS_HELP);
    metrics->updated = metrics_counter(CALLS, "change=\"updated\"", CALLS_HELP);
    metrics->overridden = metrics_counter("hookline_session_owner_overrides_total", "",
                                          "Events that named another company than the owner of their call.");
    metrics->repaired = metrics_counter(ODD, "what=\"repaired\"", ODD_HELP);
    metrics->absurd = metrics_counter(ODD, "what=\"dropped\"", ODD_HELP);
    return metrics;
}

const char *session_open(struct stage_run *run, void *context)
{
    struct session *session = context;
    session->database = database_open(settings_text(stage_settings(run), "DATABASE_URL"), "hookline-session");
    session->metrics = metrics_new();
    return NULL;
}

void session_close(void *context)
{
    struct session *session = context;
    database_close(session->database);
    free(session->metrics);
}

/* What is read of the records so far. */
struct turn {
    struct session *session;
    struct batch *batch;
    struct call_entry *entries;
    size_t first, count; /* those not stored yet, and all */
    const char *topic;
    struct call_store_counts stored;
    struct call_read_counts odd;
};

static enum stage_outcome store_entries(struct turn *turn)
{
    struct call_batch calls = {
        .arena = batch_arena(turn->batch),
        .entries = turn->entries + turn->first,
        .entry_count = turn->count - turn->first,
    };
    turn->first = turn->count;
    if (calls.entry_count == 0)
        return STAGE_DONE;
    return call_store(turn->session->database, turn->batch, &calls, turn->topic, &turn->stored);
}

/* What an operator did to a call: first whatever came before it. */
static enum stage_outcome store_alone(struct turn *turn)
{
    struct call_entry *entry = &turn->entries[turn->count - 1];
    turn->count--;
    enum stage_outcome outcome = store_entries(turn);
    if (outcome != STAGE_DONE)
        return outcome;
    turn->first = ++turn->count;
    return entry->facts.kind == CALL_EVENT_FORGOTTEN
               ? call_forget(turn->session->database, turn->batch, entry)
               : call_assign(turn->session->database, turn->batch, entry, turn->topic);
}

/* False: the record is a dead letter. */
static bool read_record(struct turn *turn, struct batch_record *record)
{
    struct call_entry *entry = &turn->entries[turn->count];
    *entry = (struct call_entry){
        .event = &record->event,
        .partition = record->partition,
        .offset = record->offset,
        .bound = record->event.source_company != 0,
        .company_id = record->event.source_company ? record->event.source_company : record->event.company_id,
    };
    enum call_problem problem = call_read(batch_arena(turn->batch), &record->event, &entry->facts, &turn->odd);
    if (problem == CALL_PROBLEM_NONE) {
        turn->count++;
        return true;
    }
    batch_dead_letter(turn->batch, record, DEAD_SENDERS, call_problem_code(problem), call_problem_sentence(problem));
    return false;
}

static void count_turn(const struct turn *turn)
{
    const struct session_metrics *metrics = turn->session->metrics;
    metric_add(metrics->fresh, (int64_t)turn->stored.fresh);
    metric_add(metrics->duplicate, (int64_t)turn->stored.duplicate);
    metric_add(metrics->forgotten, (int64_t)turn->stored.forgotten);
    metric_add(metrics->ignored, (int64_t)turn->stored.ignored);
    metric_add(metrics->inserted, (int64_t)turn->stored.inserted);
    metric_add(metrics->updated, (int64_t)turn->stored.updated);
    metric_add(metrics->overridden, (int64_t)turn->stored.overridden);
    metric_add(metrics->repaired, (int64_t)turn->odd.repaired);
    metric_add(metrics->absurd, (int64_t)turn->odd.absurd);
    if (turn->stored.overridden)
        log_event(LOG_WARN, "owner_overrides", LOG_INT("events", turn->stored.overridden));
}

enum stage_outcome session_batch(struct batch *batch, void *context)
{
    size_t count;
    struct batch_record *records = batch_records(batch, &count);
    struct turn turn = {
        .session = context,
        .batch = batch,
        .entries = arena_zeroed(batch_arena(batch), count, sizeof(struct call_entry)),
    };
    for (size_t i = 0; i < count; i++) {
        turn.topic = records[i].topic;
        if (records[i].dead || !read_record(&turn, &records[i]))
            continue;
        enum call_event_kind kind = turn.entries[turn.count - 1].facts.kind;
        if (kind != CALL_EVENT_ASSIGNED && kind != CALL_EVENT_FORGOTTEN)
            continue;
        enum stage_outcome outcome = store_alone(&turn);
        if (outcome != STAGE_DONE)
            return outcome;
    }
    enum stage_outcome outcome = store_entries(&turn);
    if (outcome == STAGE_DONE)
        count_turn(&turn);
    return outcome;
}
