/* source_read.c: see source_read.h. */
#include "common/source_read.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *source_key_problem(enum source_provider provider, struct slice key)
{
    if (key.len == 0)
        return "is empty: with an empty key everybody could sign";
    if (is_space(key.ptr[0]) || is_space(key.ptr[key.len - 1]))
        return "begins or ends with white space, with which no signature would match: remove it";
    if (key.len < SOURCE_KEY_MIN)
        return "has fewer than 8 characters: it could be guessed";
    if (key.len > SOURCE_KEY_MAX)
        return "has more than 512 characters: it is something else than a key";
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (c < ' ' || c == 0x7f)
            return "has a control character in it, a line break perhaps: it is one line";
        if (provider != SOURCE_CALCOM && (c == ' ' || c > '~')) /* Cal.com's is whatever somebody typed there */
            return "has a space or a letter beyond ASCII in it: no key of this provider has";
    }
    return NULL;
}

const char *sources_of_key(struct sources **result, struct slice retell_api_key)
{
    if (source_key_problem(SOURCE_RETELL, retell_api_key))
        return "RETELL_API_KEY is empty, shorter than 8 characters, or has white space or control characters in it: "
               "set "
               "Retell's API key that has the \"webhook\" badge, and nothing around it";
    const struct source_key key = {.id = "default", .text = retell_api_key};
    *result = sources_new(&(struct source){.name = "default",
                                           .provider = SOURCE_RETELL,
                                           .keys = &key,
                                           .key_count = 1,
                                           .body_max_bytes = SOURCE_BODY_MAX_BYTES,
                                           .spool = SOURCE_SPOOL_OUTAGE},
                          1);
    return NULL;
}
