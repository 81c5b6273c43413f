/* source.c: one source, one path with and without its name. */
#include "ingest/source.h"

static const char ROUTE[] = "/api/retell/webhook";

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *sources_from_key(struct sources *sources, struct slice retell_api_key)
{
    *sources = (struct sources){0};
    if (retell_api_key.len == 0)
        return "RETELL_API_KEY is empty: with an empty key everybody could sign. Set Retell's API key that has the "
               "\"webhook\" badge.";
    if (is_space(retell_api_key.ptr[0]) || is_space(retell_api_key.ptr[retell_api_key.len - 1]))
        return "RETELL_API_KEY begins or ends with white space, with which no signature would match. Remove it.";
    sources->items[sources->count++] = (struct source){
        .name = "default",
        .provider = "retell",
        .ce_source = "/retell/default",
        .key = signature_key_new(retell_api_key),
    };
    return NULL;
}

void sources_free(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        signature_key_free(sources->items[i].key);
    *sources = (struct sources){0};
}

const struct source *sources_find(const struct sources *sources, struct slice path)
{
    if (!slice_starts_with(path, ROUTE))
        return NULL;
    struct slice rest = slice_from(path, sizeof ROUTE - 1);
    if (rest.len == 0)
        return &sources->items[0];
    if (!slice_starts_with(rest, "/"))
        return NULL;
    struct slice name = slice_from(rest, 1);
    for (size_t i = 0; i < sources->count; i++)
        if (slice_equals(name, sources->items[i].name))
            return &sources->items[i];
    return NULL;
}
