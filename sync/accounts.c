/* accounts.c: see accounts.h. */
#include "sync/accounts.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/management.h"
#include "common/sources_file.h"

enum { NAMES_MAX = 64 }; /* a bound for what is said once: a provider's names come from records, too */

struct names {
    char items[NAMES_MAX][SOURCE_NAME_MAX + 1];
    size_t count;
};

struct accounts {
    struct sources_file *file;
    struct readiness *keys_accepted;
    struct names refused, said;
};

static size_t names_find(const struct names *names, struct slice name)
{
    for (size_t i = 0; i < names->count; i++)
        if (slice_equals(name, names->items[i]))
            return i;
    return names->count;
}

/* False: it is there already, or there is no room for more. */
static bool names_add(struct names *names, struct slice name)
{
    if (names->count == NAMES_MAX || name.len > SOURCE_NAME_MAX || names_find(names, name) < names->count)
        return false;
    char *item = names->items[names->count++];
    memcpy(item, name.ptr, name.len);
    item[name.len] = '\0';
    return true;
}

static bool names_remove(struct names *names, struct slice name)
{
    size_t at = names_find(names, name);
    if (at == names->count)
        return false;
    memmove(names->items[at], names->items[--names->count], sizeof names->items[at]);
    return true;
}

static bool can_ask(const struct source *source, int64_t now_ms)
{
    return source->provider == SOURCE_RETELL && source_first_key(source, now_ms);
}

static void note_whether_it_can_ask(struct accounts *accounts)
{
    static const char REASON[] =
        "neither SOURCES nor RETELL_API_KEY has a key of Retell's: jobs are kept, nothing is asked";
    const struct sources *sources = sources_file_now(accounts->file);
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < sources->count; i++)
        if (can_ask(&sources->items[i], now_ms)) {
            readiness_set(accounts->keys_accepted, true, "no key is known to be refused");
            return;
        }
    readiness_set(accounts->keys_accepted, true, REASON);
    log_event(LOG_WARN, "cannot_ask", LOG_TEXT("reason", REASON));
}

static void on_sources(struct sources *sources, void *context)
{
    (void)sources;
    struct accounts *accounts = context;
    accounts->refused = accounts->said = (struct names){.count = 0};
    note_whether_it_can_ask(accounts);
}

const char *accounts_open(struct accounts **result, const struct settings *settings, struct event_base *base)
{
    struct accounts *accounts = memory_new(1, sizeof *accounts);
    accounts->keys_accepted = readiness_new("retell_api");
    const char *problem = sources_file_open(&accounts->file, settings, "sync", base, on_sources, accounts);
    if (problem) {
        free(accounts);
        return problem;
    }
    note_whether_it_can_ask(accounts);
    *result = accounts;
    return NULL;
}

void accounts_close(struct accounts *accounts)
{
    if (!accounts)
        return;
    sources_file_close(accounts->file);
    free(accounts);
}

const struct slice *accounts_names(const struct accounts *accounts, struct arena *arena, int64_t now_ms, size_t *count)
{
    const struct sources *sources = sources_file_now(accounts->file);
    struct slice *names = arena_zeroed(arena, sources->count, sizeof *names);
    *count = 0;
    for (size_t i = 0; i < sources->count; i++)
        if (can_ask(&sources->items[i], now_ms))
            names[(*count)++] = slice_of(sources->items[i].name);
    return names;
}

bool accounts_find(const struct accounts *accounts, struct slice source, int64_t now_ms, struct account *account)
{
    const struct source *found = sources_find(sources_file_now(accounts->file), SOURCE_RETELL, source);
    const struct source_key *key = found ? source_first_key(found, now_ms) : NULL;
    if (!key)
        return false;
    *account =
        (struct account){.key = key->text.ptr, .source_company = found->company_id, .cost_unit = found->cost_unit};
    return true;
}

void accounts_expect(struct accounts *accounts, struct slice source, int64_t now_ms)
{
    struct account account;
    if (accounts_find(accounts, source, now_ms, &account) || !names_add(&accounts->said, source))
        return;
    log_event(LOG_WARN, "cannot_ask", LOG_SLICE("source", source),
              LOG_TEXT("reason", "no Retell source of this name has an active key: its calls' jobs are kept; add it to "
                                 "SOURCES"));
}

void accounts_heard(struct accounts *accounts, struct slice source, bool accepted)
{
    if (accepted ? names_remove(&accounts->refused, source) : names_add(&accounts->refused, source))
        log_event(accepted ? LOG_INFO : LOG_ERROR, accepted ? "key_accepted" : "key_refused",
                  LOG_SLICE("source", source),
                  LOG_TEXT("remedy", accepted ? "" : "give the source a key that Retell knows"));
    bool fine = accounts->refused.count == 0;
    readiness_set(accounts->keys_accepted, fine,
                  fine ? "the platform accepts the keys"
                       : "the platform refuses a source's key (401, 402 or 403); the log names the source");
}
