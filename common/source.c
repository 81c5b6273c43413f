/* source.c: the rows lie in the set's arena; only the keys must be found again when it goes. */
#include "common/source.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static const char *const PROVIDERS[SOURCE_PROVIDERS] = {
    [SOURCE_RETELL] = "retell", [SOURCE_CALCOM] = "calcom", [SOURCE_STRIPE] = "stripe"};

const char *source_provider_name(enum source_provider provider)
{
    return PROVIDERS[provider];
}

bool source_provider_read(struct slice name, enum source_provider *provider)
{
    for (size_t i = 0; i < COUNT(PROVIDERS); i++)
        if (slice_equals(name, PROVIDERS[i])) {
            *provider = (enum source_provider)i;
            return true;
        }
    return false;
}

bool source_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return name.len >= 1 && name.len <= SOURCE_NAME_MAX;
}

static const struct source_key *copy_keys(struct arena *arena, const struct source_key *keys, size_t count)
{
    struct source_key *copies = arena_zeroed(arena, count, sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = (struct source_key){
            .id = arena_copy(arena, slice_of(keys[i].id)).ptr,
            .text = arena_copy(arena, keys[i].text),
            .expires_at_ms = keys[i].expires_at_ms,
            .hmac = hmac_key_new(keys[i].text),
        };
    return copies;
}

static struct source copy_source(struct arena *arena, const struct source *source, size_t index)
{
    struct source copy = *source;
    struct network *allow = arena_zeroed(arena, source->allow.count, sizeof *allow);
    for (size_t i = 0; i < source->allow.count; i++)
        allow[i] = source->allow.items[i];
    copy.name = arena_copy(arena, slice_of(source->name)).ptr;
    copy.ce_source = arena_format(arena, "/%s/%s", PROVIDERS[source->provider], source->name).ptr;
    copy.keys = copy_keys(arena, source->keys, source->key_count);
    copy.allow.items = allow;
    copy.cost_unit = arena_copy(arena, source->cost_unit);
    copy.index = index;
    return copy;
}

struct sources *sources_new(const struct source *items, size_t count)
{
    struct sources *sources = memory_new(1, sizeof *sources);
    struct arena *arena = arena_new();
    struct source *copies = arena_zeroed(arena, count, sizeof *copies);
    *sources = (struct sources){
        .items = copies, .count = count, .nobody = hmac_key_new(SLICE("nobody")), .arena = arena, .held = 1};
    for (size_t i = 0; i < SOURCE_PROVIDERS; i++)
        sources->keys_most[i] = 1;
    for (size_t i = 0; i < count; i++) {
        copies[i] = copy_source(arena, &items[i], i);
        size_t *most = &sources->keys_most[copies[i].provider];
        *most = copies[i].key_count > *most ? copies[i].key_count : *most;
    }
    return sources;
}

struct sources *sources_hold(struct sources *sources)
{
    sources->held++;
    return sources;
}

void sources_release(struct sources *sources)
{
    if (!sources || --sources->held > 0)
        return;
    for (size_t i = 0; i < sources->count; i++)
        for (size_t at = 0; at < sources->items[i].key_count; at++) {
            const struct source_key *key = &sources->items[i].keys[at];
            hmac_key_free(key->hmac);
            OPENSSL_cleanse((char *)(uintptr_t)key->text.ptr, key->text.len); /* the arena's, so ours to write */
        }
    hmac_key_free(sources->nobody);
    arena_free(sources->arena);
    free(sources);
}

const struct source *sources_find(const struct sources *sources, enum source_provider provider, struct slice name)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].provider == provider && slice_equals(name, sources->items[i].name))
            return &sources->items[i];
    return NULL;
}

bool source_key_active(const struct source_key *key, int64_t now_ms)
{
    return key->expires_at_ms == 0 || now_ms < key->expires_at_ms;
}

const struct source_key *source_first_key(const struct source *source, int64_t now_ms)
{
    for (size_t i = 0; i < source->key_count; i++)
        if (source_key_active(&source->keys[i], now_ms))
            return &source->keys[i];
    return NULL;
}
