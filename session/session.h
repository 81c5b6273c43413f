/* session.h: one turn of the stage: records become entries, entries take effect, oddities are counted. */
#ifndef HOOKLINE_SESSION_SESSION_H
#define HOOKLINE_SESSION_SESSION_H

#include "common/stage.h"

struct session {
    struct database *database;
    struct session_metrics *metrics;
};

/* The three functions of struct stage; `context` is a struct session. */
const char *session_open(struct stage_run *run, void *context);
enum stage_outcome session_batch(struct batch *batch, void *context);
void session_close(void *context);

#endif
