/* http_request.c: lines are checked first (http_lines.c), then llhttp reads the head in one piece, then we refuse what it
 * let pass; bodies of a known length are counted, chunked ones are llhttp's. */
#include "common/http_request.h"

#include <llhttp.h>
#include <stdlib.h>
#include <strings.h>

#include "common/http_framing.h"
#include "common/http_lines.h"
#include "common/text.h"

enum {
    HEAD_MAX_BYTES = 8192,
    FIELDS_MAX = 64,
    TARGET_MAX_BYTES = 4096,
    EXTENSION_MAX_BYTES = 256,
    BODY_FIRST_BYTES = 65536, /* an announced length is only believed up to here: memory follows what was really sent */
    BODY_GROWTH = 4,          /* the arena keeps outgrown copies: a third of the body at this factor */
};

static const struct http_refusal NOT_HTTP = {400, "bad_request", "This is not an HTTP/1.1 request."};
static const struct http_refusal METHOD_CONNECT = {400, "bad_request", "CONNECT is for proxies."};
static const struct http_refusal CHUNK = {400, "bad_request", "The chunked body is malformed."};
static const struct http_refusal EXTENSION_LONG = {400, "bad_request", "A chunk extension is longer than 256 bytes."};
static const struct http_refusal BODY_LONG = {413, "body_too_large", "The body is larger than accepted."};
static const struct http_refusal VERSION = {505, "version_not_supported",
                                            "Only HTTP/1.1 and HTTP/1.0 are spoken here."};

enum parser_place { AT_HEAD, AT_BODY_START, AT_BODY_COUNTED, AT_BODY_CHUNKED, AT_TRAILERS, AT_END, AT_REFUSED };

struct http_parser {
    struct http_limits limits;
    enum parser_place place;
    struct http_lines lines;
    char *head; /* head_max_bytes of the arena: all slices of the request point into it */
    size_t head_len;
    llhttp_t machine;
    struct http_request request;
    struct http_field *fields;
    struct http_framing framing;
    char *body;
    size_t body_len, body_capacity;
    size_t extension_bytes;
    struct arena *arena; /* of the feed that is running */
    const struct http_refusal *refusal;
};

/* ---- what llhttp tells us ---- */

static int on_method(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = machine->data;
    parser->request.method = (struct slice){at, len};
    return 0;
}

static int on_url(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = machine->data;
    const char *question = memchr(at, '?', len);
    size_t path_len = question ? (size_t)(question - at) : len;
    parser->request.path = (struct slice){at, path_len};
    parser->request.query = question ? (struct slice){question + 1, len - path_len - 1} : SLICE_ABSENT;
    return 0;
}

static int on_field(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = machine->data;
    parser->fields[parser->request.field_count] = (struct http_field){{at, len}, {"", 0}};
    return 0;
}

static int on_value(llhttp_t *machine, const char *at, size_t len)
{
    struct http_parser *parser = machine->data;
    while (len > 0 && (at[0] == ' ' || at[0] == '\t'))
        at++, len--;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    parser->fields[parser->request.field_count].value = (struct slice){at, len};
    return 0;
}

static int on_value_complete(llhttp_t *machine)
{
    struct http_parser *parser = machine->data;
    parser->request.field_count++; /* at most lines.fields: both count lines */
    return 0;
}

static int on_headers_complete(llhttp_t *machine)
{
    (void)machine;
    return HPE_PAUSED;
}

static int on_extension(llhttp_t *machine, const char *at, size_t len)
{
    (void)at;
    struct http_parser *parser = machine->data;
    parser->extension_bytes += len;
    if (parser->extension_bytes <= EXTENSION_MAX_BYTES)
        return 0;
    parser->refusal = &EXTENSION_LONG;
    return HPE_USER;
}

/* The chunk of length 0 is followed by trailers, and those are ours (http_lines). */
static int on_chunk_header(llhttp_t *machine)
{
    struct http_parser *parser = machine->data;
    parser->extension_bytes = 0;
    if (machine->content_length > parser->limits.body_max_bytes - parser->body_len) {
        parser->refusal = &BODY_LONG; /* announced is enough */
        return HPE_USER;
    }
    return machine->content_length == 0 ? HPE_PAUSED : 0;
}

static bool body_add(struct http_parser *parser, const char *bytes, size_t len);

static int on_body(llhttp_t *machine, const char *at, size_t len)
{
    return body_add(machine->data, at, len) ? 0 : HPE_USER;
}

static const llhttp_settings_t MACHINE = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
};

/* ---- what we refuse ---- */

