/* hush.h: as many lines about refusals as somebody can read. Pure: the time is passed in.
 *
 * A flood of forged requests must not become a flood of lines that fills the disk and hides the one that matters. Each
 * cause has so many lines a second; what is beyond is counted, and told in one line when the second is over. The metrics
 * count everything.
 */
#ifndef HOOKLINE_INGEST_HUSH_H
#define HOOKLINE_INGEST_HUSH_H

#include <stdbool.h>
#include <stdint.h>

enum { HUSH_LINES_PER_S = 20, HUSH_CAUSES_MAX = 64 };

struct hush_cause {
    const char *cause; /* static text */
    int64_t second;
    unsigned written;
    uint64_t withheld;
};

struct hush {
    struct hush_cause causes[HUSH_CAUSES_MAX];
    unsigned count;
};

/* False: the line is withheld, and counted. Beyond HUSH_CAUSES_MAX causes the last row is shared. */
bool hush_allows(struct hush *hush, const char *cause, int64_t now_ms);
/* A cause whose second is over and that withheld lines: how many; 0: there is none. To be asked until then. */
uint64_t hush_over(struct hush *hush, int64_t now_ms, const char **cause);

#endif
