/* board.c: who knows what about which call, and the one decision (board.h). */
#include "broadcaster/board.h"

#include <stdlib.h>

#include "broadcaster/history.h"
#include "broadcaster/table.h"

/* A call of one company. In the table of calls until ten minutes after it left the list. */
struct known_call {
    struct company *company;
    struct known_call *previous_live, *next_live;   /* in the company's list, if live */
    struct known_call *previous_ended, *next_ended; /* in the board's list, if not: longest ended first */
    int64_t version;                                /* the newest that anyone told us of */
    int64_t record_version;                         /* the newest that the topic brought; 0: none yet */
    int64_t left_at_ms;
    char *json; /* of a live call */
    size_t json_len;
    bool live;
    size_t key_len;
    char key[]; /* company id, '/', call id: as the record's key */
};

struct held {
    struct held *next;
    size_t bytes;
    struct update update; /* its text lies behind it */
    char text[];
};

struct company {
    int64_t id;
    int32_t partition;
    struct known_call *first_live, *last_live;
    size_t live;
    uint64_t changes;
    struct history_line past;
    struct held *held_first, *held_last; /* the first one is what PostgreSQL was asked about */
};

struct partition {
    int64_t first, next, watermark;
    bool started;
};

struct board {
    struct board_options options;
    char epoch[CURSOR_EPOCH_MAX];
    size_t epoch_len;
    struct partition partitions[BOARD_PARTITIONS_MAX];
    struct table companies, calls;
    struct known_call *first_ended, *last_ended;
    struct history history;
    size_t live, held_bytes;
};

const char *board_verdict_name(enum board_verdict verdict)
{
    static const char *const NAMES[] = {"shown", "caught_up", "dropped", "asked", "held"};
    return NAMES[verdict];
}

struct board *board_new(const struct board_options *options)
{
    struct board *board = memory_new(1, sizeof *board);
    board->options = *options;
    board->companies.seed = board->calls.seed = options->seed;
    board->history.updates_max = options->history_updates;
    board->history.bytes_max = options->history_bytes;
    return board;
}

static void held_free(struct board *board, struct company *company)
{
    struct held *held = company->held_first;
    company->held_first = held->next;
    if (!held->next)
        company->held_last = NULL;
    board->held_bytes -= held->bytes;
    free(held);
}

void board_free(struct board *board)
{
    if (!board)
        return;
    history_free(&board->history);
    size_t at = 0;
    for (struct known_call *call = table_next(&board->calls, &at); call; call = table_next(&board->calls, &at)) {
        free(call->json);
        free(call);
    }
    at = 0;
    for (struct company *company = table_next(&board->companies, &at); company;
         company = table_next(&board->companies, &at)) {
        while (company->held_first)
            held_free(board, company);
        free(company);
    }
    table_free(&board->calls);
    table_free(&board->companies);
    free(board);
}

void board_set_epoch(struct board *board, struct slice epoch)
{
    board->epoch_len = epoch.len < sizeof board->epoch ? epoch.len : sizeof board->epoch;
    memcpy(board->epoch, epoch.ptr, board->epoch_len);
}

static struct slice company_key(const int64_t *id)
{
    return (struct slice){(const char *)id, sizeof *id};
}

static struct company *company_of(struct board *board, int64_t id)
{
    struct company *company = table_get(&board->companies, company_key(&id));
    if (company)
        return company;
    company = memory_new(1, sizeof *company);
    company->id = id;
    company->partition = board->options.partition_of(id);
    company->past.complete_after = board->partitions[company->partition].first - 1;
    table_put(&board->companies, company_key(&company->id), company);
    return company;
}

void board_start(struct board *board, int32_t partition, int64_t first, int64_t watermark)
{
    board->partitions[partition] =
        (struct partition){.first = first, .next = first, .watermark = watermark, .started = true};
    size_t at = 0;
    for (struct company *company = table_next(&board->companies, &at); company;
         company = table_next(&board->companies, &at))
        if (company->partition == partition)
            company->past.complete_after = first - 1;
}

