/* spool_send.c: what waits on a disk goes to Kafka by hand: a spool that no process holds, or records that Kafka refused once.
 *
 *      read some ──> send, await every ack ──> delete, commit ──> the next
 *
 * A crash in between sends some twice; they have the same event ids. Records that Kafka refuses again stay where they are.
 * `drain` refuses a spool that a process holds: that process drains it. `retry` takes it beside the process.
 */
#include <stdio.h>

#include "ctl/spool_files.h"
#include "ctl/verbs.h"

enum { AT_ONCE = 200, BYTES_AT_ONCE = 4 * 1024 * 1024, ACK_MAX_MS = 20000 };

struct sending {
    struct producer *producer;
    struct arena *arena;
    struct spool *spool;
    const char *path;
    enum spool_table table;
    int64_t sent, refused;
};

static int disk_problem(const struct sending *sending)
{
    return complain(EXIT_CODE_UNAVAILABLE, "%s: %s", sending->path, spool_problem(sending->spool));
}

static int remove_row(struct sending *sending, const struct spool_row *row, enum delivery delivery, const char *problem)
{
    enum spool_outcome outcome = SPOOL_FINE;
    if (delivery == DELIVERY_ACKED)
        outcome = spool_delete(sending->spool, sending->table, row->sequence);
    else if (sending->table == SPOOL_WAITING)
        outcome = spool_set_aside(sending->spool, row->sequence, problem);
    *(delivery == DELIVERY_ACKED ? &sending->sent : &sending->refused) += 1;
    return outcome == SPOOL_FINE ? EXIT_CODE_FINE : disk_problem(sending);
}

/* One by one where one of them is refused: which it is, is not said for many. */
static int send_rows(struct sending *sending, const struct spool_row *rows, size_t count)
{
    const char *problem = NULL;
    struct record *records = arena_zeroed(sending->arena, count, sizeof *records);
    for (size_t i = 0; i < count; i++)
        records[i] = rows[i].record;
    enum delivery all = producer_send_all(sending->producer, records, count, &problem);
    int exit_code = EXIT_CODE_FINE;
    for (size_t i = 0; i < count && exit_code == EXIT_CODE_FINE; i++) {
        enum delivery delivery =
            all == DELIVERY_REFUSED && count > 1 ? producer_send_all(sending->producer, &records[i], 1, &problem) : all;
        if (delivery == DELIVERY_FAILED)
            exit_code = complain(EXIT_CODE_UNAVAILABLE, "%s: the brokers do not take it: %s", sending->path, problem);
        else
            exit_code = remove_row(sending, &rows[i], delivery, problem);
    }
    if (spool_commit(sending->spool) != SPOOL_FINE)
        return disk_problem(sending);
    return exit_code;
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
        buffer_add_format(&out, "%s: %lld sent, %lld refused\n", sending->path, (long long)sending->sent,
                          (long long)sending->refused);
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code == EXIT_CODE_FINE && sending->refused > 0 ? EXIT_CODE_FINDING : exit_code;
}

static int send_file(const struct console *console, const struct arguments *arguments, const char *path,
                     struct spool *spool, enum spool_table table)
{
    struct sending sending = {.arena = arena_new(), .spool = spool, .path = path, .table = table};
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
    if (spool_open(&spool, files.paths[0], SPOOL_TO_WRITE) != SPOOL_FINE)
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
