/* roster.c: see roster.h. */
#include "ingest/roster.h"

#include <stdlib.h>

struct roster *roster_new(struct sources *sources)
{
    struct roster *roster = memory_new(1, sizeof *roster);
    *roster = (struct roster){.sources = sources_hold(sources),
                              .tallies = memory_new(sources->count + 1, sizeof *roster->tallies),
                              .buckets = memory_new(sources->count + 1, sizeof *roster->buckets),
                              .held = 1};
    for (size_t i = 0; i < sources->count; i++)
        roster->tallies[i] = tally_open(source_provider_name(sources->items[i].provider), sources->items[i].name);
    for (size_t i = 0; i < SOURCE_PROVIDERS; i++)
        roster->unknown[i] = (struct tally){.provider = source_provider_name((enum source_provider)i), .source = ""};
    return roster;
}

struct roster *roster_hold(struct roster *roster)
{
    roster->held++;
    return roster;
}

void roster_release(struct roster *roster)
{
    if (!roster || --roster->held > 0)
        return;
    sources_release(roster->sources);
    free(roster->tallies);
    free(roster->buckets);
    free(roster);
}

struct tally *roster_tally(struct roster *roster, const struct provider *provider, const struct source *source)
{
    return source ? &roster->tallies[source->index] : &roster->unknown[provider->id];
}
