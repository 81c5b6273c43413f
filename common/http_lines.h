/* http_lines.h: the lines of a head, or of trailers, held to the letter of RFC 9112 before any parser reads them.
 *
 *      POST /x HTTP/1.1 CR LF          printable ASCII, single spaces between
 *      Name: value CR LF               a name of token characters right before the colon; no control characters in a value
 *      CR LF                           the end
 *
 * Byte after byte, so that it does not matter how they arrive. Refuses what parsers disagree about, which is how requests
 * are smuggled: a bare LF or CR, obs-fold, white space before a colon, an empty name, NUL. Counts what has a limit. Pure.
 */
#ifndef HOOKLINE_COMMON_HTTP_LINES_H
#define HOOKLINE_COMMON_HTTP_LINES_H

#include "common/http_request.h"

enum http_lines_state {
    LINES_START, /* nothing of the request line yet; one empty line before it is allowed (RFC 9112, 2.2) */
    LINES_REQUEST,
    LINES_FIELD_START,
    LINES_NAME,
    LINES_VALUE,
    LINES_LF_EMPTY, /* CR of that empty line was seen */
    LINES_LF,       /* CR of a line was seen */
    LINES_LF_END,   /* CR of the last line was seen */
    LINES_END,
};

struct http_lines {
    enum http_lines_state state;
    const struct http_limits *limits; /* borrowed; none of them 0 but perhaps the body's */
    size_t bytes, fields;
    size_t spaces, target_bytes; /* of the request line */
    bool after_space;
};

void http_lines_head(struct http_lines *lines, const struct http_limits *limits);
/* Trailers are held to the same limits. */
void http_lines_trailers(struct http_lines *lines, const struct http_limits *limits);

/* Takes bytes up to the end of the section; *scanned says how many. NULL when fine (LINES_END says that it is over). */
const struct http_refusal *http_lines_scan(struct http_lines *lines, struct slice bytes, size_t *scanned);

#endif
