/* hush.c: causes are few, and looked for one after the other. */
#include "ingest/hush.h"

#include <string.h>

static struct hush_cause *find(struct hush *hush, const char *cause)
{
    for (unsigned i = 0; i < hush->count; i++)
        if (strcmp(hush->causes[i].cause, cause) == 0)
            return &hush->causes[i];
    if (hush->count == HUSH_CAUSES_MAX)
        return &hush->causes[HUSH_CAUSES_MAX - 1];
    hush->causes[hush->count] = (struct hush_cause){.cause = cause};
    return &hush->causes[hush->count++];
}

bool hush_allows(struct hush *hush, const char *cause, int64_t now_ms)
{
    struct hush_cause *row = find(hush, cause);
    if (row->second != now_ms / 1000) {
        row->second = now_ms / 1000;
        row->written = 0;
    }
    if (row->written < HUSH_LINES_PER_S) {
        row->written++;
        return true;
    }
    row->withheld++;
    return false;
}

uint64_t hush_over(struct hush *hush, int64_t now_ms, const char **cause)
{
    for (unsigned i = 0; i < hush->count; i++) {
        struct hush_cause *row = &hush->causes[i];
        if (row->withheld == 0 || row->second == now_ms / 1000)
            continue;
        uint64_t withheld = row->withheld;
        row->withheld = 0;
        *cause = row->cause;
        return withheld;
    }
    return 0;
}
