/* verdicts: ingest's verdict on signatures that somebody else made up, for tests/differential/signatures.mjs.
 *
 *      PROVIDER KEY BODY HEADER NOW_MS      a line of stdin; key, body and header in hex, "-" for a header that is missing
 *      1                                    a line of stdout: accepted; 0: refused
 *
 * Goes the way that a request goes: a set of sources, a route, sender_find.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "ingest/sender.h"

static void refuse_input(const char *what)
{
    fprintf(stderr, "verdicts: %s\n", what);
    exit(70);
}

static struct slice next_word(struct slice *line)
{
    const char *space = memchr(line->ptr, ' ', line->len);
    struct slice word = {line->ptr, space ? (size_t)(space - line->ptr) : line->len};
    *line = slice_from(*line, word.len + 1);
    return word;
}

static struct slice read_hex(struct arena *arena, struct slice hex)
{
    if (slice_equals(hex, "-"))
        return SLICE_ABSENT;
    uint8_t *bytes = arena_alloc(arena, hex.len / 2 + 1);
    if (!text_read_hex(hex, bytes, hex.len / 2))
        refuse_input("a word is no hex");
    return (struct slice){(const char *)bytes, hex.len / 2};
}

static bool accepted(struct arena *arena, struct slice line)
{
    enum source_provider provider = SOURCE_RETELL;
    int64_t now_ms = 0;
    struct sender sender;
    if (!source_provider_read(next_word(&line), &provider))
        refuse_input("no such provider");
    const struct source_key key = {.id = "k", .text = read_hex(arena, next_word(&line))};
    struct slice body = read_hex(arena, next_word(&line));
    struct slice header = read_hex(arena, next_word(&line));
    if (!text_read_int(next_word(&line), &now_ms))
        refuse_input("the time is no number");
    struct sources *sources =
        sources_new(&(struct source){.name = "one", .provider = provider, .keys = &key, .key_count = 1}, 1);
    struct route route = {&PROVIDERS[provider], SLICE_ABSENT};
    bool valid = sender_find(&sender, sources, &route, body, header, now_ms) == SIGNATURE_VALID;
    sources_release(sources);
    return valid;
}

int main(void)
{
    struct arena *arena = arena_new();
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t len = getline(&line, &capacity, stdin); len > 0; len = getline(&line, &capacity, stdin)) {
        size_t without_newline = (size_t)len - (line[len - 1] == '\n');
        puts(accepted(arena, (struct slice){line, without_newline}) ? "1" : "0");
        arena_reset(arena);
    }
    free(line);
    arena_free(arena);
    return fflush(stdout) == 0 ? 0 : 70;
}
