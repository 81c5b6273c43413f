/* stage_publish.c: what an attempt wants to be sent, its dead letters included, and the wait for the acks.
 *
 * While it waits the process says that it lives, and gives up early when it has been asked to stop: the batch is done
 * again from Kafka then. */
#include "common/clock.h"
#include "common/drain.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/stage_run.h"

enum { POLL_MS = 50, ACKS_AFTER_DRAIN_MS = 5000 };

static const char STOPPED[] = "the process was asked to stop before the brokers acknowledged it";

static void reported(void *opaque, enum delivery delivery, const char *problem)
{
    struct publication *publication = opaque;
    publication->missing--;
    if (delivery == DELIVERY_ACKED && FAILPOINT(".reported")) {
        delivery = DELIVERY_FAILED;
        problem = "a failpoint";
    }
    if (delivery <= publication->worst)
        return;
    publication->worst = delivery;
    publication->problem = problem;
}

static void letter_note(const struct stage_run *run, const struct batch_letter *letter)
{
    char code[BATCH_WORD_BYTES];
    snprintf(code, sizeof code, "%.*s", SLICE_PRINT(letter->code));
    stage_count(run, "dead_letters_total", "code", code, "Records set aside, by reason.");
    log_event(letter->fault == DEAD_OURS ? LOG_ERROR : LOG_WARN, "dead_letter", LOG_TEXT("code", code),
              LOG_SLICE("detail", letter->detail), LOG_TEXT("topic", letter->record->topic),
              LOG_INT("partition", letter->record->partition), LOG_INT("offset", letter->record->offset),
              LOG_SLICE("correlation_id", letter->record->event.correlation_id));
}

static void wait_for_reports(struct stage_run *run)
{
    while (run->publication.missing > 0 && drain_requested_for_ms() < ACKS_AFTER_DRAIN_MS) {
        producer_poll(run->producer, POLL_MS);
        liveness_tick();
        stage_show(run);
    }
}

static bool send_one(struct stage_run *run, const struct record *record)
{
    struct publication *publication = &run->publication;
    const char *problem = NULL;
    enum delivery delivery = producer_send(run->producer, record, reported, publication, &problem);
    publication->missing++;
    if (delivery == DELIVERY_ACKED)
        return true;
    reported(publication, delivery, problem);
    return false;
}

enum delivery stage_publish(struct stage_run *run, const char **problem)
{
    struct batch *batch = &run->batch;
    struct publication *publication = &run->publication;
    *publication = (struct publication){.worst = DELIVERY_ACKED};
    bool sent = true;
    for (size_t i = 0; i < batch->published_count && sent; i++)
        sent = send_one(run, &batch->published[i]);
    for (size_t i = 0; i < batch->letter_count && sent; i++) {
        struct slice topic = arena_format(batch->arena, "%s%s", settings_text(run->settings, "TOPIC_PREFIX"),
                                          batch->letters[i].record->topic);
        struct record record = batch_letter_record(batch, &batch->letters[i], topic.ptr, run->stage->name);
        sent = send_one(run, &record);
    }
    wait_for_reports(run);
    *problem = publication->missing ? STOPPED : publication->problem;
    if (publication->missing)
        return DELIVERY_FAILED;
    for (size_t i = 0; i < batch->letter_count && publication->worst == DELIVERY_ACKED; i++)
        letter_note(run, &batch->letters[i]);
    return publication->worst;
}
