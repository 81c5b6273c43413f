/* hookline-resolver: whose call is it?
 *
 *      webhooks.* ──> clues ──> mappings, owners ──> resolve ──┬─> calls.events, with the company
 *                                                              └─> parked_events, until a mapping appears
 *
 * Guarantees: nothing read is dropped; a call's records keep their order; the same webhook resolved twice gives the same
 * record unless a mapping changed. Dead letters are only bodies that are no JSON object (`not_json`), call ids over 128
 * bytes (`call_id_too_long`) and records that with the company's headers are more than Kafka takes (`too_large`): none can ever
 * become a call, and ingest lets only the second through.
 *
 * Stops: exit 70 when the schema does not fit, 75 when Kafka gave it up, 78 when a setting, role or password is wrong. While
 * PostgreSQL is away nothing is resolved, not even from the cache: what changed meanwhile could not be heard.
 *
 * Security: reads the mappings of all companies and changes none; writes parked_events only. Numbers are masked in the log.
 */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/management.h"
#include "common/metrics.h"
#include "common/phone.h"
#include "common/random.h"
#include "common/stage.h"
#include "resolver/parked_release.h"

static const struct setting SETTINGS[] = {
    {.name = "DEFAULT_REGION",
     .type = SETTING_TEXT,
     .text = "DE",
     .help = "Region of numbers without a country code (ISO 3166, two letters), until the company is known."},
    {.name = "CACHE_ENTRIES",
     .type = SETTING_COUNT,
     .count = 65536,
     .min = 16,
     .max = 16777216,
     .help = "Mappings kept in memory, about 150 bytes each."},
    SETTINGS_OF_DATABASE,
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_EVERY_STAGE,
    SETTINGS_OF_MANAGEMENT("127.0.0.1:9102"),
    SETTINGS_OF_EVERY_PROGRAM,
};

static const char *const READS[] = {TOPIC_WEBHOOKS_RETELL, TOPIC_WEBHOOKS_CALCOM, TOPIC_WEBHOOKS_STRIPE, NULL};
static const char *const WRITES[] = {TOPIC_CALLS_EVENTS, NULL};

enum {
    RETRY_AFTER_MS = 1000, /* after PostgreSQL or Kafka was away */
    /* A look rests nine times as long as it took: 100,000 parked events take half a second, and numbers may be added one by
     * one by the thousand. */
    REST_FACTOR = 9,
    RULES = RULE_OWNER + 1,
};

struct resolver {
    struct stage_run *run;
    struct database *database;
    struct mappings *mappings;
    struct number_memo *numbers;
    struct release release;
    struct readiness *readiness;
    bool look_wanted, looking; /* looking: some of the look's pages may be left */
    struct release_cursor cursor;
    int64_t look_took_ms;              /* its pages, without what the harness did between them */
    int64_t look_at_ms, rest_until_ms; /* clock_ticks_ms */
    struct metric *resolved[RULES], *parked[DOUBT_COMPANY_CONFLICT + 1], *released, *refused;
};

static void make_metrics(struct resolver *self)
{
    static const char *const REASONS[] = {"reason=\"not_a_call\"", "reason=\"unresolved\"",
                                          "reason=\"company_conflict\""};
    for (size_t rule = RULE_SOURCE; rule < RULES; rule++) {
        char labels[64];
        snprintf(labels, sizeof labels, "rule=\"%s\"", resolve_rule_name((enum resolve_rule)rule));
        self->resolved[rule] =
            metrics_counter("hookline_resolver_resolved_total", labels, "Events that a rule gave a company.");
    }
    for (size_t i = 0; i < COUNT(REASONS); i++)
        self->parked[i] = metrics_counter("hookline_resolver_parked_total", REASONS[i], "Events that had to wait.");
    self->released =
        metrics_counter("hookline_resolver_released_total", "", "Events that waited and then got a company.");
    self->refused = metrics_counter("hookline_resolver_release_refused_total", "",
                                    "Parked events set aside: Kafka will never take them as things are.");
}

