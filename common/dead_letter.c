/* dead_letter.c: one header a fact, all of them text. Pure. */
#include "common/dead_letter.h"

#include <inttypes.h>

#include "common/text.h"

/* A count has no more digits, and what is kept whole of a letter that is cut (dead_letter_cut.h) must have an end. */
enum { REPLAYS_MAX_BYTES = 20 };

static struct slice decimal(struct arena *arena, int64_t number)
{
    return arena_format(arena, "%" PRId64, number);
}

/* At most `max` bytes, and no character cut in two: bytes 10xxxxxx continue one (RFC 3629). */
static struct slice cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    text.len = max;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static bool is_ours(const struct header *header)
{
    return strncmp(header->name, "dlq.", 4) == 0;
}

struct header *dead_letter_headers(struct arena *arena, const struct header *original, size_t count,
                                   const struct dead_letter *letter, size_t *result_count)
{
    struct header *headers = arena_zeroed(arena, count + DEAD_LETTER_HEADERS, sizeof *headers);
    struct slice replays = SLICE("0");
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(&original[i]))
            headers[kept++] = original[i];
        else if (strcmp(original[i].name, "dlq.replays") == 0)
            replays = cut(original[i].value, REPLAYS_MAX_BYTES);
    const struct header ours[DEAD_LETTER_HEADERS] = {
        {"dlq.topic", letter->topic},
        {"dlq.partition", decimal(arena, letter->partition)},
        {"dlq.offset", decimal(arena, letter->offset)},
        {"dlq.timestamp", text_write_time(arena, letter->timestamp_ms)},
        {"dlq.stage", slice_of(letter->stage)},
        {"dlq.code", letter->code},
        {"dlq.detail", cut(letter->detail, DEAD_LETTER_DETAIL_MAX_BYTES)},
        {"dlq.attempts", decimal(arena, letter->attempts)},
        {"dlq.first-failed-at", text_write_time(arena, letter->first_failed_ms)},
        {"dlq.replays", replays},
    };
    memcpy(headers + kept, ours, sizeof ours);
    *result_count = kept + DEAD_LETTER_HEADERS;
    return headers;
}
