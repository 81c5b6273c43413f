/* source_read.c: every source is read to its end, so that all of a file's problems are said at once. */
#include "common/source_read.h"

#include <stdio.h>

#include "common/source_fields.h"
#include "common/text.h"

enum { RATE_MAX = 1000000, BODY_MIN_BYTES = 1024 };

static const char *const ROOT[] = {"sources", NULL};
static const char *const SOURCE[] = {"name",  "provider",       "company_id", "keys",      "allow", "rate_per_s",
                                     "burst", "body_max_bytes", "spool",      "cost_unit", NULL};
static const char *const KEY[] = {"id", "key", "key_file", "expires_at", NULL};
static const char *const PROVIDERS[] = {"retell", "calcom", "stripe", NULL};
static const char *const SPOOL[] = {[SOURCE_SPOOL_OUTAGE] = "outage", [SOURCE_SPOOL_NEVER] = "never", NULL};
static const char PLACEHOLDER[] = "replace_me"; /* in the keys of deploy/sources.example.json */
static const char *const COST_UNITS[] = {"cents", "dollars", NULL};

struct reader {
    const struct sources_input *input;
    struct buffer *problems;
    struct arena *arena;
    struct source *sources; /* all that could be read so far */
    size_t count;
};

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
    if (memmem(key.ptr, key.len, PLACEHOLDER, sizeof PLACEHOLDER - 1))
        return "is still the example's, which everybody can read: put the provider's key there";
    if (key.len > SOURCE_KEY_MAX)
        return "has more than 512 characters: it is something else than a key";
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (c < ' ' || c == 0x7f)
            return "has a control character in it, a line break perhaps: it must be one line";
        if (provider != SOURCE_CALCOM && (c == ' ' || c > '~')) /* Cal.com's is whatever somebody typed there */
            return "has a space or a letter beyond ASCII in it: no key of this provider has";
    }
    return NULL;
}

/* keys -------------------------------------------------------------------------------------------------------------- */

static struct slice read_key_file(struct reader *reader, const struct fields *fields, struct slice path)
{
    struct slice key = SLICE_ABSENT;
    const char *problem =
        reader->input->key_file(reader->input->context, reader->arena, arena_copy(reader->arena, path).ptr, &key);
    if (!problem)
        return key;
    fields_problem(fields, "key_file", "\"%.*s\" cannot be read: %s", SLICE_PRINT(path), problem);
    return SLICE_ABSENT;
}

static struct slice read_key_text(struct reader *reader, const struct fields *fields, enum source_provider provider)
{
    struct slice direct = fields_text(fields, "key", false);
    struct slice path = fields_text(fields, "key_file", false);
    bool has_direct = json_get(fields->object, "key") != NULL;
    bool has_path = json_get(fields->object, "key_file") != NULL;
    if (has_direct == has_path) {
        fields_problem(fields, NULL, "must have either \"key\" or \"key_file\"");
        return SLICE_ABSENT;
    }
    struct slice key = slice_absent(path) ? direct : read_key_file(reader, fields, path);
    const char *problem = slice_absent(key) ? NULL : source_key_problem(provider, key);
    if (problem)
        fields_problem(fields, has_path ? "key_file" : "key", "the key %s", problem);
    return key;
}

static int64_t read_expiry(const struct fields *fields)
{
    struct slice text = fields_text(fields, "expires_at", false);
    int64_t expires_at_ms = 0;
    if (!slice_absent(text) && (!text_read_time(text, &expires_at_ms) || expires_at_ms <= 0))
        fields_problem(fields, "expires_at", "\"%.*s\" is no time: write 2026-12-31T00:00:00Z",
                       (int)(text.len < 40 ? text.len : 40), text.ptr);
    return expires_at_ms;
}

static void read_key(struct reader *reader, const struct fields *fields, enum source_provider provider,
                     const struct source_key *before, size_t count, struct source_key *key)
{
    struct slice id = fields_text(fields, "id", true);
    *key = (struct source_key){.id = arena_copy(reader->arena, slice_absent(id) ? SLICE("") : id).ptr,
                               .text = read_key_text(reader, fields, provider),
                               .expires_at_ms = read_expiry(fields)};
    if (!slice_absent(id) && !source_name_valid(id))
        fields_problem(fields, "id", "must be 1 to 64 of a-z, 0-9, _ and -: it stands in logs");
    for (size_t i = 0; i < count && !slice_absent(id); i++)
        if (before[i].id && slice_equals(id, before[i].id)) /* NULL: that one was refused whole */
            fields_problem(fields, "id", "\"%s\" is keys[%zu]'s, too: give each its own", key->id, i);
}

