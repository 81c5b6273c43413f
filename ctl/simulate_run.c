/* simulate_run.c: see simulate_run.h.
 *
 *      calls begin at their rate ──> plan ──> heap of deliveries ──due──> HTTP ──2xx──> accepted
 *                                                   ^                      └──else──> again, later ──> given up
 *                                                   └─────────────────────────────────────┘
 *
 * A life is not kept while it lasts: seed, index and start make it again whenever one of its webhooks is due.
 */
#include "ctl/simulate_run.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "ctl/simulate_body.h"

enum {
    STATUS_EVERY_S = 10,
    LAST_ANSWERS_S = 2,
    UNDER_WAY_MAX = 4000,  /* more than that waiting for answers: the receiver is too slow, what is due waits here */
    RETRY_FIRST_MS = 500,  /* "within seconds" is all that is known of Retell's spacing (community reports) */
    STEP_OVER = UINT8_MAX, /* not a webhook: the call is no longer live */
    STALLED_MS = 5000,     /* after a longer stop of ours the rate starts anew instead of catching up */
};

struct simulation {
    struct simulation_options options;
    struct event_base *base;
    struct web_client *client;
    struct due_heap due;
    struct event *timer, *status_timer, *signals[2];
    int64_t rate_begin_ms; /* when the first call of the present rate began */
    uint64_t rate_calls;   /* calls since then */
    int64_t *starts;       /* of each call, by index */
    size_t start_capacity;
    struct simulation_counts counts;
    struct buffer body;
    bool stopping;
};

/* One webhook on its way. */
struct attempt {
    struct simulation *simulation;
    struct delivery delivery;
    struct event_id id;
    int64_t sent_ms;
};

static void plan_next(struct simulation *self);

static void write_journal(const struct simulation *self, const struct attempt *attempt, const struct life *life,
                          int status)
{
    char id[2 * EVENT_ID_BYTES + 1];
    if (!self->options.journal)
        return;
    event_id_print(attempt->id, id);
    fprintf(self->options.journal,
            "{\"ms\":%" PRId64
            ",\"event_id\":\"%s\",\"call_id\":\"%s\",\"event\":\"%s\",\"attempt\":%u,\"repeated\":%s",
            clock_now_ms(), id, life->call_id, life_step_event(life->steps[attempt->delivery.step].kind),
            attempt->delivery.attempt + 1U, attempt->delivery.repeated ? "true" : "false");
    if (status >= 0)
        fprintf(self->options.journal, ",\"status\":%d,\"took_ms\":%" PRId64, status,
                clock_now_ms() - attempt->sent_ms);
    fputs("}\n", self->options.journal);
}

static bool is_over(const struct simulation *self)
{
    bool begun_all = self->options.calls_max >= 0 && self->counts.calls >= (uint64_t)self->options.calls_max;
    return (self->stopping || (begun_all && !self->options.stay && !due_first(&self->due))) &&
           web_client_under_way(self->client) == 0;
}

static void on_webhook_done(void *opaque, const struct web_answer *answer)
{
    struct attempt *attempt = opaque;
    struct simulation *self = attempt->simulation;
    struct delivery again = attempt->delivery;
    if (self->options.journal) {
        struct life life;
        life_make(&life, &self->options.life, again.index, again.start_ms);
        write_journal(self, attempt, &life, answer->status);
    }
    free(attempt);

    if (answer->status >= 200 && answer->status < 300) {
        self->counts.accepted++;
    } else if (again.attempt + 1 < self->options.tries && !self->stopping) {
        again.due_ms = clock_now_ms() + (RETRY_FIRST_MS << again.attempt);
        again.attempt++;
        due_add(&self->due, again);
        self->counts.retries++;
    } else {
        self->counts.given_up++;
    }
    plan_next(self);
}

static void send_delivery(struct simulation *self, struct delivery delivery)
{
    if (delivery.step == STEP_OVER) {
        self->counts.live--;
        return;
    }
    struct life life;
    life_make(&life, &self->options.life, delivery.index, delivery.start_ms);
    buffer_clear(&self->body);
    life_write_webhook(&life, &life.steps[delivery.step], &self->body);

    struct attempt *attempt = memory_new(1, sizeof *attempt);
    *attempt = (struct attempt){.simulation = self, .delivery = delivery, .sent_ms = clock_now_ms()};
    attempt->id = event_id_of(SLICE("retell"), 0, buffer_slice(&self->body));
    write_journal(self, attempt, &life, -1);
    self->counts.sent++;
    webhook_send(self->client, &self->options.target, buffer_slice(&self->body), on_webhook_done, attempt);
}

