/* stream.c: rooms (companies) and the screens in them. */
#include "broadcaster/stream.h"

#include <event2/event.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "broadcaster/frame.h"
#include "broadcaster/pace.h"
#include "broadcaster/subscriber.h"
#include "broadcaster/table.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
    TICK_MS = 1000,
    HEARTBEAT_TICKS = 15, /* proxies close what is silent for a minute, some for half */
    RECHECK_TICKS = 20,   /* access.h */
    AHEAD_MS = 2000,
    SHUT_EVERY_MS = 25,
    SHUT_STEPS = 36,     /* all closed within a second */
    RETRY_MIN_MS = 1000, /* screens come back spread over three seconds */
    RETRY_SPAN_MS = 3000,
};

enum screen_state { SCREEN_WAITING, SCREEN_LIVE, SCREEN_CLOSING };

struct room {
    int64_t company_id;
    struct screen *first;
    struct http_bytes *snapshot; /* as of `changes`; NULL: none made yet */
    uint64_t changes;
    struct http_bytes *heartbeat; /* of this tick */
};

struct screen {
    struct streams *streams;
    struct room *room;
    struct screen *previous, *next;           /* of all */
    struct screen *room_previous, *room_next; /* of the room */
    struct subscriber subscriber;
    uint8_t token_hash[CREDENTIAL_HASH_BYTES];
    enum screen_state state;
    bool began_with_snapshot;
    unsigned beat;                       /* in which of the ticks its heartbeat is sent */
    char last_id[CURSOR_EPOCH_MAX + 32]; /* Last-Event-ID; "": none */
    int64_t wait_until_ms;               /* by clock_ticks_ms; 0: as long as it takes */
};

struct streams {
    struct streams_options options;
    struct table rooms;
    struct screen *first;
    size_t count, waiting;
    bool ready, shutting;
    struct event *tick, *flush, *wait, *shut;
    bool flush_pending;
    unsigned ticks, shut_steps, opened;
    struct pace pace;
    struct metric *open_now, *sent, *conflated, *closed, *resets, *age;
};

static struct slice id_key(const int64_t *id)
{
    return (struct slice){(const char *)id, sizeof *id};
}

static struct room *room_of(struct streams *streams, int64_t company_id)
{
    struct room *room = table_get(&streams->rooms, id_key(&company_id));
    if (room)
        return room;
    room = memory_new(1, sizeof *room);
    room->company_id = company_id;
    table_put(&streams->rooms, id_key(&room->company_id), room);
    return room;
}

/* What a screen begins with ---------------------------------------------------------------------------------------- */

static void send_and_release(struct screen *screen, struct http_bytes *frame)
{
    subscriber_send(&screen->subscriber, frame);
    http_bytes_release(frame);
}

/* The room's snapshot; made again only if a live call has changed since. */
static struct http_bytes *snapshot_of(struct streams *streams, struct room *room)
{
    uint64_t changes = board_changes(streams->options.board, room->company_id);
    if (room->snapshot && room->changes == changes)
        return room->snapshot;
    if (room->snapshot)
        http_bytes_release(room->snapshot);
    room->snapshot = frame_of_snapshot(streams->options.board, room->company_id);
    room->changes = changes;
    return room->snapshot;
}

static void go_live(struct screen *screen)
{
    if (screen->state == SCREEN_WAITING)
        screen->streams->waiting--;
    screen->state = SCREEN_LIVE;
}

static void begin_with_snapshot(struct screen *screen, const char *reset_reason)
{
    if (reset_reason) {
        metric_add(screen->streams->resets, 1);
        send_and_release(screen, frame_of_reason("reset", reset_reason));
    }
    subscriber_send(&screen->subscriber, snapshot_of(screen->streams, screen->room));
    screen->began_with_snapshot = true;
    go_live(screen);
}

static void begin_with_history(struct screen *screen, int64_t offset)
{
    struct http_bytes *frame = frame_of_history(screen->streams->options.board, screen->room->company_id, offset);
    if (frame)
        send_and_release(screen, frame);
    go_live(screen);
}

static void wait_for_feed(struct screen *screen)
{
    struct streams *streams = screen->streams;
    if (!screen->wait_until_ms) {
        screen->wait_until_ms = clock_ticks_ms() + AHEAD_MS;
        if (!event_pending(streams->wait, EV_TIMEOUT, NULL))
            event_add(streams->wait, &(struct timeval){.tv_sec = AHEAD_MS / 1000});
    } else if (clock_ticks_ms() >= screen->wait_until_ms) {
        begin_with_snapshot(screen, "ahead");
    }
}

