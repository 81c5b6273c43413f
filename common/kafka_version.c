/* kafka_version.c: known faults of librdkafka by release; source: its CHANGELOG.md. Pure. */
#include "common/kafka_version.h"

#include <stddef.h>

#include "common/slice.h"

enum { WITHOUT_CANDIDATE = ~0xff };

static const struct {
    int first, last;
    const char *why;
} FAULTS[] = {
    {0x00000000, 0x020001ff, "librdkafka is older than 2.0.2, with which hookline was tested: install 2.0.2 or later"},
    {0x02050000, 0x020502ff, "librdkafka 2.5.0 to 2.5.2 abort when they push telemetry: install 2.5.3 or later"},
    {0x02060000, 0x020600ff, "librdkafka 2.6.0 cannot fetch from brokers older than 2.7: install 2.6.1 or later"},
    {0x020a0000, 0x020a00ff, "librdkafka 2.10.0 bootstraps again and again (#5086): install 2.10.1 or later"},
};

const char *kafka_version_problem(int version)
{
    for (size_t i = 0; i < COUNT(FAULTS); i++)
        if ((version & WITHOUT_CANDIDATE) >= FAULTS[i].first && version <= FAULTS[i].last)
            return FAULTS[i].why;
    return NULL;
}
