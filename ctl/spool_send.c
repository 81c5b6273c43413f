/* spool_send.c: what waits on a disk goes to Kafka by hand: a spool that no process holds, or records that Kafka refused once.
 *
 *      read some ──> send, await every ack ──> delete all that were acked, commit ──> the next
 *
 * A crash in between sends some twice; they have the same event ids. Records that Kafka refuses again stay where they are.
 * `drain` refuses a spool that a process holds: that process drains it. `retry` takes it beside the process.
 */
#include <stdio.h>

#include "ctl/spool_files.h"
#include "ctl/verbs.h"
#include "ingest/spool_reserve.h"

enum { AT_ONCE = 200, BYTES_AT_ONCE = 4 * 1024 * 1024, ACK_MAX_MS = 20000 };

struct sending {
    struct producer *producer;
    struct arena *arena;
    struct spool *spool;
    const char *path;
    enum spool_table table;
    bool ours; /* no process holds it */
    int64_t sent, refused;
    const char *problem; /* Kafka's, of the last one that it refused */
};

struct fate {
    enum delivery delivery;
    const char *problem;
};

static int disk_problem(const struct sending *sending)
{
    return complain(EXIT_CODE_UNAVAILABLE, "%s: %s", sending->path, spool_problem(sending->spool));
}

/* One by one where one of them is refused: which it is, is not said for many. Nothing is written meanwhile: a transaction that
 * waits for brokers would keep the process beside us from its spool. How many have a fate; the next one failed. */
static size_t deliver(struct sending *sending, const struct spool_row *rows, size_t count, struct fate *fates)
{
    struct fate all = {0};
    struct record *records = arena_zeroed(sending->arena, count, sizeof *records);
    for (size_t i = 0; i < count; i++)
        records[i] = rows[i].record;
    all.delivery = producer_send_all(sending->producer, records, count, &all.problem);
    for (size_t i = 0; i < count; i++) {
        fates[i] = all;
        if (all.delivery == DELIVERY_REFUSED && count > 1)
            fates[i].delivery = producer_send_all(sending->producer, &records[i], 1, &fates[i].problem);
        if (fates[i].delivery == DELIVERY_FAILED)
            return i;
    }
    return count;
}

static enum spool_outcome settle_row(struct sending *sending, const struct spool_row *row, const struct fate *fate)
{
    *(fate->delivery == DELIVERY_ACKED ? &sending->sent : &sending->refused) += 1;
    if (fate->delivery == DELIVERY_REFUSED)
        sending->problem = fate->problem;
    if (fate->delivery == DELIVERY_ACKED)
        return spool_delete(sending->spool, sending->table, row->sequence);
    return sending->table == SPOOL_WAITING ? spool_set_aside(sending->spool, row->sequence, fate->problem) : SPOOL_FINE;
}

static enum spool_outcome settle(struct sending *sending, const struct spool_row *rows, const struct fate *fates,
                                 size_t count)
{
    enum spool_outcome outcome = SPOOL_FINE;
    int64_t sent = sending->sent;
    int64_t refused = sending->refused;
    for (size_t i = 0; i < count && outcome == SPOOL_FINE; i++)
        outcome = settle_row(sending, &rows[i], &fates[i]);
    if (outcome == SPOOL_FINE)
        outcome = spool_commit(sending->spool);
    if (outcome != SPOOL_FINE) { /* all of it was undone */
        sending->sent = sent;
        sending->refused = refused;
    }
    return outcome;
}

static int send_rows(struct sending *sending, const struct spool_row *rows, size_t count)
{
    struct fate *fates = arena_zeroed(sending->arena, count, sizeof *fates);
    size_t delivered = deliver(sending, rows, count, fates);
    enum spool_outcome outcome = settle(sending, rows, fates, delivered);
    if (outcome == SPOOL_FULL && sending->ours && spool_reserve_give_up(sending->path))
        outcome = settle(sending, rows, fates, delivered);
    if (outcome != SPOOL_FINE)
        return disk_problem(sending);
    if (delivered < count)
        return complain(EXIT_CODE_UNAVAILABLE, "%s: the brokers do not take it: %s", sending->path,
                        fates[delivered].problem);
    return EXIT_CODE_FINE;
}

