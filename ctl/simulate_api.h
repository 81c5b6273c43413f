/* simulate_api.h: a stand-in for Retell's REST API that knows the simulated calls. */
#ifndef HOOKLINE_CTL_SIMULATE_API_H
#define HOOKLINE_CTL_SIMULATE_API_H

#include "ctl/simulate_run.h"

struct simulate_api;

/* Listens on HOST:PORT. NULL when fine, else a sentence. Everything is borrowed. */
const char *simulate_api_open(struct simulate_api **result, struct event_base *base, const char *address,
                              const struct simulation *simulation, const struct life_options *life, struct slice key);
const char *simulate_api_address(const struct simulate_api *api);
uint64_t simulate_api_answered(const struct simulate_api *api);
void simulate_api_close(struct simulate_api *api);

#endif
