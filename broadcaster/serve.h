/* serve.h: one request's way: method, path, token, and then to whoever answers. */
#ifndef HOOKLINE_BROADCASTER_SERVE_H
#define HOOKLINE_BROADCASTER_SERVE_H

#include "broadcaster/api.h"
#include "broadcaster/stream.h"

struct serve {
    struct access *access;
    struct streams *streams;
    struct api api;
};

/* An http_handler; `context` is a struct serve. */
void serve_request(struct http_exchange *exchange, void *context);

#endif
