/* metrics.h: numbers for Prometheus, safe to read from the management thread.
 *
 * A metric is made once, at start, and lives as long as the process; its value is an atomic. Names follow Prometheus:
 * hookline_<program>_<what>_<unit>[_total]. Labels are fixed when it is made: `outcome="accepted",source="default"`.
 * Asking again for the same name and labels gives the same metric.
 */
#ifndef HOOKLINE_COMMON_METRICS_H
#define HOOKLINE_COMMON_METRICS_H

#include "common/buffer.h"

struct metric;

struct metric *metrics_counter(const char *name, const char *labels, const char *help);
struct metric *metrics_gauge(const char *name, const char *labels, const char *help);
/* Seconds, buckets 0.0005 … 60 in steps of about two. */
struct metric *metrics_histogram(const char *name, const char *labels, const char *help);

void metric_add(struct metric *metric, int64_t amount);     /* counter, gauge */
void metric_set(struct metric *metric, double value);       /* gauge */
void metric_observe(struct metric *metric, double seconds); /* histogram */
double metric_value(const struct metric *metric);           /* counter, gauge; a histogram's count */

/* The text format of Prometheus 0.0.4, families in the order in which they were made. */
void metrics_write(struct buffer *out);

#endif
