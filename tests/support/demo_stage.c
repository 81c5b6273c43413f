/* hookline-demo: the smallest stage that there is, for tests of the harness.
 *
 * Publishes each record of calls.events to calls.updates, unless its body says otherwise: "poison" is what no database
 * takes, "slow" what takes too long, "odd" the sender's own mistake. While the file HOOKLINE_TEST_GATE exists the world is
 * away; what a batch did is appended to the file HOOKLINE_TEST_DONE, one line a record, as a transaction would keep it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/stage.h"

static const struct setting SETTINGS[] = {
    SETTINGS_OF_EVERY_PROGRAM,
    SETTINGS_OF_MANAGEMENT("127.0.0.1:0"),
    SETTINGS_OF_KAFKA,
    SETTINGS_OF_EVERY_STAGE,
};

static const char *const READS[] = {TOPIC_CALLS_EVENTS, NULL};
static const char *const WRITES[] = {TOPIC_CALLS_UPDATES, NULL};

static void done_append(const struct batch_record *records, size_t count)
{
    const char *path = getenv("HOOKLINE_TEST_DONE");
    FILE *file = path ? fopen(path, "ae") : NULL;
    for (size_t i = 0; file && i < count; i++)
        fprintf(file, "%.*s\n", SLICE_PRINT(records[i].event.body));
    if (file)
        fclose(file);
}

static enum stage_outcome demo_batch(struct batch *batch, void *context)
{
    (void)context;
    size_t count = 0;
    struct batch_record *records = batch_records(batch, &count);
    const char *gate = getenv("HOOKLINE_TEST_GATE");
    if (gate && access(gate, F_OK) == 0)
        return batch_problem(batch, STAGE_WAIT, "away", "the gate is shut");
    for (size_t i = 0; i < count; i++) {
        if (slice_equals(records[i].event.body, "poison"))
            return batch_problem(batch, STAGE_BISECT, "sql_22021", "no database takes this");
        if (slice_equals(records[i].event.body, "slow"))
            return batch_problem(batch, STAGE_SLOW, "sql_57014", "over its time");
    }
    for (size_t i = 0; i < count; i++)
        if (slice_equals(records[i].event.body, "odd"))
            batch_dead_letter(batch, &records[i], DEAD_SENDERS, "odd", "the sender meant something else");
        else
            batch_publish(batch, &(struct record){.topic = TOPIC_CALLS_UPDATES,
                                                  .partition = RECORD_PARTITION_BY_KEY,
                                                  .key = records[i].key,
                                                  .value = records[i].event.body});
    done_append(records, count);
    return STAGE_DONE;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv,
                      &(struct stage){
                          .name = "demo",
                          .about = "Publishes what it reads; for tests of the harness.",
                          .reads = READS,
                          .writes = WRITES,
                          .settings = SETTINGS,
                          .setting_count = COUNT(SETTINGS),
                          .batch = demo_batch,
                      });
}
