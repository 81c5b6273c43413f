/* parked_release.c: a page is claimed, placed again, sent, and marked by what became of it, in one transaction.
 *
 * What Kafka will never take (larger than its topic lets it be, no right to the topic) is set aside with the reason: tried
 * again each second it would keep all others of its page waiting, and nobody would know. An operator says when again.
 */
#include "resolver/parked_release.h"

#include "common/failpoint.h"
#include "common/log.h"
#include "resolver/parked_headers.h"

enum {
    PAGE_EVENTS = 100,
    PAGE_BYTES = 4 * 1024 * 1024, /* of payload; a larger event travels alone */
    REPORTS_POLL_MS = 50,
};

static const struct database_statement BEGIN = {"begin", "BEGIN"};
static const struct database_statement COMMIT = {"commit", "COMMIT"};

/* Who might be placed: an owner is there, or what metadata, number and agent name is one company. resolve.h decides; this
 * only has to leave no one out, and to take as few as possible who would come back. LEAST and GREATEST pass over nulls. */
static const struct database_statement CLAIM = {
    "claim",
    "WITH claimed AS ("
    "SELECT p.event_id, p.topic, p.key, p.headers, p.payload FROM parked_events p "
    "LEFT JOIN call_owners o ON o.call_id = p.call_id "
    "LEFT JOIN companies c ON c.id = p.metadata_company_id "
    "LEFT JOIN branches b ON b.id = p.metadata_branch_id AND p.metadata_company_id IS NULL "
    "LEFT JOIN phone_numbers n ON n.number = p.number "
    "LEFT JOIN agents a ON a.agent_id = p.agent_id "
    "WHERE p.released_at IS NULL AND p.refused_at IS NULL AND p.reason <> 'not_a_call' AND p.event_id > $1 "
    "AND (o.company_id IS NOT NULL OR LEAST(c.id, b.company_id, n.company_id, a.company_id) "
    "= GREATEST(c.id, b.company_id, n.company_id, a.company_id)) "
    "ORDER BY p.event_id LIMIT $2 FOR UPDATE OF p SKIP LOCKED) "
    "SELECT event_id, key, headers, payload FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY event_id) "
    "- octet_length(payload) AS before FROM claimed) page WHERE before < $3 ORDER BY event_id"};

static const struct database_statement RELEASED = {
    "released", "UPDATE parked_events SET released_at = now() WHERE event_id = ANY($1)"};
/* $1 event ids, $2 why. */
static const struct database_statement REFUSED = {
    "refused", "UPDATE parked_events p SET refused_at = now(), refused_because = r.problem FROM unnest($1::bytea[], "
               "$2::text[]) r(event_id, problem) WHERE p.event_id = r.event_id"};

/* A page of claimed events: what was read of them, in parallel arrays. */
struct page {
    struct arena *arena;
    PGresult *rows; /* keys, headers and payloads borrow from it */
    size_t count;
    struct event *events;
    struct placement *placements;
    struct slice last; /* event id; the next page begins after it */
};

static bool page_claim(const struct release *release, struct page *page, struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, page->arena);
    database_add_bytes(&values, page->last);
    database_add_int(&values, PAGE_EVENTS);
    database_add_int(&values, PAGE_BYTES);
    struct database_step steps[] = {{.statement = &BEGIN}, {.statement = &CLAIM, .values = &values}};
    if (!database_flight(release->database, steps, COUNT(steps), NULL, error, NULL))
        return false;
    PQclear(steps[0].rows);
    page->rows = steps[1].rows;
    return true;
}

/* Rows whose headers cannot be read any more are left where they are, with an error: somebody changed them by hand. */
static void page_read(struct page *page)
{
    size_t rows = (size_t)PQntuples(page->rows);
    page->count = 0;
    page->events = arena_zeroed(page->arena, rows, sizeof *page->events);
    page->placements = arena_zeroed(page->arena, rows, sizeof *page->placements);
    for (int row = 0; row < (int)rows; row++) {
        size_t header_count = 0;
        const struct header *headers =
            parked_headers_read(page->arena, database_text(page->rows, row, 2), &header_count);
        struct event *event = &page->events[row];
        const char *problem = event_read(event, headers, header_count, database_text(page->rows, row, 3));
        if (problem)
            log_event(LOG_ERROR, "parked_unreadable", LOG_TEXT("problem", problem));
        else
            page->placements[page->count++] = (struct placement){.event = event};
    }
}

/* What became of a page's event that was sent. */
struct fate {
    size_t *missing; /* reports of the page */
    enum delivery delivery;
    const char *problem;
    const struct placement *placement;
};

static void fate_reported(void *opaque, enum delivery delivery, const char *problem)
{
    struct fate *fate = opaque;
    fate->delivery = delivery;
    fate->problem = problem;
    --*fate->missing;
}

static void fate_send(const struct release *release, struct fate *fate, const struct record *record)
{
    const char *problem = "larger than Kafka takes";
    enum delivery delivery = DELIVERY_REFUSED;
    ++*fate->missing;
    if (record_fits(record))
        delivery = producer_send(release->producer, record, fate_reported, fate, &problem);
    if (delivery != DELIVERY_ACKED)
        fate_reported(fate, delivery, problem);
}

