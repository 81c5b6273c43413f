/* page.h: the dashboard's files, from inside the program, with headers that allow a browser nothing else. */
#ifndef HOOKLINE_BROADCASTER_PAGE_H
#define HOOKLINE_BROADCASTER_PAGE_H

#include "common/http_server.h"

/* Answers with the file of that name, 304 if the browser has it, 404 if there is none. */
void page_respond(struct http_exchange *exchange, struct slice file);

/* Answers with the page itself and this status: it shows why by asking the API. */
void page_respond_index(struct http_exchange *exchange, int status);

#endif