static enum http_parse refuse(struct http_parser *parser, const struct http_refusal *refusal)
{
    parser->place = AT_REFUSED;
    if (!parser->refusal)
        parser->refusal = refusal;
    return HTTP_PARSE_REFUSED;
}

static const struct http_refusal *check_head(struct http_parser *parser)
{
    const llhttp_t *machine = &parser->machine;
    if (machine->http_major != 1 || machine->http_minor > 1)
        return &VERSION;
    if (machine->method == HTTP_CONNECT)
        return &METHOD_CONNECT;
    parser->request.http_1_0 = machine->http_minor == 0;
    parser->request.upgrade = machine->upgrade;
    parser->request.keep_alive = llhttp_should_keep_alive(machine);
    return http_framing_read(&parser->request, &parser->framing);
}

/* ---- the head ---- */

static enum http_parse read_head(struct http_parser *parser)
{
    llhttp_init(&parser->machine, HTTP_REQUEST, &MACHINE);
    parser->machine.data = parser;
    parser->fields = arena_zeroed(parser->arena, parser->lines.fields + 1, sizeof *parser->fields);
    parser->request = (struct http_request){.fields = parser->fields, .query = SLICE_ABSENT};
    llhttp_errno_t outcome = llhttp_execute(&parser->machine, parser->head, parser->head_len);
    if (outcome != HPE_PAUSED || llhttp_get_error_pos(&parser->machine) != parser->head + parser->head_len)
        return refuse(parser, &NOT_HTTP); /* a duplicate or odd Content-Length ends here too */
    const struct http_refusal *refusal = check_head(parser);
    if (refusal)
        return refuse(parser, refusal);
    parser->place = AT_BODY_START;
    return HTTP_PARSE_HEAD;
}

static enum http_parse feed_head(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    if (parser->head_len == 0)
        parser->head = arena_alloc(parser->arena, parser->limits.head_max_bytes);
    size_t scanned = 0;
    const struct http_refusal *refusal = http_lines_scan(&parser->lines, bytes, &scanned);
    *consumed += scanned;
    if (refusal)
        return refuse(parser, refusal);
    if (scanned > 0)
        memcpy(parser->head + parser->head_len, bytes.ptr, scanned);
    parser->head_len += scanned;
    return parser->lines.state == LINES_END ? read_head(parser) : HTTP_PARSE_MORE;
}

/* ---- the body ---- */

static bool body_add(struct http_parser *parser, const char *bytes, size_t len)
{
    if (len > parser->limits.body_max_bytes - parser->body_len) {
        parser->refusal = &BODY_LONG;
        return false;
    }
    size_t needed = parser->body_len + len;
    if (needed > parser->body_capacity) {
        size_t capacity = parser->body_capacity ? parser->body_capacity * BODY_GROWTH : BODY_FIRST_BYTES;
        if (capacity < needed)
            capacity = needed;
        if (!parser->framing.chunked && capacity > parser->framing.length)
            capacity = (size_t)parser->framing.length;
        char *larger = arena_alloc(parser->arena, capacity);
        if (parser->body_len > 0)
            memcpy(larger, parser->body, parser->body_len);
        parser->body = larger;
        parser->body_capacity = capacity;
    }
    memcpy(parser->body + parser->body_len, bytes, len);
    parser->body_len = needed;
    return true;
}

static enum http_parse complete(struct http_parser *parser)
{
    parser->place = AT_END;
    parser->request.body = (struct slice){parser->body ? parser->body : "", parser->body_len};
    return HTTP_PARSE_COMPLETE;
}

/* Not at the head's end but here: whoever saw the head may have set another limit meanwhile. */
static enum http_parse start_body(struct http_parser *parser)
{
    if (parser->framing.chunked) {
        llhttp_resume(&parser->machine);
        parser->place = AT_BODY_CHUNKED;
        return HTTP_PARSE_MORE;
    }
    if (parser->framing.length > parser->limits.body_max_bytes)
        return refuse(parser, &BODY_LONG);
    parser->place = AT_BODY_COUNTED;
    return HTTP_PARSE_MORE;
}

static enum http_parse feed_counted(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    size_t wanted = (size_t)parser->framing.length - parser->body_len;
    size_t len = bytes.len < wanted ? bytes.len : wanted;
    if (len > 0 && !body_add(parser, bytes.ptr, len))
        return refuse(parser, &BODY_LONG);
    *consumed += len;
    return parser->body_len == parser->framing.length ? complete(parser) : HTTP_PARSE_MORE;
}

