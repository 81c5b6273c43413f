/* http_lines.c: one step per byte, but for the runs that names and values are made of; every refusal is a row below. */
#include "common/http_lines.h"

static const struct http_refusal LINE_END = {400, "bad_request",
                                             "A line must end in CR LF, and neither may stand alone."};
static const struct http_refusal REQUEST_BYTE = {400, "bad_request",
                                                 "The request line holds something else than printable ASCII."};
static const struct http_refusal REQUEST_SPACE = {400, "bad_request",
                                                  "The request line's parts must be parted by one space."};
static const struct http_refusal FOLDED = {400, "bad_request", "A field must not go on in the next line."};
static const struct http_refusal NAME_EMPTY = {400, "bad_request", "A field has no name."};
static const struct http_refusal NAME_BYTE = {400, "bad_request",
                                              "A field's name may hold token characters only, up to the colon."};
static const struct http_refusal VALUE_BYTE = {400, "bad_request", "A field's value holds a control character."};
static const struct http_refusal HEAD_LONG = {431, "head_too_large",
                                              "The request line and fields are larger than accepted."};
static const struct http_refusal FIELDS_MANY = {431, "too_many_fields", "There are more fields than accepted."};
static const struct http_refusal TARGET_LONG = {414, "target_too_long",
                                                "The request's target is longer than accepted."};

void http_lines_head(struct http_lines *lines, const struct http_limits *limits)
{
    *lines = (struct http_lines){.state = LINES_START, .limits = limits};
}

void http_lines_trailers(struct http_lines *lines, const struct http_limits *limits)
{
    *lines = (struct http_lines){.state = LINES_FIELD_START, .limits = limits};
}

/* RFC 9110, 5.6.2 */
static bool is_token(unsigned char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static const struct http_refusal *request_byte(struct http_lines *lines, unsigned char c)
{
    if (c == '\r') {
        lines->state = LINES_LF;
        return lines->after_space ? &REQUEST_SPACE : NULL;
    }
    if (c == '\n')
        return &LINE_END;
    if (c < ' ' || c > '~')
        return &REQUEST_BYTE;
    if (c == ' ') {
        if (lines->after_space)
            return &REQUEST_SPACE;
        lines->spaces++;
    } else if (lines->spaces == 1 && ++lines->target_bytes > lines->limits->target_max_bytes) {
        return &TARGET_LONG;
    }
    lines->after_space = c == ' ';
    return NULL;
}

static const struct http_refusal *start_byte(struct http_lines *lines, unsigned char c)
{
    if (c == '\r' && lines->bytes == 1) {
        lines->state = LINES_LF_EMPTY;
        return NULL;
    }
    if (c == '\r' || c == '\n')
        return &LINE_END;
    lines->state = LINES_REQUEST;
    lines->after_space = true; /* so that a leading space is refused */
    return request_byte(lines, c);
}

static const struct http_refusal *name_byte(struct http_lines *lines, unsigned char c)
{
    if (c == ':')
        lines->state = LINES_VALUE;
    else if (!is_token(c))
        return c == '\n' || c == '\r' ? &LINE_END : &NAME_BYTE;
    return NULL;
}

static const struct http_refusal *field_start_byte(struct http_lines *lines, unsigned char c)
{
    if (c == '\r') {
        lines->state = LINES_LF_END;
        return NULL;
    }
    if (c == ' ' || c == '\t')
        return &FOLDED;
    if (c == ':')
        return &NAME_EMPTY;
    if (++lines->fields > lines->limits->fields_max)
        return &FIELDS_MANY;
    lines->state = LINES_NAME;
    return name_byte(lines, c);
}

static const struct http_refusal *value_byte(struct http_lines *lines, unsigned char c)
{
    if (c == '\r')
        lines->state = LINES_LF;
    else if (c == '\n')
        return &LINE_END;
    else if ((c < ' ' && c != '\t') || c == 0x7f)
        return &VALUE_BYTE;
    return NULL;
}

static const struct http_refusal *line_feed(struct http_lines *lines, unsigned char c)
{
    if (c != '\n')
        return &LINE_END;
    switch (lines->state) {
    case LINES_LF_EMPTY:
        lines->state = LINES_START;
        break;
    case LINES_LF_END:
        lines->state = LINES_END;
        break;
    default:
        lines->state = LINES_FIELD_START;
        break;
    }
    return NULL;
}

static const struct http_refusal *next_byte(struct http_lines *lines, unsigned char c)
{
    if (++lines->bytes > lines->limits->head_max_bytes)
        return &HEAD_LONG;
    switch (lines->state) {
    case LINES_START:
        return start_byte(lines, c);
    case LINES_REQUEST:
        return request_byte(lines, c);
    case LINES_FIELD_START:
        return field_start_byte(lines, c);
    case LINES_NAME:
        return name_byte(lines, c);
    case LINES_VALUE:
        return value_byte(lines, c);
    default:
        return line_feed(lines, c);
    }
}

/* How many of the next bytes are what names and values are mostly made of, and so change nothing but their count. Whatever
 * else there is takes its step in next_byte. */
static size_t run_length(const struct http_lines *lines, const char *bytes, size_t len)
{
    size_t left = lines->limits->head_max_bytes - lines->bytes;
    size_t most = len < left ? len : left;
    const unsigned char *at = (const unsigned char *)bytes;
    size_t length = 0;
    if (lines->state == LINES_VALUE)
        while (length < most && at[length] >= ' ' && at[length] != 0x7f)
            length++;
    else if (lines->state == LINES_NAME)
        while (length < most && (at[length] | 0x20) >= 'a' && (at[length] | 0x20) <= 'z')
            length++;
    return length;
}

const struct http_refusal *http_lines_scan(struct http_lines *lines, struct slice bytes, size_t *scanned)
{
    *scanned = 0;
    while (*scanned < bytes.len && lines->state != LINES_END) {
        size_t run = run_length(lines, bytes.ptr + *scanned, bytes.len - *scanned);
        lines->bytes += run;
        *scanned += run;
        if (*scanned == bytes.len)
            break;
        const struct http_refusal *refusal = next_byte(lines, (unsigned char)bytes.ptr[*scanned]);
        if (refusal)
            return refusal;
        ++*scanned;
    }
    return NULL;
}
