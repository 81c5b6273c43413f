/* hookline-sync: what does the platform know that we do not?
 *
 *      calls.updates ──> jobs (sync_jobs) ──> GET /v2/get-call/{id} ──> calls.events
 *
 * Reads hookline.calls.updates. A call that has been live for long, or is over and lacks something, becomes a job in
 * PostgreSQL; jobs that are due are asked for at the platform's API, by any number of processes, and the answers go to
 * hookline.calls.events as events like any other. Guarantees: a call that lacks something is asked for until it lacks
 * nothing or six attempts were made; an attempt counts only when the brokers have its answer.
 *
 * Keys come from the sources that ingest verifies with; SIGHUP reads them again. A call whose source has none keeps its job,
 * and nothing is asked. Stops: exit 70 when the schema does not fit, 75 when stalled,
 * 78 when a setting is wrong. Security: holds the API keys; sends them to RETELL_API_URL and nowhere else.
 */
#include "common/clock.h"
#include "common/sources_file.h"
#include "common/stage.h"
#include "sync/fetches.h"
#include "sync/update_read.h"

enum { EXIT_OURS = 70, EXIT_REFUSED = 78 };

struct sync {
    struct stage_run *run;
    struct database *database;
    struct accounts *accounts;
    struct fetches fetches;
};

static const char *const READS[] = {TOPIC_CALLS_UPDATES, NULL};
static const char *const WRITES[] = {TOPIC_CALLS_EVENTS, TOPIC_WEBHOOKS_RETELL, NULL}; /* design.md, "Topics" */

static const struct setting SETTINGS[] = {
    {.name = "RETELL_API_URL",
     .type = SETTING_TEXT,
     .text = "https://api.retellai.com",
     .help = "Where the platform's REST API answers."},
    SETTINGS_OF_SOURCES(
        "The key of the source `default`; neither it nor a Retell source in SOURCES: jobs are kept, nothing is asked."),
    {.name = "LIVE_AFTER_MS",
     .type = SETTING_MS,
     .count = 300000,
     .min = 100,
     .max = 86400000,
     .help = "So long after its start a call that has not ended is asked for."},
    {.name = "MISSING_AFTER_MS",
     .type = SETTING_MS,
     .count = 60000,
     .min = 100,
     .max = 86400000,
     .help = "So long after its end a call that lacks something is asked for; its analysis may come by itself."},
    {.name = "RETRY_FIRST_MS",
     .type = SETTING_MS,
     .count = 10000,
     .min = 100,
     .max = 600000,
     .help = "The longest wait after a first attempt; then 6, 30, 360, 720 and 1440 times that."},
    {.name = "SWEEP_EVERY_MS",
     .type = SETTING_MS,
     .count = 300000,
     .min = 1000,
     .max = 86400000,
     .help = "How often calls are searched for that lack something and have no job."},
    {.name = "LEASE_MS",
     .type = SETTING_MS,
     .count = 60000,
     .min = 1000,
     .max = 3600000,
     .help =
         "After this long another process may ask for a call that this one has claimed; longer than a question takes."},
    SETTINGS_OF_DATABASE,
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_EVERY_STAGE,
    SETTINGS_OF_MANAGEMENT("127.0.0.1:9104"),
    SETTINGS_OF_EVERY_PROGRAM,
};

static void sync_turn(void *context)
{
    struct sync *self = context;
    struct database_error error = {0};
    enum fetches_outcome outcome = fetches_turn(&self->fetches, clock_now_ms(), &error);
    if (outcome == FETCHES_RECOVERED)
        stage_database_seen(self->run, NULL);
    if (outcome != FETCHES_FAILED)
        return;
    stage_database_seen(self->run, &error);
    if (error.fault == DATABASE_OURS || error.fault == DATABASE_DATA)
        stage_stop(self->run, EXIT_OURS,
                   "the schema does not fit this program: `hookline migrate` brings it up to date");
    if (error.fault == DATABASE_REFUSED)
        stage_stop(self->run, EXIT_REFUSED, "PostgreSQL refuses DATABASE_URL");
}

static void note_expected(struct sync *self, const struct update *update, int64_t now_ms)
{
    if (!update->gone && policy_reason_of(&update->call) != REASON_NONE)
        accounts_expect(self->accounts, update->call.source, now_ms);
}

/* For --check and the start. */
static void examine(const struct settings *settings, struct buffer *problems)
{
    sources_release(sources_file_read(settings, problems));
}

static enum stage_outcome sync_batch(struct batch *batch, void *context)
{
    struct sync *self = context;
    size_t count = 0;
    size_t read = 0;
    struct batch_record *records = batch_records(batch, &count);
    struct update *updates = arena_zeroed(batch_arena(batch), count, sizeof *updates);
    for (size_t i = 0; i < count; i++) {
        const char *problem = update_read(&updates[read], batch_arena(batch), records[i].event.body);
        if (problem)
            batch_dead_letter(batch, &records[i], DEAD_SENDERS, "update", problem);
        else
            note_expected(self, &updates[read++], batch_now_ms(batch));
    }
    read = updates_keep_newest(updates, read);

    int64_t first_due = CALL_NULL;
    struct database_error error;
    if (!jobs_take_updates(self->database, batch_arena(batch), updates, read, &self->fetches.options.policy,
                           batch_now_ms(batch), &first_due, &error))
        return batch_database_problem(batch, &error);
    fetches_expect(&self->fetches, first_due);
    return STAGE_DONE;
}

static const char *sync_open(struct stage_run *run, void *context)
{
    struct sync *self = context;
    const struct settings *settings = stage_settings(run);
    self->run = run;
    const char *problem = accounts_open(&self->accounts, settings, stage_loop(run));
    if (problem)
        return problem;
    self->database = database_open(settings_text(settings, "DATABASE_URL"), "hookline-sync");
    return fetches_open(&self->fetches, &(struct fetches_options){
                                            .base = stage_loop(run),
                                            .producer = stage_producer(run),
                                            .database = self->database,
                                            .accounts = self->accounts,
                                            .policy = {.live_after_ms = settings_count(settings, "LIVE_AFTER_MS"),
                                                       .missing_after_ms = settings_count(settings, "MISSING_AFTER_MS"),
                                                       .retry_first_ms = settings_count(settings, "RETRY_FIRST_MS")},
                                            .url = settings_text(settings, "RETELL_API_URL"),
                                            .lease_ms = settings_count(settings, "LEASE_MS"),
                                            .sweep_every_ms = settings_count(settings, "SWEEP_EVERY_MS"),
                                        });
}

static void sync_close(void *context)
{
    struct sync *self = context;
    fetches_close(&self->fetches);
    accounts_close(self->accounts);
    database_close(self->database);
}

int main(int argc, char **argv)
{
    static struct sync self; /* the producer may report to it until the very end */
    return stage_main(argc, argv,
                      &(struct stage){
                          .name = "sync",
                          .about = "Asks the platform's API what its webhooks did not say.",
                          .reads = READS,
                          .writes = WRITES,
                          .settings = SETTINGS,
                          .setting_count = COUNT(SETTINGS),
                          .examine = examine,
                          .open = sync_open,
                          .batch = sync_batch,
                          .turn = sync_turn,
                          .close = sync_close,
                          .context = &self,
                      });
}
