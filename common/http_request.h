/* http_request.h: bytes of a connection -> whole requests, or a refusal. Pure: no sockets, no clock.
 *
 * llhttp in strict mode, and what it lets pass: facts of 2026-09, each of these is 400 and close: Content-Length beside
 * Transfer-Encoding, a second Content-Length, Transfer-Encoding or Host, no Host, a Transfer-Encoding other than chunked,
 * or any on HTTP/1.0, a bare LF, obs-fold, a space before the colon, an empty name, NUL or CR in a value, a chunk
 * extension over 256 bytes, a Content-Length or chunk size that is not plain digits. (HTTP/1.0 needs no Host.) Another
 * version than 1.0 and 1.1 is 505, an expectation that we do not know 417. Trailers are dropped.
 */
#ifndef HOOKLINE_COMMON_HTTP_REQUEST_H
#define HOOKLINE_COMMON_HTTP_REQUEST_H

#include <stdint.h>

#include "common/arena.h"

struct http_limits {
    size_t head_max_bytes;   /* request line and all fields; 0: 8192; more: 431 */
    size_t fields_max;       /* 0: 64; more: 431 */
    size_t target_max_bytes; /* 0: 4096; more: 414 */
    size_t body_max_bytes;   /* 0: no body is accepted; more: 413 before it is read where its length was announced */
};

struct http_field {
    struct slice name;  /* as sent; compare with http_request_field */
    struct slice value; /* without surrounding white space */
};

struct http_request {
    struct slice method;
    struct slice path;  /* as sent, up to '?' */
    struct slice query; /* after '?', absent without one */
    const struct http_field *fields;
    size_t field_count;
    struct slice body;
    bool http_1_0, keep_alive, expects_continue;
    bool upgrade; /* asks for another protocol: what follows on the connection may not be HTTP */
};

/* The value of the field, absent if there is none. Case does not matter. A field that occurs twice: *count says so. */
struct slice http_request_field(const struct http_request *request, const char *name, size_t *count);

/* The value of ?name=… , percent-decoded into the arena; absent if there is none. */
struct slice http_request_parameter(const struct http_request *request, const char *name, struct arena *arena);

enum http_parse {
    HTTP_PARSE_MORE, /* all bytes taken, more are needed */
    HTTP_PARSE_HEAD, /* the head is complete (reported once, before the body, also if there is none): feed again, if only nothing */
    HTTP_PARSE_COMPLETE, /* the request is complete; *consumed may be less than what was given: the rest is the next request's */
    HTTP_PARSE_REFUSED, /* http_parser_refusal says with what; the connection is of no more use */
};

struct http_refusal {
    int status;
    const char *word;    /* "bad_request" */
    const char *message; /* a sentence */
};

struct http_parser;

struct http_parser *http_parser_new(const struct http_limits *limits); /* limits are copied, 0 becomes the default */
void http_parser_free(struct http_parser *parser);
/* Memory of the request (http_parser_request) lies in `arena` until http_parser_next. */
enum http_parse http_parser_feed(struct http_parser *parser, struct arena *arena, struct slice bytes, size_t *consumed);
const struct http_request *http_parser_request(const struct http_parser *parser);
struct http_refusal http_parser_refusal(const struct http_parser *parser);
/* After HTTP_PARSE_HEAD: a body was announced. */
bool http_parser_body_follows(const struct http_parser *parser);
/* Ready for the next request on the same connection. */
void http_parser_next(struct http_parser *parser);

#endif
