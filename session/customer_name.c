/* customer_name.c: see customer_name.h. The variables' names are the customer's own: these three are the vendor's examples
 * and what simulators and agents in the field use. */
#include "session/customer_name.h"

#include <stdlib.h>

#include "common/text.h"
#include "session/call_customer.h"

enum { NAME_MAX_BYTES = 200 };

static const char *const KEYS[] = {"customer_name", "caller_name", "name"};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trim(struct slice text)
{
    while (text.len && is_blank(text.ptr[0]))
        text = slice_from(text, 1);
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static struct slice cut(struct slice text)
{
    if (text.len <= NAME_MAX_BYTES)
        return text;
    size_t len = NAME_MAX_BYTES;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return (struct slice){text.ptr, len};
}

/* Absent if none of the variables is a name. */
static struct slice read_name(struct arena *arena, const struct json *variables, uint64_t *repaired)
{
    for (size_t i = 0; i < COUNT(KEYS); i++) {
        struct slice name = trim(json_text(json_get(variables, KEYS[i])));
        if (name.len && !slice_starts_with(name, "{{"))
            return arena_copy(arena, cut(text_repair(arena, name, repaired)));
    }
    return SLICE_ABSENT;
}

struct customer_name customer_name_read(struct arena *arena, const struct json *object, const struct call *said,
                                        uint64_t *repaired)
{
    struct customer_name result = {.said_at = said->started_at == CALL_NULL ? 0 : said->started_at, .collected = true};
    result.name = read_name(arena, json_get(object, "collected_dynamic_variables"), repaired);
    if (slice_absent(result.name)) {
        result.collected = false;
        result.name = read_name(arena, json_get(object, "retell_llm_dynamic_variables"), repaired);
    }
    if (!slice_absent(result.name))
        result.number = call_customer_number(arena, said);
    return slice_absent(result.number) ? (struct customer_name){0} : result;
}

static int key_compare(const struct customer_naming *a, const struct customer_naming *b)
{
    if (a->company_id != b->company_id)
        return a->company_id < b->company_id ? -1 : 1;
    return slice_compare(a->said.number, b->said.number);
}

static int naming_compare(const void *left, const void *right)
{
    const struct customer_naming *a = left;
    const struct customer_naming *b = right;
    int order = key_compare(a, b);
    if (order != 0)
        return order;
    if (a->said.said_at != b->said.said_at)
        return a->said.said_at < b->said.said_at ? -1 : 1;
    if (a->said.collected != b->said.collected)
        return a->said.collected ? 1 : -1;
    return slice_compare(a->said.name, b->said.name);
}

size_t customer_namings_settle(struct customer_naming *namings, size_t count)
{
    size_t kept = 0;
    qsort(namings, count, sizeof *namings, naming_compare);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || key_compare(&namings[i], &namings[i + 1]) != 0)
            namings[kept++] = namings[i];
    return kept;
}