/* In one turn of the loop: the state is written and the screen is among those that will be told. */
static void begin(struct screen *screen)
{
    struct streams *streams = screen->streams;
    if (screen->state != SCREEN_WAITING || !streams->ready)
        return;
    struct cursor cursor;
    if (!screen->last_id[0]) {
        begin_with_snapshot(screen, NULL);
        return;
    }
    if (!cursor_read(slice_of(screen->last_id), &cursor)) {
        begin_with_snapshot(screen, "unreadable");
        return;
    }
    switch (board_resume(streams->options.board, screen->room->company_id, &cursor)) {
    case BOARD_RESUME_POSSIBLE:
        begin_with_history(screen, cursor.offset);
        break;
    case BOARD_RESUME_AHEAD:
        wait_for_feed(screen);
        break;
    case BOARD_RESUME_FOREIGN:
        begin_with_snapshot(screen, "foreign");
        break;
    case BOARD_RESUME_TOO_OLD:
        begin_with_snapshot(screen, "too_old");
        break;
    }
}

static void begin_waiting(struct streams *streams)
{
    for (struct screen *screen = streams->first; screen && streams->waiting; screen = screen->next)
        begin(screen);
}

void streams_ready(struct streams *streams)
{
    streams->ready = true;
    begin_waiting(streams);
}

void streams_advanced(struct streams *streams)
{
    if (streams->ready && streams->waiting)
        begin_waiting(streams);
}

static void wait_over(evutil_socket_t descriptor, short what, void *context)
{
    struct streams *streams = context;
    (void)descriptor;
    (void)what;
    begin_waiting(streams);
    if (streams->ready && streams->waiting)
        event_add(streams->wait, &(struct timeval){.tv_usec = 100 * 1000L});
}

/* Opening and closing ---------------------------------------------------------------------------------------------- */

static void screen_gone(struct http_stream *stream, void *context)
{
    struct screen *screen = context;
    struct streams *streams = screen->streams;
    (void)stream;
    screen->subscriber.stream = NULL;
    *(screen->previous ? &screen->previous->next : &streams->first) = screen->next;
    if (screen->next)
        screen->next->previous = screen->previous;
    *(screen->room_previous ? &screen->room_previous->room_next : &screen->room->first) = screen->room_next;
    if (screen->room_next)
        screen->room_next->room_previous = screen->room_previous;
    if (screen->state == SCREEN_WAITING)
        streams->waiting--;
    streams->count--;
    metric_set(streams->open_now, (double)streams->count);
    subscriber_free(&screen->subscriber);
    free(screen);
}

static void screen_drained(struct http_stream *stream, void *context)
{
    struct screen *screen = context;
    (void)stream;
    if (screen->state != SCREEN_CLOSING)
        subscriber_drained(&screen->subscriber);
}

static void screen_close(struct screen *screen, const char *reason)
{
    if (screen->state == SCREEN_CLOSING)
        return;
    if (screen->state == SCREEN_WAITING)
        screen->streams->waiting--;
    screen->state = SCREEN_CLOSING;
    metric_add(screen->streams->closed, 1);
    log_event(LOG_INFO, "stream_closed", LOG_TEXT("reason", reason), LOG_INT("company_id", screen->room->company_id));
    send_and_release(screen, frame_of_reason("closed", reason));
    if (screen->subscriber.stream)
        http_stream_close(screen->subscriber.stream);
}

static void register_screen(struct streams *streams, struct screen *screen)
{
    screen->next = streams->first;
    if (streams->first)
        streams->first->previous = screen;
    streams->first = screen;
    screen->room_next = screen->room->first;
    if (screen->room->first)
        screen->room->first->room_previous = screen;
    screen->room->first = screen;
    screen->beat = streams->opened++ % HEARTBEAT_TICKS;
    streams->count++;
    streams->waiting++;
    metric_set(streams->open_now, (double)streams->count);
}

static void send_retry(struct screen *screen)
{
    uint16_t random = 0;
    RAND_bytes((unsigned char *)&random, sizeof random);
    send_and_release(screen, frame_of_retry(RETRY_MIN_MS + random % (RETRY_SPAN_MS + 1)));
}

/* An id that does not fit is none of ours: it stays unreadable in its first characters, too. */
static void keep_last_id(struct screen *screen, const struct http_request *request)
{
    size_t count = 0;
    struct slice id = http_request_field(request, "Last-Event-ID", &count);
    if (slice_absent(id) || id.len == 0)
        return;
    size_t len = id.len < sizeof screen->last_id ? id.len : 1;
    memcpy(screen->last_id, id.ptr, len);
}