static void read_keys(struct reader *reader, const struct fields *fields, struct source *source)
{
    const struct json *array = fields_array(fields, "keys", SOURCE_KEYS_MAX, true);
    struct source_key *keys = arena_zeroed(reader->arena, SOURCE_KEYS_MAX, sizeof *keys);
    size_t at = 0;
    for (const struct json *element = json_first(array); element; element = json_next(array, element), at++) {
        struct fields inner;
        if (fields_of_element(&inner, fields, "keys", at, element, KEY))
            read_key(reader, &inner, source->provider, keys, at, &keys[at]);
    }
    source->keys = keys;
    source->key_count = at;
}

/* sources ----------------------------------------------------------------------------------------------------------- */

static void read_allow(struct reader *reader, const struct fields *fields, struct source *source)
{
    const struct json *array = fields_array(fields, "allow", SOURCE_ALLOW_MAX, false);
    struct network *networks = arena_zeroed(reader->arena, SOURCE_ALLOW_MAX, sizeof *networks);
    size_t at = 0;
    for (const struct json *element = json_first(array); element; element = json_next(array, element), at++) {
        char member[24];
        snprintf(member, sizeof member, "allow[%zu]", at);
        struct slice text = json_text(element);
        if (slice_absent(text) || !network_read(text, &networks[at]))
            fields_problem(fields, member,
                           "\"%.*s\" is no network: write 203.0.113.0/24 or 2001:db8::/32, without bits behind the "
                           "prefix, or one address alone",
                           SLICE_PRINT(text));
    }
    source->allow = (struct networks){networks, at};
}

static void read_name(struct reader *reader, const struct fields *fields, struct source *source)
{
    struct slice name = fields_text(fields, "name", true);
    source->name = arena_copy(reader->arena, slice_absent(name) ? SLICE("") : name).ptr;
    if (slice_absent(name))
        return;
    if (!source_name_valid(name))
        fields_problem(fields, "name", "must be 1 to 64 of a-z, 0-9, _ and -: it stands in paths");
    for (size_t i = 0; i < reader->count; i++)
        if (reader->sources[i].provider == source->provider && slice_equals(name, reader->sources[i].name))
            fields_problem(fields, "name", "\"%s\" is another %s source's, too (sources[%zu]): give each its own",
                           source->name, source_provider_name(source->provider), i);
}

static void read_limits(const struct fields *fields, struct source *source)
{
    source->company_id = fields_count(fields, "company_id", 1, INT64_MAX, 0);
    source->rate_per_s = fields_count(fields, "rate_per_s", 1, RATE_MAX, 0);
    source->burst = fields_count(fields, "burst", 1, RATE_MAX, source->rate_per_s);
    source->body_max_bytes =
        (size_t)fields_count(fields, "body_max_bytes", BODY_MIN_BYTES, SOURCE_BODY_MAX_BYTES, SOURCE_BODY_MAX_BYTES);
    source->spool = (enum source_spool)fields_word(fields, "spool", SPOOL, SOURCE_SPOOL_OUTAGE);
    if (json_get(fields->object, "burst") && !json_get(fields->object, "rate_per_s"))
        fields_problem(fields, "burst", "means nothing without \"rate_per_s\": add that, or remove it");
    int unit = fields_word(fields, "cost_unit", COST_UNITS, 0);
    source->cost_unit = unit == 0 ? SLICE_ABSENT : slice_of(COST_UNITS[unit]);
    if (json_get(fields->object, "cost_unit") && source->provider != SOURCE_RETELL)
        fields_problem(fields, "cost_unit", "is only for Retell, whose webhooks have costs: remove it");
}

static void read_source(struct reader *reader, const struct fields *fields)
{
    struct source *source = &reader->sources[reader->count];
    *source = (struct source){0};
    int provider = fields_word(fields, "provider", PROVIDERS, -1);
    if (!json_get(fields->object, "provider"))
        fields_problem(fields, "provider", "is not there: it must be \"retell\", \"calcom\" or \"stripe\"");
    source->provider = provider < 0 ? SOURCE_RETELL : (enum source_provider)provider;
    read_name(reader, fields, source);
    read_keys(reader, fields, source);
    read_allow(reader, fields, source);
    read_limits(fields, source);
}

