/* The sources file: it is taken whole, or refused with lines that say why; what is taken keeps what source.h promises. */
#include "common/source_read.h"
#include "tests/fuzz/fuzz.h"

static const char *no_files(void *context, struct arena *arena, const char *path, struct slice *key)
{
    (void)context;
    (void)arena;
    (void)path;
    *key = SLICE("key_from_a_file");
    return NULL;
}

static void require_sound(const struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        REQUIRE(source_name_valid(slice_of(source->name)) && source->index == i && source->key_count > 0);
        REQUIRE(source->body_max_bytes > 0 && source->body_max_bytes <= SOURCE_BODY_MAX_BYTES);
        REQUIRE(source->rate_per_s >= 0 && (source->rate_per_s == 0 || source->burst > 0));
        REQUIRE(sources_find(sources, source->provider, slice_of(source->name)) == source);
        for (size_t j = 0; j < source->key_count; j++)
            REQUIRE(source->keys[j].hmac && source->keys[j].text.len >= SOURCE_KEY_MIN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer problems = {0};
    const struct sources_input input = {
        .file = "sources.json", .text = fuzz_input(data, size), .key_file = no_files, .retell_api_key = SLICE_ABSENT};
    struct sources *sources = sources_read(&input, &problems);
    REQUIRE((sources == NULL) == (problems.len > 0));
    if (sources)
        require_sound(sources);
    sources_release(sources);
    buffer_free(&problems);
    return 0;
}
