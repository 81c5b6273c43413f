/* metrics.c: a list that only grows, with atomics in it. */
#include "common/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/arena.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

static const double BOUNDS[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};

struct metric {
    struct metric *next;
    enum metric_kind kind;
    char *name, *labels, *help;
    _Atomic int64_t count;                  /* counter; histogram: how many */
    _Atomic double value;                   /* gauge; histogram: sum of seconds */
    _Atomic int64_t buckets[COUNT(BOUNDS)]; /* not cumulative; the rest is in `count` */
};

static struct metric *first;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list, not of the values */

static struct metric *metric_make(enum metric_kind kind, const char *name, const char *labels, const char *help)
{
    const char *fixed = labels ? labels : "";
    pthread_mutex_lock(&lock);
    struct metric **at = &first;
    struct metric **family_end = NULL;
    struct metric *found = NULL;
    for (; *at && !found; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) {
            if (strcmp((*at)->labels, fixed) == 0)
                found = *at;
            family_end = &(*at)->next;
        }
    if (!found) {
        struct metric **place =
            family_end ? family_end : at; /* a family stands together: the text format asks for it */
        found = memory_new(1, sizeof *found);
        found->kind = kind;
        found->name = memory_copy_string(name);
        found->labels = memory_copy_string(fixed);
        found->help = memory_copy_string(help);
        found->next = *place;
        *place = found;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

struct metric *metrics_counter(const char *name, const char *labels, const char *help)
{
    return metric_make(METRIC_COUNTER, name, labels, help);
}

struct metric *metrics_gauge(const char *name, const char *labels, const char *help)
{
    return metric_make(METRIC_GAUGE, name, labels, help);
}

struct metric *metrics_histogram(const char *name, const char *labels, const char *help)
{
    return metric_make(METRIC_HISTOGRAM, name, labels, help);
}

static void add_real(_Atomic double *value, double amount)
{
    double old = atomic_load(value);
    while (!atomic_compare_exchange_weak(value, &old, old + amount)) {
    }
}

void metric_add(struct metric *metric, int64_t amount)
{
    if (metric->kind == METRIC_GAUGE)
        add_real(&metric->value, (double)amount);
    else
        atomic_fetch_add(&metric->count, amount);
}

void metric_set(struct metric *metric, double value)
{
    atomic_store(&metric->value, value);
}

void metric_observe(struct metric *metric, double seconds)
{
    for (size_t i = 0; i < COUNT(BOUNDS); i++)
        if (seconds <= BOUNDS[i]) {
            atomic_fetch_add(&metric->buckets[i], 1);
            break;
        }
    add_real(&metric->value, seconds);
    atomic_fetch_add(&metric->count, 1);
}

double metric_value(const struct metric *metric)
{
    return metric->kind == METRIC_GAUGE ? atomic_load(&metric->value) : (double)atomic_load(&metric->count);
}

static void write_labels(struct buffer *out, const char *labels, const char *more)
{
    if (*labels || *more)
        buffer_add_format(out, "{%s%s%s}", labels, *labels && *more ? "," : "", more);
}

static void write_histogram(struct buffer *out, const struct metric *metric)
{
    int64_t total =
        atomic_load(&metric->count); /* read first: buckets that are newer must not make a count too small */
    int64_t below = 0;
    for (size_t i = 0; i < COUNT(BOUNDS); i++) {
        char bound[32];
        snprintf(bound, sizeof bound, "le=\"%g\"", BOUNDS[i]);
        below += atomic_load(&metric->buckets[i]);
        buffer_add_format(out, "%s_bucket", metric->name);
        write_labels(out, metric->labels, bound);
        buffer_add_format(out, " %lld\n", (long long)below);
    }
    total = below > total ? below : total;
    buffer_add_format(out, "%s_bucket", metric->name);
    write_labels(out, metric->labels, "le=\"+Inf\"");
    buffer_add_format(out, " %lld\n%s_sum", (long long)total, metric->name);
    write_labels(out, metric->labels, "");
    buffer_add_format(out, " %.9g\n%s_count", atomic_load(&metric->value), metric->name);
    write_labels(out, metric->labels, "");
    buffer_add_format(out, " %lld\n", (long long)total);
}

void metrics_write(struct buffer *out)
{
    static const char *const KINDS[] = {"counter", "gauge", "histogram"};
    const char *family = "";
    pthread_mutex_lock(&lock);
    for (const struct metric *metric = first; metric; metric = metric->next) {
        if (strcmp(family, metric->name) != 0)
            buffer_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                              KINDS[metric->kind]);
        family = metric->name;
        if (metric->kind == METRIC_HISTOGRAM) {
            write_histogram(out, metric);
            continue;
        }
        buffer_add_text(out, metric->name);
        write_labels(out, metric->labels, "");
        buffer_add_format(out, " %.15g\n", metric_value(metric));
    }
    pthread_mutex_unlock(&lock);
}