static const char *resolver_open(struct stage_run *run, void *context)
{
    struct resolver *self = context;
    const struct settings *settings = stage_settings(run);
    const char *region = settings_text(settings, "DEFAULT_REGION");
    if (!phone_region_known(region))
        return "DEFAULT_REGION is no region that has telephone numbers; two capital letters such as DE are right";

    uint64_t seed = 0;
    random_take(&seed, sizeof seed);
    self->run = run;
    self->database = database_open(settings_text(settings, "DATABASE_URL"), "hookline-resolver");
    self->mappings =
        mappings_new(self->database, stage_loop(run), (size_t)settings_count(settings, "CACHE_ENTRIES"), seed);
    self->numbers = number_memo_new();
    self->release = (struct release){
        .database = self->database,
        .producer = stage_producer(run),
        .placer = {self->mappings, self->numbers, region},
    };
    self->readiness = readiness_new("mappings");
    make_metrics(self);
    return NULL;
}

static bool has_company(const struct placement *placement)
{
    return placement->kind == CLUES_CALL && placement->resolution.rule != RULE_NONE;
}

static bool has_to_wait(const struct placement *placement)
{
    return placement->kind == CLUES_NOT_A_CALL || (placement->kind == CLUES_CALL && !has_company(placement));
}

/* In PostgreSQL before any offset moves, and before anything is published: a batch that must be repeated has sent nothing. */
static enum stage_outcome park(struct resolver *self, struct batch *batch, const struct batch_record *records,
                               const struct placement *placements, size_t count)
{
    struct arena *arena = batch_arena(batch);
    const struct batch_record **waiting = arena_zeroed(arena, count, sizeof(struct batch_record *));
    struct placement *nobodys = arena_zeroed(arena, count, sizeof *nobodys);
    size_t parked = 0;
    for (size_t i = 0; i < count; i++)
        if (has_to_wait(&placements[i])) {
            waiting[parked] = &records[i];
            nobodys[parked++] = placements[i];
        }
    struct database_error error;
    if (!parked_store(self->database, arena, waiting, nobodys, parked, &error))
        return batch_database_problem(batch, &error);
    for (size_t i = 0; i < parked; i++)
        metric_add(self->parked[nobodys[i].resolution.doubt], 1); /* DOUBT_NONE: no call */
    return STAGE_DONE;
}

static void pass_on_call(struct resolver *self, struct batch *batch, struct batch_record *record,
                         const struct placement *placement)
{
    const struct record *resolved = placement_record(placement, record->key, batch_arena(batch));
    if (!record_fits(resolved)) {
        batch_dead_letter(batch, record, DEAD_SENDERS, "too_large",
                          "with the company's headers Kafka does not take it");
        return;
    }
    batch_publish(batch, resolved);
    metric_add(self->resolved[placement->resolution.rule], 1);
}

static void pass_on(struct resolver *self, struct batch *batch, struct batch_record *record,
                    const struct placement *placement)
{
    switch (placement->kind) {
    case CLUES_NOT_JSON:
        batch_dead_letter(batch, record, DEAD_SENDERS, "not_json", "the body is no JSON object");
        break;
    case CLUES_CALL_ID_TOO_LONG:
        batch_dead_letter(batch, record, DEAD_SENDERS, "call_id_too_long", "call.call_id has more than 128 bytes");
        break;
    case CLUES_NOT_A_CALL:
        break;
    case CLUES_CALL:
        if (has_company(placement))
            pass_on_call(self, batch, record, placement);
        break;
    }
}

static enum stage_outcome resolve_batch(struct batch *batch, void *context)
{
    struct resolver *self = context;
    struct arena *arena = batch_arena(batch);
    size_t count = 0;
    struct batch_record *records = batch_records(batch, &count);
    struct placement *placements = arena_zeroed(arena, count, sizeof *placements);
    for (size_t i = 0; i < count; i++)
        placements[i].event = &records[i].event;
    struct database_error error;
    if (!placements_find(&self->release.placer, arena, placements, count, batch_now_ms(batch), &error))
        return batch_database_problem(batch, &error);
    for (size_t i = 0; i < count; i++)
        placement_log(&placements[i], arena);

