/* snapshot.c: three statements, one moment. */
#include "broadcaster/snapshot.h"

#include <stdlib.h>

#include "common/call_row.h"
#include "common/clock.h"
#include "common/failpoint.h"

static const char LIVE_CALLS[] = "SELECT " CALL_ROW_BRIEF " FROM calls c WHERE c.status IN ('registered', 'ongoing') "
                                 "ORDER BY coalesce(c.started_at, c.first_seen_at), c.call_id";

/* Every change of a call goes with an event in the inbox, whose small index on time spares an index on calls that every
 * update would have to touch. */
static const char RECENT_VERSIONS[] = "SELECT c.company_id, c.call_id, c.version FROM "
                                      "(SELECT DISTINCT company_id, call_id FROM webhook_events WHERE processed_at > "
                                      "now() - interval '15 minutes' AND call_id IS NOT NULL) e "
                                      "JOIN calls c ON c.company_id = e.company_id AND c.call_id = e.call_id WHERE "
                                      "c.status NOT IN ('registered', 'ongoing')";

static const char EPOCH[] = "SELECT epoch FROM topic_epochs WHERE topic = $1";

struct snapshot {
    struct board *board;
    void (*done)(const struct snapshot_result *result, void *context);
    void *context;
};

static void load_live(struct board *board, const PGresult *rows, int64_t now_ms)
{
    struct buffer json = {0};
    for (int row = 0; row < PQntuples(rows); row++) {
        struct call call;
        call_init(&call);
        call_row_read_brief(rows, row, 0, &call);
        buffer_clear(&json);
        call_json_write(&json, &call, CALL_JSON_BRIEF);
        board_load(board, call.company_id, call.call_id, call.version, buffer_slice(&json), now_ms);
    }
    buffer_free(&json);
}

static void load_recent(struct board *board, const PGresult *rows, int64_t now_ms)
{
    for (int row = 0; row < PQntuples(rows); row++)
        board_load(board, database_int(rows, row, 0), database_text(rows, row, 1), database_int(rows, row, 2),
                   SLICE_ABSENT, now_ms);
}

static struct slice epoch_in(const PGresult *rows)
{
    struct slice epoch = PQntuples(rows) ? database_text(rows, 0, 0) : SLICE_ABSENT;
    return cursor_epoch_valid(epoch) ? epoch : SLICE_ABSENT;
}

static void taken(const struct query_answer *answer, void *context)
{
    struct snapshot *snapshot = context;
    struct snapshot_result result = {.error = answer->error};
    if (result.error.fault == DATABASE_FINE && FAILPOINT("broadcaster.snapshot"))
        result.error = (struct database_error){.fault = DATABASE_AWAY, .message = "a failpoint"};
    if (result.error.fault == DATABASE_FINE) {
        int64_t now_ms = clock_now_ms();
        load_live(snapshot->board, answer->rows[0], now_ms);
        load_recent(snapshot->board, answer->rows[1], now_ms);
        result.epoch = epoch_in(answer->rows[2]);
        result.live = (size_t)PQntuples(answer->rows[0]);
        result.recent = (size_t)PQntuples(answer->rows[1]);
    }
    snapshot->done(&result, snapshot->context);
    free(snapshot);
}

void snapshot_take(struct queries *queries, struct board *board, const char *topic,
                   void (*done)(const struct snapshot_result *result, void *context), void *context)
{
    struct snapshot *snapshot = memory_new(1, sizeof *snapshot);
    *snapshot = (struct snapshot){board, done, context};
    struct query *query = query_new_snapshot(queries);
    query_add(query, LIVE_CALLS);
    query_add(query, RECENT_VERSIONS);
    database_add_text(query_add(query, EPOCH), slice_of(topic));
    query_send(query, taken, snapshot);
}

static void epoch_told(const struct query_answer *answer, void *context)
{
    struct snapshot *snapshot = context;
    struct snapshot_result result = {.error = answer->error};
    if (result.error.fault == DATABASE_FINE)
        result.epoch = epoch_in(answer->rows[0]);
    snapshot->done(&result, snapshot->context);
    free(snapshot);
}

void snapshot_ask_epoch(struct queries *queries, const char *topic,
                        void (*done)(const struct snapshot_result *result, void *context), void *context)
{
    struct snapshot *snapshot = memory_new(1, sizeof *snapshot);
    *snapshot = (struct snapshot){NULL, done, context};
    struct query *query = query_new(queries);
    database_add_text(query_add(query, EPOCH), slice_of(topic));
    query_send(query, epoch_told, snapshot);
}