static int send_all(struct sending *sending)
{
    struct spool_row *rows = NULL;
    size_t count = 0;
    int64_t after = -1;
    int exit_code = EXIT_CODE_FINE;
    do {
        arena_reset(sending->arena);
        if (spool_read(sending->spool, sending->table, after, INT64_MAX, AT_ONCE, BYTES_AT_ONCE, sending->arena, &rows,
                       &count) != SPOOL_FINE)
            return disk_problem(sending);
        if (count > 0) {
            after = rows[count - 1].sequence;
            exit_code = send_rows(sending, rows, count);
        }
    } while (count > 0 && exit_code == EXIT_CODE_FINE);
    return exit_code;
}

static int open_producer(const struct console *console, struct producer **producer)
{
    static const char *const WRITES[] = {TOPIC_WEBHOOKS_RETELL, NULL};
    const char *problem = producer_open(producer, console->settings, "hookline", WRITES, ACK_MAX_MS);
    if (problem)
        return complain(EXIT_CODE_CONFIGURATION, "%s", problem);
    producer_warm_up(*producer, PRODUCER_WARM_UP_MS);
    return EXIT_CODE_FINE;
}

static int say(const struct arguments *arguments, const struct sending *sending)
{
    struct buffer out = {0};
    if (arguments_json(arguments)) {
        buffer_add_text(&out, "{\"file\":");
        buffer_add_json_string(&out, slice_of(sending->path));
        buffer_add_format(&out, ",\"sent\":%lld,\"refused\":%lld}\n", (long long)sending->sent,
                          (long long)sending->refused);
    } else {
        buffer_add_format(&out, "%s: %lld sent, %lld refused", sending->path, (long long)sending->sent,
                          (long long)sending->refused);
        if (sending->refused > 0)
            buffer_add_format(&out, ", the last with: %s", sending->problem);
        buffer_add_text(&out, "\n");
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code == EXIT_CODE_FINE && sending->refused > 0 ? EXIT_CODE_FINDING : exit_code;
}

static int send_file(const struct console *console, const struct arguments *arguments, const char *path,
                     struct spool *spool, enum spool_table table)
{
    struct sending sending = {
        .arena = arena_new(), .spool = spool, .path = path, .table = table, .ours = table == SPOOL_WAITING};
    int exit_code = open_producer(console, &sending.producer);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = send_all(&sending);
    producer_close(sending.producer);
    arena_free(sending.arena);
    int said = say(arguments, &sending);
    return exit_code == EXIT_CODE_FINE ? said : exit_code;
}

static int drain(const struct console *console, const struct arguments *arguments)
{
    struct spool_files files = {0};
    struct spool_slot *slot = NULL;
    int exit_code = spool_files_find(console, arguments, &files);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    const char *problem = spool_slot_hold(&slot, files.paths[0]);
    if (problem)
        return complain(EXIT_CODE_FINDING, "%s", problem);
    exit_code = send_file(console, arguments, files.paths[0], spool_slot_spool(slot), SPOOL_WAITING);
    while (exit_code == EXIT_CODE_FINE && spool_tidy(spool_slot_spool(slot)))
        continue;
    spool_reserve_give_up(files.paths[0]); /* a process that takes the slot makes it anew */
    spool_slot_release(slot);
    return exit_code;
}

static int retry(const struct console *console, const struct arguments *arguments)
{
    struct spool_files files = {0};
    struct spool *spool = NULL;
    int exit_code = spool_files_find(console, arguments, &files);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    if (spool_open(&spool, files.paths[0], SPOOL_TO_MEND) != SPOOL_FINE)
        return complain(EXIT_CODE_FINDING, "%s: %s", files.paths[0], spool_problem(NULL));
    exit_code = send_file(console, arguments, files.paths[0], spool, SPOOL_SET_ASIDE);
    spool_close(spool);
    return exit_code;
}

static const struct option_row OPTIONS[] = {SPOOL_DIR_OPTION};

const struct verb VERB_SPOOL_DRAIN = {.name = "spool",
                                      .action = "drain",
                                      .operand = "FILE",
                                      .about = "Sends what waits in a spool that no process holds.",
                                      .options = OPTIONS,
                                      .option_count = COUNT(OPTIONS),
                                      .run = drain};
const struct verb VERB_SPOOL_RETRY = {.name = "spool",
                                      .action = "retry",
                                      .operand = "FILE",
                                      .about = "Sends a spool's set-aside records again, once their cause is mended.",
                                      .options = OPTIONS,
                                      .option_count = COUNT(OPTIONS),
                                      .run = retry};