/* Publishes what has a company now and waits for the acks; `fates` has room for the page. Returns how many were sent. */
static size_t page_publish(const struct release *release, struct page *page, struct fate *fates)
{
    size_t count = 0;
    size_t missing = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct placement *placement = &page->placements[i];
        placement_log(placement, page->arena);
        if (placement->kind != CLUES_CALL || placement->resolution.rule == RULE_NONE)
            continue;
        struct slice key = database_text(page->rows, (int)(placement->event - page->events), 1);
        fates[count] = (struct fate){.missing = &missing, .placement = placement};
        fate_send(release, &fates[count++], placement_record(placement, key, page->arena));
    }
    while (missing > 0)
        producer_poll(release->producer, REPORTS_POLL_MS);
    return count;
}

/* False: one of them may be taken another time, so nothing is said of any: all are sent again then. */
static bool fates_final(const struct fate *fates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fates[i].delivery == DELIVERY_FAILED) {
            log_event(LOG_WARN, "release_not_acked",
                      LOG_TEXT("problem", fates[i].problem ? fates[i].problem : "no reason given"));
            return false;
        }
    return !count || !FAILPOINT("resolver.released");
}

static struct slice id_of(const struct fate *fate)
{
    return (struct slice){(const char *)fate->placement->event->id.bytes, EVENT_ID_BYTES};
}

/* Released are those that Kafka has. Those that it will never take are set aside, and keep nobody waiting. */
static bool page_commit(const struct release *release, struct page *page, const struct fate *fates, size_t count,
                        struct database_error *error)
{
    struct slice *taken = arena_zeroed(page->arena, 3 * count, sizeof *taken);
    struct slice *refused = taken + count;
    struct slice *problems = refused + count;
    size_t taken_count = 0;
    size_t refused_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (fates[i].delivery == DELIVERY_ACKED) {
            taken[taken_count++] = id_of(&fates[i]);
            continue;
        }
        refused[refused_count] = id_of(&fates[i]);
        problems[refused_count++] = slice_of(fates[i].problem ? fates[i].problem : "no reason given");
    }
    struct database_values released;
    struct database_values set_aside;
    database_values_init(&released, page->arena);
    database_add_bytes_array(&released, taken, taken_count);
    database_values_init(&set_aside, page->arena);
    database_add_bytes_array(&set_aside, refused, refused_count);
    database_add_texts(&set_aside, problems, refused_count);
    struct database_step steps[] = {
        {.statement = &RELEASED, .values = &released},
        {.statement = &REFUSED, .values = &set_aside},
        {.statement = &COMMIT},
    };
    if (!database_flight(release->database, steps, COUNT(steps), NULL, error, NULL))
        return false;
    for (size_t i = 0; i < COUNT(steps); i++)
        PQclear(steps[i].rows);
    return true;
}

static void log_refused(const struct fate *fate)
{
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(fate->placement->event->id, id);
    log_event(LOG_ERROR, "parked_event_set_aside", LOG_TEXT("event_id", id),
              LOG_SLICE("correlation_id", fate->placement->event->correlation_id),
              LOG_SLICE("call_id", fate->placement->clues.call_id_text), LOG_TEXT("problem", fate->problem),
              LOG_TEXT("remedy", "Kafka will never take it as things are; mend that, then `hookline parked release`"));
}

static struct release_counts fates_log(const struct fate *fates, size_t count)
{
    struct release_counts counts = {0};
    for (size_t i = 0; i < count; i++) {
        const struct placement *placement = fates[i].placement;
        if (fates[i].delivery != DELIVERY_ACKED) {
            counts.refused++;
            log_refused(&fates[i]);
            continue;
        }
        counts.released++;
        log_event(LOG_INFO, "released", LOG_SLICE("correlation_id", placement->event->correlation_id),
                  LOG_SLICE("call_id", placement->clues.call_id_text),
                  LOG_INT("company_id", placement->resolution.company_id),
                  LOG_TEXT("resolved_by", resolve_rule_name(placement->resolution.rule)));
    }
    return counts;
}

/* Within one transaction that the caller rolls back if it is still open. */
static enum release_outcome page_release(const struct release *release, struct page *page, int64_t now_ms,
                                         struct release_counts *counts, struct database_error *error)
{
    if (!page_claim(release, page, error))
        return RELEASE_NO_DATABASE;
    if (PQntuples(page->rows) == 0)
        return RELEASE_DONE;
    if (FAILPOINT("resolver.claimed"))
        return RELEASE_NO_KAFKA;
    page_read(page);
    if (!placements_find(&release->placer, page->arena, page->placements, page->count, now_ms, error))
        return RELEASE_NO_DATABASE;
    struct fate *fates = arena_zeroed(page->arena, page->count, sizeof *fates);
    size_t sent = page_publish(release, page, fates);
    if (!fates_final(fates, sent))
        return RELEASE_NO_KAFKA;
    if (!page_commit(release, page, fates, sent, error))
        return RELEASE_NO_DATABASE;
    *counts = fates_log(fates, sent);
    return RELEASE_MORE;
}

enum release_outcome parked_release(const struct release *release, int64_t now_ms, struct release_cursor *cursor,
                                    struct release_counts *counts, struct database_error *error)
{
    *counts = (struct release_counts){0};
    struct page page = {.arena = arena_new(), .last = {cursor->last, cursor->length}};
    enum release_outcome outcome = page_release(release, &page, now_ms, counts, error);
    if (outcome == RELEASE_MORE) {
        struct slice last = database_text(page.rows, PQntuples(page.rows) - 1, 0);
        memcpy(cursor->last, last.ptr, EVENT_ID_BYTES);
        cursor->length = EVENT_ID_BYTES;
    }
    PQclear(page.rows);
    arena_free(page.arena);
    database_rollback(release->database);
    return outcome;
}
