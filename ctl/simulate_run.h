/* simulate_run.h: the loop that lives the calls: begins them at their rate, sends what is due, tries again as Retell does. */
#ifndef HOOKLINE_CTL_SIMULATE_RUN_H
#define HOOKLINE_CTL_SIMULATE_RUN_H

#include <stdio.h>

#include "ctl/simulate_plan.h"
#include "ctl/webhook.h"

struct event_base;

struct simulation_options {
    struct life_options life;
    struct mischief mischief;
    struct webhook_target target;
    double calls_per_second;
    int64_t calls_max; /* -1: without end */
    int tries;         /* of each webhook, the first included */
    long connections_max;
    bool stay;     /* do not end after the last call: the stand-in API goes on */
    bool quiet;    /* no line every ten seconds */
    FILE *journal; /* NULL: none; a line of JSON for each try and each answer */
};

struct simulation_counts {
    uint64_t calls, webhooks, sent, accepted, given_up, retries, repeated, lost, live;
};

struct simulation;

struct simulation *simulation_open(struct event_base *base, const struct simulation_options *options);
void simulation_close(struct simulation *simulation);
/* Until the last call is over, or SIGTERM or SIGINT; then waits up to 2 s for answers that are under way. */
void simulation_run(struct simulation *simulation);

struct simulation_counts simulation_counts(const struct simulation *simulation);
/* The calls begun so far, newest last: index and start of each. */
size_t simulation_calls(const struct simulation *simulation);
int64_t simulation_call_start(const struct simulation *simulation, size_t index);

#endif
