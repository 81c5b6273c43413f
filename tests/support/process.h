/* process.h: a built program as a process of the test's: started with an environment of its own, asked how it is, stopped.
 *
 * Its management port is a free one of 127.0.0.1. What it writes to stderr is kept and shown if the test says so. Ends the
 * test (abort) when something here does not work.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_PROCESS_H
#define HOOKLINE_TESTS_SUPPORT_PROCESS_H

#include <stdint.h>

#include "common/arena.h"

struct process;

/* `environment` is "NAME=value" …, NULL ends; nothing else is inherited but PATH and the sanitizers' options. */
struct process *process_start(const char *program, const char *const *environment);
/* The same under socket activation: `listening` is its descriptor 3, LISTEN_FDS and LISTEN_PID say so. */
struct process *process_start_with_socket(const char *program, const char *const *environment, int listening);

/* /readyz answers 200. */
bool process_ready(const struct process *process);
/* Waits for that; false if it is not so within `deadline_ms` or the process has ended. */
bool process_wait_ready(struct process *process, int64_t deadline_ms);

/* The value of a metric, name and labels as /metrics shows them: hookline_demo_retries_total{reason="away"}; 0 if there
 * is none of that name. */
double process_metric(const struct process *process, const char *metric);

/* Waits until it is at least so much, for what is counted after the effect that the test has seen. */
bool process_wait_metric(const struct process *process, const char *metric, double least);

/* Where it listens for /livez, /readyz and /metrics: 127.0.0.1:PORT. */
const char *process_management(const struct process *process);

/* It has not ended yet. */
bool process_alive(struct process *process);

void process_signal(const struct process *process, int signal);

/* Waits for its end: its exit code, or minus the signal that ended it. -1000: it did not end in time and was killed. */
int process_wait_end(struct process *process, int64_t deadline_ms);

/* True if what it has written to stderr by now holds `text`: for what must not be said, and for what an ended process said. */
bool process_said(const struct process *process, const char *text);
/* Waits for that; false if it has ended, or half a minute has passed, without it. A line may come after the answer to a
 * request, or the row in the database, that it is about (log_writer.h). */
bool process_says(struct process *process, const char *text);
/* All of it, with a NUL behind. */
struct slice process_output(const struct process *process, struct arena *arena);
/* Shows what it has written, on the test's stderr. */
void process_show(const struct process *process);

/* Kills it if it is alive, removes what it wrote. */
void process_free(struct process *process);

#endif
