/* JSON as senders write it: what was read and written again is clean, and stays as it is when that is done once more. */
#include "common/json.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

static void walk(const struct json *value, int depth)
{
    int64_t number = 0;
    double real = 0;
    bool answer = false;
    json_text(value);
    json_int(value, &number);
    json_real(value, &real);
    json_bool(value, &answer);
    json_decimal(value, 6, &number);
    if (depth == 0)
        return;
    for (const struct json *element = json_first(value); element; element = json_next(value, element))
        walk(element, depth - 1);
    const struct json *member = NULL;
    for (size_t i = 0; i < 8 && !slice_absent(json_name(value, i, &member)); i++)
        walk(member, depth - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    const char *problem = NULL;
    uint64_t repaired = 0;
    uint64_t repaired_again = 0;
    const struct json *root = json_read(arena, fuzz_input(data, size), &problem);
    REQUIRE((root == NULL) == (problem != NULL));
    if (root) {
        walk(root, 4);
        struct slice once = json_write(arena, root, &repaired);
        for (struct slice rest = once; rest.len > 0;) {
            size_t len = text_utf8_length(rest);
            REQUIRE(len > 0 && rest.ptr[0] != '\0');
            rest = slice_from(rest, len);
        }
        const struct json *again = json_read(arena, once, &problem);
        REQUIRE(again != NULL);
        REQUIRE(slice_same(once, json_write(arena, again, &repaired_again)) && repaired_again == 0);
    }
    arena_free(arena);
    return 0;
}
