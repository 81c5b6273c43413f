/* cursor.c: read from the right, since the numbers' form is certain. */
#include "broadcaster/cursor.h"

#include <ctype.h>

#include "common/text.h"

/* Cuts the last ":number" off; false if there is none. No leading zeros or "+": one position, one spelling. */
static bool cut_number(struct slice *text, int64_t *number)
{
    size_t colon = text->len;
    while (colon > 0 && text->ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct slice digits = slice_from(*text, colon);
    if (!text_read_int(digits, number) || (digits.len > 1 && digits.ptr[0] == '0'))
        return false;
    text->len = colon - 1;
    return true;
}

bool cursor_epoch_valid(struct slice epoch)
{
    for (size_t i = 0; i < epoch.len; i++)
        if (!isalnum((unsigned char)epoch.ptr[i]) && epoch.ptr[i] != '-' && epoch.ptr[i] != '_')
            return false;
    return epoch.len > 0 && epoch.len <= CURSOR_EPOCH_MAX;
}

bool cursor_read(struct slice text, struct cursor *cursor)
{
    int64_t partition = 0;
    int64_t offset = 0;
    if (slice_absent(text) || !cut_number(&text, &offset) || !cut_number(&text, &partition))
        return false;
    if (offset < -1 || partition < 0 || partition > INT32_MAX || !cursor_epoch_valid(text))
        return false;
    *cursor = (struct cursor){text, (int32_t)partition, offset};
    return true;
}

void cursor_write(struct buffer *out, const struct cursor *cursor)
{
    buffer_add(out, cursor->epoch);
    buffer_add_format(out, ":%d:%lld", (int)cursor->partition, (long long)cursor->offset);
}
