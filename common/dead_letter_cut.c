/* dead_letter_cut.c: the value gives way first, for without key and headers nobody knows what it is about. */
#include "common/dead_letter_cut.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "common/text.h"

enum {
    CUT_HEADERS = 3,
    KEY_CUT_BYTES = 1024,
    ROOM_FOR_VALUE = 65536, /* headers that leave less than that to the value are themselves what is too large */
};

static struct slice hash_of(struct arena *arena, struct slice value)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char *text = arena_alloc(arena, 2 * sizeof hash);
    SHA256((const unsigned char *)value.ptr, value.len, hash);
    text_write_hex(hash, sizeof hash, text);
    return (struct slice){text, 2 * sizeof hash};
}

static bool is_of_letter(const struct header *header)
{
    return strncmp(header->name, "dlq.", 4) == 0;
}

/* The list with room for what says how it was cut; `all`: only those of the letter. */
static void headers_copy(struct arena *arena, struct record *letter, bool all)
{
    struct header *headers = arena_zeroed(arena, letter->header_count + CUT_HEADERS, sizeof *headers);
    size_t count = 0;
    for (size_t i = 0; i < letter->header_count; i++)
        if (!all || is_of_letter(&letter->headers[i]))
            headers[count++] = letter->headers[i];
    headers[count++] = (struct header){"dlq.cut", all ? SLICE("all") : SLICE("value")};
    headers[count++] = (struct header){"dlq.value-bytes", arena_format(arena, "%zu", letter->value.len)};
    headers[count++] = (struct header){"dlq.value-sha256", hash_of(arena, letter->value)};
    letter->headers = headers;
    letter->header_count = count;
}

static size_t bytes_without_value(const struct record *letter)
{
    struct record rest = *letter;
    rest.value.len = 0;
    return record_bytes(&rest);
}

void dead_letter_cut(struct arena *arena, struct record *letter)
{
    if (record_fits(letter))
        return;
    bool all = bytes_without_value(letter) + ROOM_FOR_VALUE > MESSAGE_MAX_BYTES;
    headers_copy(arena, letter, all);
    if (all && letter->key.len > KEY_CUT_BYTES)
        letter->key.len = KEY_CUT_BYTES;
    size_t room = MESSAGE_MAX_BYTES - bytes_without_value(letter);
    if (letter->value.len > room)
        letter->value.len = room;
}
