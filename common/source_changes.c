/* source_changes.c: a key is its id here; the same id with another text is said to be replaced. */
#include "common/source_changes.h"

#include "common/buffer.h"

static const struct source_key *key_of(const struct source *source, const char *id)
{
    for (size_t i = 0; i < source->key_count; i++)
        if (strcmp(source->keys[i].id, id) == 0)
            return &source->keys[i];
    return NULL;
}

static void begin(struct buffer *out, const char *what)
{
    buffer_add_format(out, "%s%s", out->len ? ", " : "", what);
}

static void add_number(struct buffer *out, const char *what, int64_t before, int64_t after)
{
    if (before == after)
        return;
    begin(out, what);
    buffer_add_format(out, " %lld -> %lld", (long long)before, (long long)after);
}

static void add_keys(struct buffer *out, const struct source *before, const struct source *after)
{
    struct buffer keys = {0};
    for (size_t i = 0; i < after->key_count; i++) {
        const struct source_key *key = &after->keys[i];
        const struct source_key *old = key_of(before, key->id);
        if (!old)
            buffer_add_format(&keys, " +%s", key->id);
        else if (!slice_same(old->text, key->text))
            buffer_add_format(&keys, " %s replaced", key->id);
        else if (old->expires_at_ms != key->expires_at_ms)
            buffer_add_format(&keys, " %s expires otherwise", key->id);
    }
    for (size_t i = 0; i < before->key_count; i++)
        if (!key_of(after, before->keys[i].id))
            buffer_add_format(&keys, " -%s", before->keys[i].id);
    if (keys.len) {
        begin(out, "keys");
        buffer_add(out, buffer_slice(&keys));
    }
    buffer_free(&keys);
}

static bool same_networks(const struct networks *a, const struct networks *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].bits != b->items[i].bits || !address_same(&a->items[i].address, &b->items[i].address))
            return false;
    return true;
}

struct slice source_changes(struct arena *arena, const struct source *before, const struct source *after)
{
    struct buffer out = {0};
    if (!before)
        return SLICE("added");
    if (!after)
        return SLICE("removed");
    add_keys(&out, before, after);
    add_number(&out, "company_id", before->company_id, after->company_id);
    add_number(&out, "rate_per_s", before->rate_per_s, after->rate_per_s);
    add_number(&out, "burst", before->burst, after->burst);
    add_number(&out, "body_max_bytes", (int64_t)before->body_max_bytes, (int64_t)after->body_max_bytes);
    if (!same_networks(&before->allow, &after->allow))
        begin(&out, "allow");
    if (before->spool != after->spool)
        begin(&out, "spool");
    if (!slice_same(before->cost_unit, after->cost_unit))
        begin(&out, "cost_unit");
    struct slice text = out.len ? arena_copy(arena, buffer_slice(&out)) : SLICE_ABSENT;
    buffer_free(&out);
    return text;
}