static void begin_call(struct simulation *self, int64_t start_ms)
{
    struct life life;
    struct delivery deliveries[PLAN_DELIVERIES_MAX];
    size_t index = (size_t)self->counts.calls, lost = 0;
    life_make(&life, &self->options.life, (uint32_t)index, start_ms);
    size_t count =
        plan_deliveries(&life, self->options.life.seed, (uint32_t)index, &self->options.mischief, deliveries, &lost);
    for (size_t i = 0; i < count; i++) {
        due_add(&self->due, deliveries[i]);
        self->counts.repeated += deliveries[i].repeated;
    }
    due_add(&self->due, (struct delivery){
                            .due_ms = life.end_ms, .start_ms = start_ms, .index = (uint32_t)index, .step = STEP_OVER});

    if (index == self->start_capacity) {
        self->start_capacity = self->start_capacity ? self->start_capacity * 2 : 1024;
        self->starts = memory_resize(self->starts, self->start_capacity * sizeof *self->starts);
    }
    self->starts[index] = start_ms;
    self->counts.calls++;
    self->counts.live++;
    self->counts.webhooks += count;
    self->counts.lost += lost;
}

/* INT64_MAX: no more calls. */
static int64_t next_call_ms(const struct simulation *self)
{
    if (self->stopping || self->options.calls_per_second <= 0 ||
        (self->options.calls_max >= 0 && self->counts.calls >= (uint64_t)self->options.calls_max))
        return INT64_MAX;
    return self->rate_begin_ms + (int64_t)((double)self->rate_calls * 1000 / self->options.calls_per_second);
}

static void begin_calls(struct simulation *self, int64_t now_ms)
{
    if (next_call_ms(self) != INT64_MAX && next_call_ms(self) < now_ms - STALLED_MS) {
        self->rate_begin_ms = now_ms;
        self->rate_calls = 0;
    }
    for (int64_t start_ms; (start_ms = next_call_ms(self)) <= now_ms; self->rate_calls++)
        begin_call(self, start_ms);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct simulation *self = context;
    int64_t now_ms = clock_now_ms();
    begin_calls(self, now_ms);
    while (!self->stopping && due_first(&self->due) && due_first(&self->due)->due_ms <= now_ms &&
           web_client_under_way(self->client) < UNDER_WAY_MAX)
        send_delivery(self, due_take(&self->due));
    plan_next(self);
}

static void plan_next(struct simulation *self)
{
    if (is_over(self)) {
        event_base_loopbreak(self->base);
        return;
    }
    int64_t next_ms = next_call_ms(self), now_ms = clock_now_ms();
    const struct delivery *first = self->stopping ? NULL : due_first(&self->due);
    if (first && first->due_ms < next_ms)
        next_ms = first->due_ms;
    /* Full: an answer comes back here. */
    if (next_ms == INT64_MAX || web_client_under_way(self->client) >= UNDER_WAY_MAX)
        return;
    int64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_add(self->timer, &wait);
}

static void on_status(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    const struct simulation *self = context;
    if (self->options.quiet)
        return;
    fprintf(stderr,
            "hookline: %" PRIu64 " calls, %" PRIu64 " live; webhooks: %" PRIu64 " sent, %" PRIu64 " accepted, %" PRIu64
            " given up, %zu under way\n",
            self->counts.calls, self->counts.live, self->counts.sent, self->counts.accepted, self->counts.given_up,
            web_client_under_way(self->client));
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct simulation *self = context;
    self->stopping = true;
    struct timeval wait = {.tv_sec = LAST_ANSWERS_S};
    event_base_loopexit(self->base, &wait);
    plan_next(self);
}

struct simulation *simulation_open(struct event_base *base, const struct simulation_options *options)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT};
    struct simulation *self = memory_new(1, sizeof *self);
    self->options = *options;
    self->base = base;
    self->client = web_client_open(base, options->connections_max);
    self->timer = event_new(base, -1, 0, on_timer, self);
    self->status_timer = event_new(base, -1, EV_PERSIST, on_status, self);
    for (size_t i = 0; i < COUNT(SIGNALS); i++) {
        self->signals[i] = evsignal_new(base, SIGNALS[i], on_signal, self);
        if (!self->signals[i] || evsignal_add(self->signals[i], NULL) != 0)
            abort(); /* only without memory */
    }
    if (!self->timer || !self->status_timer)
        abort(); /* only without memory */
    return self;
}

void simulation_run(struct simulation *self)
{
    struct timeval every = {.tv_sec = STATUS_EVERY_S};
    self->rate_begin_ms = clock_now_ms();
    event_add(self->status_timer, &every);
    plan_next(self);
    if (!is_over(self))
        event_base_dispatch(self->base);
}

void simulation_close(struct simulation *self)
{
    if (!self)
        return;
    web_client_close(self->client);
    due_free(&self->due);
    buffer_free(&self->body);
    event_free(self->timer);
    event_free(self->status_timer);
    for (size_t i = 0; i < COUNT(self->signals); i++)
        event_free(self->signals[i]);
    free(self->starts);
    free(self);
}

struct simulation_counts simulation_counts(const struct simulation *self)
{
    return self->counts;
}

size_t simulation_calls(const struct simulation *self)
{
    return (size_t)self->counts.calls;
}

int64_t simulation_call_start(const struct simulation *self, size_t index)
{
    return self->starts[index];
}
