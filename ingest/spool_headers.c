/* spool_headers.c: see spool_headers.h. */
#include "ingest/spool_headers.h"

enum { NUMBER_BYTES = 4, HEADER_LEAST_BYTES = 2 * NUMBER_BYTES };

static const uint32_t ABSENT = UINT32_MAX;

static void write_number(struct buffer *out, uint32_t number)
{
    char bytes[NUMBER_BYTES];
    for (size_t i = 0; i < NUMBER_BYTES; i++)
        bytes[i] = (char)(number >> (8 * i));
    buffer_add(out, (struct slice){bytes, NUMBER_BYTES});
}

void spool_headers_write(struct buffer *out, const struct header *headers, size_t count)
{
    write_number(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_of(headers[i].name);
        write_number(out, (uint32_t)name.len);
        buffer_add(out, name);
        bool absent = slice_absent(headers[i].value);
        write_number(out, absent ? ABSENT : (uint32_t)headers[i].value.len);
        if (!absent)
            buffer_add(out, headers[i].value);
    }
}

static bool read_number(struct slice *rest, uint32_t *number)
{
    if (rest->len < NUMBER_BYTES)
        return false;
    *number = 0;
    for (size_t i = 0; i < NUMBER_BYTES; i++)
        *number |= (uint32_t)(unsigned char)rest->ptr[i] << (8 * i);
    *rest = slice_from(*rest, NUMBER_BYTES);
    return true;
}

static bool read_bytes(struct slice *rest, struct arena *arena, struct slice *bytes)
{
    uint32_t len = 0;
    if (!read_number(rest, &len))
        return false;
    *bytes = SLICE_ABSENT;
    if (len == ABSENT)
        return true;
    if (rest->len < len)
        return false;
    *bytes = arena_copy(arena, (struct slice){rest->ptr, len});
    *rest = slice_from(*rest, len);
    return true;
}

bool spool_headers_read(struct slice bytes, struct arena *arena, struct header **headers, size_t *count)
{
    struct slice rest = bytes;
    uint32_t number = 0;
    if (!read_number(&rest, &number) || number > rest.len / HEADER_LEAST_BYTES)
        return false;
    *headers = arena_zeroed(arena, (size_t)number + 1, sizeof **headers);
    for (uint32_t i = 0; i < number; i++) {
        struct slice name;
        if (!read_bytes(&rest, arena, &name) || !read_bytes(&rest, arena, &(*headers)[i].value) || slice_absent(name))
            return false;
        (*headers)[i].name = name.ptr;
    }
    *count = number;
    return rest.len == 0;
}