    enum stage_outcome outcome = park(self, batch, records, placements, count);
    if (outcome != STAGE_DONE)
        return outcome;
    if (FAILPOINT("resolver.parked"))
        return batch_problem(batch, STAGE_WAIT, "failpoint", "parked");
    for (size_t i = 0; i < count; i++)
        pass_on(self, batch, &records[i], &placements[i]);
    return STAGE_DONE;
}

/* PostgreSQL said no outside of a batch: the same classes, the same ends. */
static void database_failed(struct resolver *self, const struct database_error *error)
{
    readiness_set(self->readiness, false, "the mappings cannot be read");
    stage_database_seen(self->run, error);
    log_event(LOG_WARN, "database_problem", LOG_TEXT("sqlstate", error->sqlstate), LOG_TEXT("problem", error->message));
    if (error->fault == DATABASE_OURS || error->fault == DATABASE_DATA)
        stage_stop(self->run, 70, error->message);
    if (error->fault == DATABASE_REFUSED)
        stage_stop(self->run, 78, error->message);
}

static enum release_outcome release_page(struct resolver *self)
{
    if (!producer_ready(stage_producer(self->run)))
        return RELEASE_NO_KAFKA;
    struct release_counts counts;
    struct database_error error;
    enum release_outcome outcome = parked_release(&self->release, clock_now_ms(), &self->cursor, &counts, &error);
    metric_add(self->released, (int64_t)counts.released);
    metric_add(self->refused, (int64_t)counts.refused);
    if (outcome == RELEASE_NO_DATABASE)
        database_failed(self, &error);
    else if (outcome != RELEASE_NO_KAFKA)
        stage_database_seen(self->run, NULL);
    return outcome;
}

static void look_begin(struct resolver *self)
{
    self->looking = true;
    self->look_wanted = false;
    self->look_took_ms = 0;
    self->cursor = (struct release_cursor){0};
}

/* One page a turn: between two of them the harness takes live calls, and sees rebalances. */
static void look_go_on(struct resolver *self)
{
    int64_t began = clock_ticks_ms();
    enum release_outcome outcome = release_page(self);
    int64_t ended = clock_ticks_ms();
    self->look_took_ms += ended - began;
    switch (outcome) {
    case RELEASE_MORE:
        stage_turn_again(self->run);
        break;
    case RELEASE_DONE:
        self->looking = false;
        self->rest_until_ms = ended + self->look_took_ms * REST_FACTOR;
        self->look_at_ms = ended + PARKED_LOOK_EVERY_MS;
        break;
    case RELEASE_NO_KAFKA:
    case RELEASE_NO_DATABASE:
        self->rest_until_ms = ended + RETRY_AFTER_MS;
        break;
    }
}

static void turn_taken(void *context)
{
    struct resolver *self = context;
    int64_t now = clock_ticks_ms();
    if (now < self->rest_until_ms)
        return;
    struct database_error error;
    if (!mappings_listen(self->mappings, &error)) {
        database_failed(self, &error);
        self->rest_until_ms = now + RETRY_AFTER_MS;
        return;
    }
    readiness_set(self->readiness, true, "listening");
    /* A change during a look may be about events that the look has passed: it ends, and another one begins. */
    if (mappings_changed(self->mappings) || (!self->looking && now >= self->look_at_ms))
        self->look_wanted = true;
    if (!self->looking && self->look_wanted)
        look_begin(self);
    if (self->looking)
        look_go_on(self);
}

static void resolver_close(void *context)
{
    struct resolver *self = context;
    mappings_free(self->mappings);
    number_memo_free(self->numbers);
    database_close(self->database);
}

int main(int argc, char **argv)
{
    struct resolver self = {0};
    return stage_main(argc, argv,
                      &(struct stage){
                          .name = "resolver",
                          .about = "Finds out which company a webhook's call belongs to.",
                          .reads = READS,
                          .writes = WRITES,
                          .settings = SETTINGS,
                          .setting_count = COUNT(SETTINGS),
                          .open = resolver_open,
                          .batch = resolve_batch,
                          .turn = turn_taken,
                          .close = resolver_close,
                          .context = &self,
                      });
}