void board_reached(struct board *board, int32_t partition, int64_t next)
{
    struct partition *read = &board->partitions[partition];
    if (next > read->next)
        read->next = next;
}

int64_t board_next_offset(const struct board *board, int32_t partition)
{
    return board->partitions[partition].next;
}

bool board_caught_up(const struct board *board)
{
    for (size_t i = 0; i < BOARD_PARTITIONS_MAX; i++)
        if (board->partitions[i].started && board->partitions[i].next < board->partitions[i].watermark)
            return false;
    size_t at = 0;
    const struct company *company = NULL;
    while (board->held_bytes && (company = table_next(&board->companies, &at)))
        if (company->held_first && company->held_first->update.offset < board->partitions[company->partition].watermark)
            return false;
    return true;
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

enum { KEY_MAX = 24 + 128 };

static struct slice key_write(char key[KEY_MAX], int64_t company_id, struct slice call_id)
{
    size_t len = 0;
    for (uint64_t rest = (uint64_t)company_id; rest || !len; rest /= 10)
        key[len++] = (char)('0' + rest % 10);
    key[len++] = '/';
    size_t id_len = call_id.len < KEY_MAX - len ? call_id.len : KEY_MAX - len;
    memcpy(key + len, call_id.ptr, id_len);
    return (struct slice){key, len + id_len};
}

static struct known_call *call_find(const struct board *board, int64_t company_id, struct slice call_id)
{
    char key[KEY_MAX];
    return table_get(&board->calls, key_write(key, company_id, call_id));
}

static void leave_ended(struct board *board, struct known_call *call)
{
    *(call->previous_ended ? &call->previous_ended->next_ended : &board->first_ended) = call->next_ended;
    *(call->next_ended ? &call->next_ended->previous_ended : &board->last_ended) = call->previous_ended;
    call->previous_ended = call->next_ended = NULL;
}

static void join_ended(struct board *board, struct known_call *call, int64_t now_ms)
{
    call->left_at_ms = now_ms;
    call->previous_ended = board->last_ended;
    *(board->last_ended ? &board->last_ended->next_ended : &board->first_ended) = call;
    board->last_ended = call;
}

static void leave_live(struct board *board, struct known_call *call)
{
    struct company *company = call->company;
    *(call->previous_live ? &call->previous_live->next_live : &company->first_live) = call->next_live;
    *(call->next_live ? &call->next_live->previous_live : &company->last_live) = call->previous_live;
    call->previous_live = call->next_live = NULL;
    company->live--;
    board->live--;
}

static void join_live(struct board *board, struct known_call *call)
{
    struct company *company = call->company;
    call->previous_live = company->last_live;
    *(company->last_live ? &company->last_live->next_live : &company->first_live) = call;
    company->last_live = call;
    company->live++;
    board->live++;
}

static struct known_call *call_new(struct board *board, struct company *company, struct slice call_id, int64_t now_ms)
{
    char key[KEY_MAX];
    struct slice whole = key_write(key, company->id, call_id);
    struct known_call *call = memory_new(1, sizeof *call + whole.len);
    call->company = company;
    call->key_len = whole.len;
    memcpy(call->key, whole.ptr, whole.len);
    table_put(&board->calls, (struct slice){call->key, call->key_len}, call);
    join_ended(board, call, now_ms);
    return call;
}

/* The call is now as `json` says (absent: not live). A call that stays live keeps its place in the list. */
static void call_set(struct board *board, struct known_call *call, struct slice json, int64_t now_ms)
{
    bool live = !slice_absent(json);
    if (live || call->live)
        call->company->changes++;
    if (!call->live)
        leave_ended(board, call);
    else if (!live)
        leave_live(board, call);
    if (!live)
        join_ended(board, call, now_ms);
    else if (!call->live)
        join_live(board, call);
    call->live = live;
    free(call->json);
    call->json = NULL;
    call->json_len = json.len;
    if (live) {
        call->json = memory_new(1, json.len);
        memcpy(call->json, json.ptr, json.len);
    }
}

static void call_forget(struct board *board, struct known_call *call)
{
    leave_ended(board, call);
    table_remove(&board->calls, (struct slice){call->key, call->key_len});
    free(call);
}

size_t board_forget(struct board *board, int64_t now_ms)
{
    size_t forgotten = 0;
    for (; board->first_ended && board->first_ended->left_at_ms + BOARD_KEEP_MS <= now_ms; forgotten++)
        call_forget(board, board->first_ended);
    return forgotten;
}

void board_load(struct board *board, int64_t company_id, struct slice call_id, int64_t version, struct slice call,
                int64_t now_ms)
{
    struct known_call *known = call_find(board, company_id, call_id);
    if (!known)
        known = call_new(board, company_of(board, company_id), call_id, now_ms);
    known->version = version;
    call_set(board, known, call, now_ms);
}

/* The decision ----------------------------------------------------------------------------------------------------- */

static enum board_verdict remember(struct board *board, struct known_call *call, const struct update *update)
{
    call->record_version = update->version;
    history_add(&board->history, &call->company->past, update->offset, update->value);
    return BOARD_CAUGHT_UP;
}

static enum board_verdict show(struct board *board, struct known_call *call, const struct update *update,
                               int64_t now_ms)
{
    call->version = update->version;
    remember(board, call, update);
    call_set(board, call, update->live ? update->call : SLICE_ABSENT, now_ms);
    board->options.show(update, board->options.context);
    return BOARD_SHOWN;
}

static enum board_verdict catch_up(struct board *board, struct known_call *call, const struct update *update)
{
    remember(board, call, update);
    board->options.catch_up(update, board->options.context);
    return BOARD_CAUGHT_UP;
}

static bool before_snapshot(const struct board *board, const struct update *update)
{
    return update->offset < board->partitions[update->partition].watermark;
}

/* Below the watermark nothing unknown is live any more: only who resumes wants it. */
static enum board_verdict admit_unknown(struct board *board, struct company *company, const struct update *update,
                                        int64_t now_ms)
{
    struct known_call *call = call_new(board, company, update->call_id, now_ms);
    if (!before_snapshot(board, update))
        return show(board, call, update, now_ms);
    call->version = update->version;
    return catch_up(board, call, update);
}

static bool is_late(const struct board *board, const struct update *update, int64_t now_ms)
{
    int64_t seen_at_ms = before_snapshot(board, update) ? update->published_at_ms : now_ms;
    return seen_at_ms - update->updated_at_ms > BOARD_LATE_MS;
}

static enum board_verdict decide(struct board *board, struct company *company, const struct update *update,
                                 int64_t now_ms)
{
    struct known_call *call = call_find(board, update->company_id, update->call_id);
    if (!call)
        return is_late(board, update, now_ms) ? BOARD_ASKED : admit_unknown(board, company, update, now_ms);
    if (update->version > call->version)
        return show(board, call, update, now_ms);
    if (update->version <= call->record_version)
        return BOARD_DROPPED;
    /* The snapshot knew this state or a newer one. Late and older: a zombie's; the newer one came before or comes
     * still. */
    if (update->version < call->version && is_late(board, update, now_ms))
        return BOARD_DROPPED;
    return catch_up(board, call, update);
}

/* Held records ----------------------------------------------------------------------------------------------------- */

static struct slice held_copy(struct held *held, size_t *at, struct slice text)
{
    if (slice_absent(text))
        return text;
    struct slice copy = {held->text + *at, text.len};
    memcpy(held->text + *at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static void hold(struct board *board, struct company *company, const struct update *update)
{
    size_t bytes = sizeof(struct held) + update->call_id.len + update->call.len + update->value.len;
    struct held *held = memory_new(1, bytes);
    size_t at = 0;
    held->bytes = bytes;
    held->update = *update;
    held->update.call_id = held_copy(held, &at, update->call_id);
    held->update.call = held_copy(held, &at, update->call);
    held->update.value = held_copy(held, &at, update->value);
    *(company->held_last ? &company->held_last->next : &company->held_first) = held;
    company->held_last = held;
    board->held_bytes += bytes;
}

enum board_verdict board_take(struct board *board, const struct update *update, int64_t now_ms)
{
    struct partition *read = &board->partitions[update->partition];
    struct company *company = company_of(board, update->company_id);
    enum board_verdict verdict = company->held_first ? BOARD_HELD : decide(board, company, update, now_ms);
    read->next = update->offset + 1;
    if (verdict != BOARD_HELD && verdict != BOARD_ASKED)
        return verdict;
    hold(board, company, update);
    if (verdict == BOARD_ASKED)
        board->options.ask(update->company_id, update->call_id, board->options.context);
    return verdict;
}

void board_answer(struct board *board, int64_t company_id, struct slice call_id, int64_t version, int64_t now_ms)
{
    struct company *company = company_of(board, company_id);
    struct held *held = company->held_first;
    if (!held || !slice_same(held->update.call_id, call_id))
        return;
    /* No row: the call has left this company, which is news only if the update says so. A greater version in PostgreSQL
     * is not remembered: its own record may still be on its way. */
    bool news = version ? held->update.version >= version : held->update.gone;
    if (news)
        admit_unknown(board, company, &held->update, now_ms);
    held_free(board, company);
    while ((held = company->held_first)) {
        if (decide(board, company, &held->update, now_ms) == BOARD_ASKED) {
            board->options.ask(company_id, held->update.call_id, board->options.context);
            return;
        }
        held_free(board, company);
    }
}

size_t board_held_bytes(const struct board *board)
{
    return board->held_bytes;
}

/* What screens begin with ------------------------------------------------------------------------------------------ */

struct cursor board_cursor(struct board *board, int64_t company_id)
{
    const struct company *company = company_of(board, company_id);
    const struct held *held = company->held_first;
    int64_t next = held ? held->update.offset : board->partitions[company->partition].next;
    return (struct cursor){{board->epoch, board->epoch_len}, company->partition, next - 1};
}

enum board_resume board_resume(struct board *board, int64_t company_id, const struct cursor *cursor)
{
    const struct company *company = company_of(board, company_id);
    struct cursor here = board_cursor(board, company_id);
    if (!slice_same(cursor->epoch, here.epoch) || cursor->partition != here.partition)
        return BOARD_RESUME_FOREIGN;
    if (cursor->offset > here.offset)
        return BOARD_RESUME_AHEAD;
    return cursor->offset >= company->past.complete_after ? BOARD_RESUME_POSSIBLE : BOARD_RESUME_TOO_OLD;
}

void board_history(struct board *board, int64_t company_id, int64_t offset,
                   void (*each)(const struct cursor *cursor, struct slice value, void *context), void *context)
{
    const struct company *company = company_of(board, company_id);
    struct cursor cursor = board_cursor(board, company_id);
    const struct history_entry *entry = history_after(&company->past, offset);
    for (; entry; entry = history_next(entry)) {
        cursor.offset = history_offset(entry);
        each(&cursor, history_value(entry), context);
    }
}

void board_write_live(struct board *board, int64_t company_id, struct buffer *out)
{
    const struct company *company = company_of(board, company_id);
    buffer_add_text(out, "{\"calls\":[");
    for (const struct known_call *call = company->first_live; call; call = call->next_live) {
        if (call != company->first_live)
            buffer_add_char(out, ',');
        buffer_add(out, (struct slice){call->json, call->json_len});
    }
    buffer_add_text(out, "]}");
}

uint64_t board_changes(struct board *board, int64_t company_id)
{
    return company_of(board, company_id)->changes;
}

struct board_size board_size(const struct board *board)
{
    return (struct board_size){.companies = board->companies.count,
                               .live = board->live,
                               .known = board->calls.count,
                               .history_updates = board->history.count,
                               .history_bytes = board->history.bytes};
}