void streams_open(struct streams *streams, struct http_exchange *exchange, const struct access_grant *grant)
{
    if (streams->shutting || streams->count >= streams->options.streams_max) {
        http_respond_error(exchange, 503, "busy",
                           streams->shutting ? "This server is being stopped; connect again."
                                             : "This server has all the streams that it may have.");
        return;
    }
    const struct http_header headers[] = {
        {"Content-Type", SLICE("text/event-stream")},
        {"Cache-Control", SLICE("no-cache, no-transform")},
        {"X-Accel-Buffering", SLICE("no")}, /* nginx would collect events, above all with gzip on */
        {"X-Content-Type-Options", SLICE("nosniff")},
    };
    struct screen *screen = memory_new(1, sizeof *screen);
    screen->streams = streams;
    screen->room = room_of(streams, grant->company_id);
    memcpy(screen->token_hash, grant->hash, sizeof screen->token_hash);
    keep_last_id(screen, http_exchange_request(exchange));
    subscriber_init(&screen->subscriber, streams->options.buffer_bytes);
    register_screen(streams, screen);
    screen->subscriber.stream =
        http_stream_open(exchange, 200, headers, COUNT(headers),
                         &(struct http_stream_events){.drained = screen_drained, .closed = screen_gone}, screen);
    send_retry(screen);
    begin(screen);
}

/* Telling ---------------------------------------------------------------------------------------------------------- */

static void tell(struct screen *screen, const struct update *update, struct http_bytes *frame, int64_t now_ms)
{
    struct streams *streams = screen->streams;
    bool wait = pace_write(&streams->pace, now_ms);
    switch (subscriber_offer(&screen->subscriber, update->call_id, frame, wait, now_ms)) {
    case SUBSCRIBER_CONFLATED:
        metric_add(streams->conflated, 1);
        break;
    case SUBSCRIBER_HOPELESS:
        screen_close(screen, "too_slow");
        return;
    case SUBSCRIBER_SENT:
    case SUBSCRIBER_WAITS:
        metric_add(streams->sent, 1);
        break;
    }
    if (wait && !streams->flush_pending) {
        streams->flush_pending = true;
        event_add(streams->flush, &(struct timeval){.tv_usec = PACE_WINDOW_MS * 1000L});
    }
}

void streams_show(struct streams *streams, const struct update *update, bool only_resumed)
{
    const struct room *room = table_get(&streams->rooms, id_key(&update->company_id));
    if (!room || !room->first)
        return;
    struct cursor cursor = board_cursor(streams->options.board, update->company_id);
    cursor.offset = update->offset;
    struct http_bytes *frame = frame_of_call(&cursor, update->value);
    int64_t now_ms = clock_ticks_ms();
    for (struct screen *screen = room->first; screen; screen = screen->room_next)
        if (screen->state == SCREEN_LIVE && !(only_resumed && screen->began_with_snapshot))
            tell(screen, update, frame, now_ms);
    http_bytes_release(frame);
    if (!only_resumed)
        metric_observe(streams->age, (double)(clock_now_ms() - update->updated_at_ms) / 1000);
}

static void flush_all(evutil_socket_t descriptor, short what, void *context)
{
    struct streams *streams = context;
    (void)descriptor;
    (void)what;
    streams->flush_pending = false;
    for (struct screen *screen = streams->first; screen; screen = screen->next)
        if (screen->state == SCREEN_LIVE)
            subscriber_flush(&screen->subscriber);
}

/* Time ------------------------------------------------------------------------------------------------------------- */

static struct http_bytes *heartbeat_of(struct streams *streams, struct room *room)
{
    if (room->heartbeat)
        return room->heartbeat;
    struct cursor cursor = board_cursor(streams->options.board, room->company_id);
    room->heartbeat = frame_of_heartbeat(streams->ready ? &cursor : NULL);
    return room->heartbeat;
}

/* A screen that waits gets none with an id: it has not yet got what lies before that. */
static void heartbeat(struct streams *streams, struct screen *screen)
{
    if (!subscriber_idle(&screen->subscriber))
        return;
    if (screen->state == SCREEN_LIVE || !streams->ready)
        subscriber_send(&screen->subscriber, heartbeat_of(streams, screen->room));
}

static void access_ended(struct slice hash, void *context)
{
    struct streams *streams = context;
    for (struct screen *screen = streams->first; screen; screen = screen->next)
        if (memcmp(screen->token_hash, hash.ptr, CREDENTIAL_HASH_BYTES) == 0)
            screen_close(screen, "access_ended");
}

