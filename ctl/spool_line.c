/* spool_line.c: see spool_line.h. */
#include "ctl/spool_line.h"

static void add_base64(struct buffer *out, struct slice bytes)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buffer_add_char(out, '"');
    for (size_t at = 0; at < bytes.len; at += 3) { /* RFC 4648, 4 */
        size_t left = bytes.len - at < 3 ? bytes.len - at : 3;
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < left ? (unsigned char)bytes.ptr[at + i] : 0);
        for (size_t i = 0; i < 4; i++)
            buffer_add_char(out, i <= left ? LETTERS[group >> (18 - 6 * i) & 63] : '=');
    }
    buffer_add_char(out, '"');
}

static void add_headers(struct buffer *out, const struct record *record)
{
    buffer_add_text(out, ",\"headers\":[");
    for (size_t i = 0; i < record->header_count; i++) {
        buffer_add_text(out, i > 0 ? ",[" : "[");
        buffer_add_json_string(out, slice_of(record->headers[i].name));
        buffer_add_char(out, ',');
        if (slice_absent(record->headers[i].value))
            buffer_add_text(out, "null");
        else
            add_base64(out, record->headers[i].value);
        buffer_add_char(out, ']');
    }
    buffer_add_char(out, ']');
}

void spool_line_write(struct buffer *out, const struct spool_row *row)
{
    buffer_add_format(out, "{\"sequence\":%lld,\"received_at\":\"", (long long)row->sequence);
    buffer_add_time(out, row->received_ms);
    buffer_add_text(out, "\",\"topic\":");
    buffer_add_json_string(out, slice_of(row->record.topic));
    buffer_add_format(out, ",\"partition\":%d,\"key\":", row->record.partition);
    add_base64(out, row->record.key);
    add_headers(out, &row->record);
    buffer_add_text(out, ",\"value\":");
    add_base64(out, row->record.value);
    if (row->problem) {
        buffer_add_text(out, ",\"problem\":");
        buffer_add_json_string(out, slice_of(row->problem));
    }
    buffer_add_text(out, "}\n");
}