/* The whole ---------------------------------------------------------------------------------------------------------- */

/* Two sources with one key: a webhook without a name in its path would belong to both. */
static void refuse_shared_key(struct reader *reader, size_t a, size_t a_key, size_t b, size_t b_key)
{
    const struct source *one = &reader->sources[a];
    const struct source *two = &reader->sources[b];
    const struct slice *key = &two->keys[b_key].text;
    if (one->provider != two->provider || key->len == 0 || !slice_same(one->keys[a_key].text, *key))
        return;
    bool from_setting = reader->input->retell_api_key.ptr && b + 1 == reader->count;
    if (from_setting)
        buffer_add_format(reader->problems,
                          "%s: sources[%zu].keys[%zu]: is RETELL_API_KEY, too, which makes the source \"default\": "
                          "remove one of them\n",
                          reader->input->file, a, a_key);
    else
        buffer_add_format(reader->problems,
                          "%s: sources[%zu].keys[%zu]: is the key of sources[%zu].keys[%zu], too: whose webhook it is "
                          "would be unknown; keep one\n",
                          reader->input->file, b, b_key, a, a_key);
}

static void check_shared_keys(struct reader *reader)
{
    for (size_t b = 0; b < reader->count; b++)
        for (size_t b_key = 0; b_key < reader->sources[b].key_count; b_key++)
            for (size_t a = 0; a <= b; a++)
                for (size_t a_key = 0; a_key < (a < b ? reader->sources[a].key_count : b_key); a_key++)
                    refuse_shared_key(reader, a, a_key, b, b_key);
}

static void read_file(struct reader *reader)
{
    const struct sources_input *input = reader->input;
    const char *problem = NULL;
    size_t line = 0, column = 0;
    struct fields root;
    const struct json *value = json_read_written(reader->arena, input->text, &problem, &line, &column);
    if (!value) {
        buffer_add_format(reader->problems, "%s: line %zu, column %zu: is not JSON: %s\n", input->file, line, column,
                          problem);
        return;
    }
    if (!fields_of_root(&root, input->file, reader->problems, value, ROOT))
        return;
    const struct json *array = fields_array(&root, "sources", SOURCES_MAX, true);
    size_t at = 0;
    for (const struct json *element = json_first(array); element; element = json_next(array, element), at++) {
        struct fields fields;
        reader->sources[reader->count].name = "";
        (void)fields_of_element(&fields, &root, "sources", at, element, SOURCE);
        if (json_is_object(element))
            read_source(reader, &fields);
        reader->count++; /* also one that is none: the places that are named are the file's */
    }
}

static void add_default(struct reader *reader)
{
    struct source_key *key = arena_zeroed(reader->arena, 1, sizeof *key);
    const char *problem = source_key_problem(SOURCE_RETELL, reader->input->retell_api_key);
    if (problem)
        buffer_add_format(reader->problems, "RETELL_API_KEY %s\n", problem);
    for (size_t i = 0; i < reader->count; i++)
        if (reader->sources[i].provider == SOURCE_RETELL && strcmp(reader->sources[i].name, "default") == 0)
            buffer_add_format(reader->problems,
                              "%s: sources[%zu].name: is \"default\", which is the name of RETELL_API_KEY's source: "
                              "choose another, or unset RETELL_API_KEY\n",
                              reader->input->file, i);
    *key = (struct source_key){.id = "default", .text = reader->input->retell_api_key};
    reader->sources[reader->count++] = (struct source){.name = "default",
                                                       .provider = SOURCE_RETELL,
                                                       .keys = key,
                                                       .key_count = 1,
                                                       .body_max_bytes = SOURCE_BODY_MAX_BYTES,
                                                       .spool = SOURCE_SPOOL_OUTAGE};
}

struct sources *sources_read(const struct sources_input *input, struct buffer *problems)
{
    struct reader reader = {.input = input, .problems = problems, .arena = arena_new()};
    size_t before = problems->len;
    reader.sources = arena_zeroed(reader.arena, SOURCES_MAX + 1, sizeof *reader.sources);
    if (input->file)
        read_file(&reader);
    if (!slice_absent(input->retell_api_key))
        add_default(&reader);
    check_shared_keys(&reader);
    struct sources *sources = problems->len == before ? sources_new(reader.sources, reader.count) : NULL;
    arena_free(reader.arena);
    return sources;
}