static void recheck_access(struct streams *streams)
{
    struct table seen = {0};
    struct slice *hashes = memory_new(streams->count, sizeof *hashes);
    size_t count = 0;
    for (struct screen *screen = streams->first; screen; screen = screen->next) {
        struct slice hash = {(const char *)screen->token_hash, CREDENTIAL_HASH_BYTES};
        if (!table_get(&seen, hash)) {
            hashes[count++] = hash;
            table_put(&seen, hash, screen);
        }
    }
    access_recheck(streams->options.access, hashes, count, access_ended, streams);
    table_free(&seen);
    free(hashes);
}

static void second_passed(evutil_socket_t descriptor, short what, void *context)
{
    struct streams *streams = context;
    (void)descriptor;
    (void)what;
    int64_t now_ms = clock_ticks_ms();
    streams->ticks++;
    for (struct screen *screen = streams->first; screen; screen = screen->next) {
        if (subscriber_stalled(&screen->subscriber, now_ms))
            screen_close(screen, "too_slow");
        else if (screen->state != SCREEN_CLOSING && screen->beat == streams->ticks % HEARTBEAT_TICKS)
            heartbeat(streams, screen);
    }
    size_t at = 0;
    for (struct room *room = table_next(&streams->rooms, &at); room; room = table_next(&streams->rooms, &at)) {
        if (room->heartbeat)
            http_bytes_release(room->heartbeat);
        room->heartbeat = NULL;
    }
    if (streams->ticks % RECHECK_TICKS == 0 && streams->count)
        recheck_access(streams);
}

static void shut_some(evutil_socket_t descriptor, short what, void *context)
{
    struct streams *streams = context;
    (void)descriptor;
    (void)what;
    streams->shut_steps++;
    size_t left = 0;
    for (struct screen *screen = streams->first; screen; screen = screen->next)
        left += screen->state != SCREEN_CLOSING;
    size_t steps_left = streams->shut_steps < SHUT_STEPS ? SHUT_STEPS - streams->shut_steps : 1;
    size_t now = (left + steps_left - 1) / steps_left;
    for (struct screen *screen = streams->first; screen && now; screen = screen->next) {
        now -= screen->state != SCREEN_CLOSING;
        screen_close(screen, "restarting");
    }
    if (left)
        event_add(streams->shut, &(struct timeval){.tv_usec = SHUT_EVERY_MS * 1000L});
}

void streams_shut(struct streams *streams)
{
    streams->shutting = true;
    event_active(streams->shut, EV_TIMEOUT, 0);
}

size_t streams_count(const struct streams *streams)
{
    return streams->count;
}

struct streams *streams_new(const struct streams_options *options)
{
    struct streams *streams = memory_new(1, sizeof *streams);
    streams->options = *options;
    streams->tick = event_new(options->base, -1, EV_PERSIST, second_passed, streams);
    streams->flush = event_new(options->base, -1, 0, flush_all, streams);
    streams->wait = event_new(options->base, -1, 0, wait_over, streams);
    streams->shut = event_new(options->base, -1, 0, shut_some, streams);
    event_add(streams->tick, &(struct timeval){.tv_sec = TICK_MS / 1000});
    streams->open_now = metrics_gauge("hookline_broadcaster_streams", "", "Screens that are connected.");
    streams->sent = metrics_counter("hookline_broadcaster_sent_total", "", "Updates handed to a screen's connection.");
    streams->conflated =
        metrics_counter("hookline_broadcaster_conflated_total", "",
                        "Updates that took the place of an older one of the same call, for a screen that was behind.");
    streams->closed = metrics_counter("hookline_broadcaster_closed_total", "", "Streams that this side closed.");
    streams->resets =
        metrics_counter("hookline_broadcaster_resets_total", "", "Screens that could not resume and began anew.");
    streams->age = metrics_histogram("hookline_broadcaster_update_age_seconds", "",
                                     "From the commit of a call's state to its being handed to the screens.");
    return streams;
}

void streams_free(struct streams *streams)
{
    if (!streams)
        return;
    struct event *events[] = {streams->tick, streams->flush, streams->wait, streams->shut};
    for (size_t i = 0; i < COUNT(events); i++)
        event_free(events[i]);
    size_t at = 0;
    for (struct room *room = table_next(&streams->rooms, &at); room; room = table_next(&streams->rooms, &at)) {
        if (room->snapshot)
            http_bytes_release(room->snapshot);
        free(room);
    }
    table_free(&streams->rooms);
    free(streams);
}