static enum http_parse feed_chunked(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    if (bytes.len == 0)
        return HTTP_PARSE_MORE;
    llhttp_errno_t outcome = llhttp_execute(&parser->machine, bytes.ptr, bytes.len);
    if (outcome == HPE_OK) {
        *consumed += bytes.len;
        return HTTP_PARSE_MORE;
    }
    if (outcome != HPE_PAUSED)
        return refuse(parser, &CHUNK);
    *consumed += (size_t)(llhttp_get_error_pos(&parser->machine) - bytes.ptr);
    http_lines_trailers(&parser->lines, &parser->limits);
    parser->place = AT_TRAILERS;
    return HTTP_PARSE_MORE;
}

static enum http_parse feed_trailers(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    size_t scanned = 0;
    const struct http_refusal *refusal = http_lines_scan(&parser->lines, bytes, &scanned);
    *consumed += scanned;
    if (refusal)
        return refuse(parser, refusal);
    return parser->lines.state == LINES_END ? complete(parser) : HTTP_PARSE_MORE;
}

/* ---- the interface ---- */

struct http_parser *http_parser_new(const struct http_limits *limits)
{
    struct http_parser *parser = memory_new(1, sizeof *parser);
    parser->limits = *limits;
    if (parser->limits.head_max_bytes == 0)
        parser->limits.head_max_bytes = HEAD_MAX_BYTES;
    if (parser->limits.fields_max == 0)
        parser->limits.fields_max = FIELDS_MAX;
    if (parser->limits.target_max_bytes == 0)
        parser->limits.target_max_bytes = TARGET_MAX_BYTES;
    http_parser_next(parser);
    return parser;
}

void http_parser_free(struct http_parser *parser)
{
    free(parser);
}

void http_parser_next(struct http_parser *parser)
{
    *parser = (struct http_parser){.limits = parser->limits};
    http_lines_head(&parser->lines, &parser->limits);
}

enum http_parse http_parser_feed(struct http_parser *parser, struct arena *arena, struct slice bytes, size_t *consumed)
{
    *consumed = 0;
    parser->arena = arena;
    if (parser->place == AT_REFUSED)
        return HTTP_PARSE_REFUSED;
    if (parser->place == AT_END)
        return HTTP_PARSE_COMPLETE;
    if (parser->place == AT_HEAD)
        return feed_head(parser, bytes, consumed);
    if (parser->place == AT_BODY_START && start_body(parser) == HTTP_PARSE_REFUSED)
        return HTTP_PARSE_REFUSED;
    if (parser->place == AT_BODY_COUNTED)
        return feed_counted(parser, bytes, consumed);
    if (parser->place == AT_BODY_CHUNKED) {
        enum http_parse outcome = feed_chunked(parser, bytes, consumed);
        if (outcome == HTTP_PARSE_REFUSED || parser->place != AT_TRAILERS)
            return outcome;
    }
    return feed_trailers(parser, slice_from(bytes, *consumed), consumed);
}

const struct http_request *http_parser_request(const struct http_parser *parser)
{
    return &parser->request;
}

bool http_parser_body_follows(const struct http_parser *parser)
{
    return parser->framing.chunked || parser->framing.length > 0;
}

struct http_refusal http_parser_refusal(const struct http_parser *parser)
{
    return *parser->refusal;
}

static bool text_is(struct slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

struct slice http_request_field(const struct http_request *request, const char *name, size_t *count)
{
    struct slice value = SLICE_ABSENT;
    size_t seen = 0;
    for (size_t i = 0; i < request->field_count; i++)
        if (text_is(request->fields[i].name, name) && seen++ == 0)
            value = request->fields[i].value;
    if (count)
        *count = seen;
    return value;
}

static struct slice percent_decode(struct slice text, struct arena *arena)
{
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte == '%' && text.len - i > 2 && text_read_hex((struct slice){text.ptr + i + 1, 2}, &byte, 1))
            i += 2;
        decoded[len++] = (char)byte;
    }
    decoded[len] = '\0';
    return (struct slice){decoded, len};
}

struct slice http_request_parameter(const struct http_request *request, const char *name, struct arena *arena)
{
    size_t name_len = strlen(name);
    struct slice rest = request->query;
    while (rest.len > 0) {
        const char *ampersand = memchr(rest.ptr, '&', rest.len);
        struct slice pair = {rest.ptr, ampersand ? (size_t)(ampersand - rest.ptr) : rest.len};
        rest = slice_from(rest, pair.len + 1);
        if (!slice_starts_with(pair, name))
            continue;
        if (pair.len == name_len)
            return SLICE("");
        if (pair.ptr[name_len] == '=')
            return percent_decode(slice_from(pair, name_len + 1), arena);
    }
    return SLICE_ABSENT;
}
