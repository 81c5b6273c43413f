/* traceparent.c: fields at fixed places. */
#include "ingest/traceparent.h"

#include "common/text.h"

enum { TRACE_AT = 3, TRACE_LEN = 32, SPAN_AT = 36, SPAN_LEN = 16, FLAGS_AT = 53, TRACE_BYTES = 16, SPAN_BYTES = 8 };

/* Lower case only: the specification says so. */
static bool is_hex(struct slice sent, size_t at, size_t len)
{
    for (size_t i = at; i < at + len; i++)
        if (!((sent.ptr[i] >= '0' && sent.ptr[i] <= '9') || (sent.ptr[i] >= 'a' && sent.ptr[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(struct slice sent, size_t at, size_t len)
{
    for (size_t i = at; i < at + len; i++)
        if (sent.ptr[i] != '0')
            return false;
    return true;
}

static bool is_valid(struct slice sent)
{
    if (sent.len < TRACEPARENT_LEN || !is_hex(sent, 0, 2) || memcmp(sent.ptr, "ff", 2) == 0)
        return false;
    /* A later version may have more fields behind; version 00 has none. */
    if (sent.len > TRACEPARENT_LEN && (memcmp(sent.ptr, "00", 2) == 0 || sent.ptr[TRACEPARENT_LEN] != '-'))
        return false;
    return sent.ptr[TRACE_AT - 1] == '-' && sent.ptr[SPAN_AT - 1] == '-' && sent.ptr[FLAGS_AT - 1] == '-' &&
           is_hex(sent, TRACE_AT, TRACE_LEN) && is_hex(sent, SPAN_AT, SPAN_LEN) && is_hex(sent, FLAGS_AT, 2) &&
           !is_zero(sent, TRACE_AT, TRACE_LEN) && !is_zero(sent, SPAN_AT, SPAN_LEN);
}

bool traceparent_continue(struct slice sent, const uint8_t random[TRACEPARENT_RANDOM_BYTES],
                          char text[TRACEPARENT_LEN + 1])
{
    memcpy(text, "00-", TRACE_AT);
    text_write_hex(random, TRACE_BYTES, text + TRACE_AT);
    text_write_hex(random + TRACE_BYTES, SPAN_BYTES, text + SPAN_AT);
    text[SPAN_AT - 1] = text[FLAGS_AT - 1] = '-';
    memcpy(text + FLAGS_AT, "00", 3);
    if (!is_valid(sent))
        return false;
    memcpy(text + TRACE_AT, sent.ptr + TRACE_AT, TRACE_LEN);
    memcpy(text + FLAGS_AT, sent.ptr + FLAGS_AT, 2);
    return true;
}
